use proc_macro2::Ident;

/// The name of an option of `#[counters(...)]`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum AttrName {
    Keys,
    Gauges,
    OwnerType,
    KeyEnum,
    GaugeEnum,
    Id,
    Zone,
}

impl AttrName {
    const ALL: [Self; 7] = [
        Self::Keys,
        Self::Gauges,
        Self::OwnerType,
        Self::KeyEnum,
        Self::GaugeEnum,
        Self::Id,
        Self::Zone,
    ];

    /// The similarity, from 0 to 1, from which a word counts as a misspelt option: `kyes`, `owner`.
    const ALIKE: f64 = 0.75;

    pub(super) fn find(name: &Ident) -> Option<Self> {
        Self::ALL.into_iter().find(|known| name == known.text())
    }

    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Keys => "keys",
            Self::Gauges => "gauges",
            Self::OwnerType => "owner_type",
            Self::KeyEnum => "key_enum",
            Self::GaugeEnum => "gauge_enum",
            Self::Id => "id",
            Self::Zone => "zone",
        }
    }

    /// Returns an example of the option.
    pub(super) fn form(self) -> &'static str {
        match self {
            Self::Keys => "keys(views, likes)",
            Self::Gauges => "gauges(stock(every(day)))",
            Self::OwnerType => r#"owner_type = "article""#,
            Self::KeyEnum => "key_enum = ArticleCounter",
            Self::GaugeEnum => "gauge_enum = ArticleGauge",
            Self::Id => "id = uuid",
            Self::Zone => "zone = time_zone",
        }
    }

    /// Lists all options, for a message.
    pub(super) fn list() -> String {
        let [others @ .., last] = Self::ALL.map(Self::form);
        format!("{} or `{last}`", others.map(|form| format!("`{form}`")).join(", "))
    }

    /// Returns the message for an option that is given twice.
    pub(super) fn repeated(self) -> String {
        match self {
            Self::Keys => "`keys` is given twice: put all keys into one list".to_owned(),
            Self::Gauges => "`gauges` is given twice: put all gauges into one list".to_owned(),
            _ => format!("`{}` is given twice: remove one", self.text()),
        }
    }

    /// Returns the message for an option that does not exist.
    pub(super) fn unknown(name: &Ident) -> String {
        match Self::nearest(&name.to_string()) {
            Some(nearest) => format!("unknown option: did you mean `{}`?", nearest.text()),
            None => format!("unknown option: expected {}", Self::list()),
        }
    }

    fn nearest(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .map(|known| (strsim::jaro_winkler(name, known.text()), known))
            .filter(|(alike, _)| *alike >= Self::ALIKE)
            .max_by(|(a, _), (b, _)| a.total_cmp(b))
            .map(|(_, known)| known)
    }
}

#[cfg(test)]
mod tests {
    use super::AttrName;

    fn nearest(name: &str) -> Option<&'static str> {
        AttrName::nearest(name).map(AttrName::text)
    }

    #[test]
    fn a_slip_of_the_pen_finds_the_option_that_was_meant() {
        for (slip, meant) in [
            ("key", "keys"),
            ("kyes", "keys"),
            ("owner", "owner_type"),
            ("ownertype", "owner_type"),
            ("keyenum", "key_enum"),
            ("zones", "zone"),
            ("gauge", "gauges"),
        ] {
            assert_eq!(nearest(slip), Some(meant), "{slip}");
        }
    }

    #[test]
    fn a_word_that_resembles_no_option_finds_none() {
        for word in ["table_name", "prefix", "x", "interval", "rename"] {
            assert_eq!(nearest(word), None, "{word}");
        }
    }
}
