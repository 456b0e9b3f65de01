use std::fmt;

use crate::printable::Printable;

/// Input that cannot be a part of a counter's name or of the configuration. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Invalid {
    /// The text has no characters.
    #[error("the {kind} is empty")]
    Empty {
        /// What was given.
        kind: InputKind,
    },
    /// The text has more characters than the table's column takes.
    #[error("the {kind} has {chars} characters, but at most {limit} fit")]
    TooLong {
        /// What was given.
        kind: InputKind,
        /// Its length, in Unicode scalar values.
        chars: usize,
        /// The greatest length that is accepted, in the same unit.
        limit: usize,
    },
    /// The text has more bytes than a database takes in a name.
    #[error("the {kind} has {bytes} bytes, but at most {limit} fit")]
    TooManyBytes {
        /// What was given.
        kind: InputKind,
        /// Its length, in bytes of UTF-8.
        bytes: usize,
        /// The greatest length that is accepted, in the same unit.
        limit: usize,
    },
    /// The text contains the character U+0000.
    #[error("the {kind} contains NUL, which PostgreSQL cannot store")]
    Nul {
        /// What was given.
        kind: InputKind,
    },
    /// The text does not have the form that is asked for.
    #[error("{:?} is not {} {kind}: {why}", Printable(.text), .kind.article())]
    Malformed {
        /// What was asked for.
        kind: InputKind,
        /// The text that was given.
        text: String,
        /// The reason, or the values that are accepted.
        why: &'static str,
    },
}

impl Invalid {
    pub(crate) fn malformed(kind: InputKind, text: &str, why: &'static str) -> Self {
        Self::Malformed { kind, text: text.to_owned(), why }
    }
}

/// The kinds of input that come from outside: parts of a counter's name, and of the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum InputKind {
    /// The kind of model, such as `user`.
    OwnerType,
    /// The id of one model instance, such as `123`.
    OwnerId,
    /// The counter's name, such as `downloads`.
    CounterKey,
    /// A whole counter id in its text form, such as `user:123:downloads`.
    CounterId,
    /// A claim in its text form, such as `1700000000000000:add:5`.
    Claim,
    /// The start of all names in the store, such as `counter:`.
    Prefix,
    /// A glob over counter ids, such as `user:*`.
    Pattern,
    /// An hour, day, week, month, quarter or year, such as `day:2026-11-28`.
    Period,
    /// How long periods are, such as `day`.
    Grain,
    /// A time zone, such as `+05:30` or `Europe/Berlin`.
    Zone,
    /// The periods that a read asks for, such as the last 30 days.
    Span,
    /// For how long periods are kept, such as `day=90d:month`.
    Retention,
    /// The name of the table, such as `model_counters`.
    TableName,
    /// The kind of store, `redis` or `memory`.
    StoreKind,
    /// The number of counters that a sync moves at a time.
    BatchSize,
    /// The confirmations that claims wait for, such as `replicas=1`.
    Confirmation,
    /// A time, such as `10m`.
    Interval,
}

impl InputKind {
    const fn article(self) -> &'static str {
        match self {
            Self::OwnerType | Self::OwnerId => "an",
            _ => "a",
        }
    }
}

impl fmt::Display for InputKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OwnerType => "owner type",
            Self::OwnerId => "owner id",
            Self::CounterKey => "counter key",
            Self::CounterId => "counter id",
            Self::Claim => "claim",
            Self::Prefix => "prefix",
            Self::Pattern => "pattern",
            Self::Period => "period",
            Self::Grain => "grain",
            Self::Zone => "time zone",
            Self::Span => "span of periods",
            Self::Retention => "retention",
            Self::TableName => "table name",
            Self::StoreKind => "store",
            Self::BatchSize => "sync batch size",
            Self::Confirmation => "confirmation of claims",
            Self::Interval => "time",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_malformed_has_its_article() {
        let text = |kind| Invalid::malformed(kind, "7x", "it is none").to_string();
        assert_eq!(text(InputKind::OwnerId), "\"7x\" is not an owner id: it is none");
        assert_eq!(text(InputKind::Period), "\"7x\" is not a period: it is none");
    }
}
