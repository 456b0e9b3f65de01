//! The columns that hold a period, in the table of the buckets.

use chrono::NaiveDateTime;
use counter_core::{CounterId, Invalid, Period};
use diesel::result::{Error, QueryResult};

/// A period as the table has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PeriodColumns {
    /// The column `grain`: the word of the name in the store.
    pub(crate) grain: &'static str,
    /// The column `starts_at`: the civil start, without a zone.
    pub(crate) starts_at: NaiveDateTime,
}

impl PeriodColumns {
    /// Returns the period as the columns hold it.
    pub(crate) fn of(period: Period) -> Self {
        Self { grain: period.grain().as_str(), starts_at: period.start() }
    }
}

/// Buckets of one grain, from one to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BucketRange {
    /// The first of them.
    pub first: Period,
    /// The last of them, which has the grain of the first.
    pub last: Period,
}

/// Returns the period that the columns hold. Those that a sync writes always hold one.
pub(crate) fn read_period(grain: &str, starts_at: NaiveDateTime) -> Result<Period, Invalid> {
    Period::starting(grain.parse()?, starts_at)
}

/// Returns whether these counters are buckets. They are all, or none of them is: no statement is
/// about both tables.
pub(crate) fn are_buckets<'a>(ids: impl IntoIterator<Item = &'a CounterId>) -> QueryResult<bool> {
    let mut kinds = ids.into_iter().map(|id| id.period().is_some());
    let first = kinds.next().unwrap_or(false);
    if kinds.all(|kind| kind == first) {
        return Ok(first);
    }
    let why = "totals and buckets are in one statement, although their tables differ";
    Err(Error::QueryBuilderError(why.into()))
}

/// Returns the columns by which a table knows a counter: that of the buckets, or that of the
/// totals.
pub(crate) const fn key_columns(are_buckets: bool) -> &'static str {
    if are_buckets {
        r#""owner_type", "owner_id", "owner_key", "key", "grain", "starts_at""#
    } else {
        r#""owner_type", "owner_id", "owner_key", "key""#
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_period_has_columns_of_its_own_and_comes_back() {
        for text in [
            "hour:1000-01-01T00",
            "day:2024-02-29",
            "week:2020-W53",
            "month:2026-11",
            "quarter:2026-Q4",
            "year:9999",
        ] {
            let period = text.parse::<Period>().unwrap();
            let PeriodColumns { grain, starts_at } = PeriodColumns::of(period);
            assert_eq!(read_period(grain, starts_at), Ok(period));
            let later = starts_at + chrono::TimeDelta::seconds(1);
            assert!(read_period(grain, later).is_err() && read_period("era", starts_at).is_err());
        }
    }

    #[test]
    fn a_statement_is_about_one_table() {
        let total = CounterId::new("post", 1, "views").unwrap();
        let bucket = total.within("day:2026-11-28".parse().unwrap()).unwrap();
        assert_eq!(are_buckets([]), Ok(false));
        assert_eq!(are_buckets([&total, &total]), Ok(false));
        assert_eq!(are_buckets([&bucket, &bucket]), Ok(true));
        assert!(are_buckets([&total, &bucket]).is_err() && are_buckets([&bucket, &total]).is_err());
    }
}
