use counter_diesel::query::{Grain, Period};
use counter_diesel::{CounterKey, Error};

/// The key of a counter as it is written at a terminal, alone or with the period of a bucket:
/// `views@day:2026-11-28`.
#[derive(Debug, Clone)]
pub(crate) struct KeyArgument {
    pub(crate) key: CounterKey,
    pub(crate) period: Option<Period>,
    pub(crate) text: String,
}

impl KeyArgument {
    /// Reads a key. One that ends like a bucket's is never a counter's own, because that would be
    /// answered with 0 where the bucket is meant.
    pub(crate) fn read(text: String) -> Result<Self, Error> {
        let (key, period) = match text.rsplit_once('@') {
            Some((key, period)) if names_a_grain(period) => (key, Some(period.parse::<Period>()?)),
            _ => (text.as_str(), None),
        };
        Ok(Self { key: key.parse::<CounterKey>()?, period, text })
    }

    pub(crate) const fn is_total(&self) -> bool {
        self.period.is_none()
    }

    pub(crate) fn read_all(texts: Vec<String>) -> Result<Vec<Self>, Error> {
        texts.into_iter().map(Self::read).collect()
    }
}

/// Returns whether this begins as the text of a period does.
fn names_a_grain(period: &str) -> bool {
    let grain = period.split_once(':').map(|(grain, _)| grain);
    grain.is_some_and(|grain| grain.parse::<Grain>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_may_have_a_period_and_a_wrong_one_is_refused() {
        let read = |text: &str| {
            let read = KeyArgument::read(text.to_owned()).ok()?;
            Some((read.key.to_string(), read.period.map(|period| period.to_string())))
        };
        let key = |key: &str| Some((key.to_owned(), None));
        assert_eq!(read("views"), key("views"));
        assert_eq!(read("views@home"), key("views@home"));
        assert_eq!(read("a:b@c:d"), key("a:b@c:d"));
        let day = "day:2026-11-28";
        let bucket = |key: &str| Some((key.to_owned(), Some(day.to_owned())));
        assert_eq!(read(&format!("views@{day}")), bucket("views"));
        assert_eq!(read(&format!("a@b@{day}")), bucket("a@b"));
        for wrong in ["", "@day:2026-11-28", "views@day:2026-02-31", "views@day:"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
