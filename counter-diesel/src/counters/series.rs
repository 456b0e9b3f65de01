use counter_core::{Overflow, Step};

/// What a counter counted in periods that follow each other: see
/// [`Counters::series`](crate::Counters::series).
///
/// Oldest first, with 0 for the periods in which nothing was counted. Each is a [`Step`], which
/// says when it begins and ends. Its [`label`](Step::label) is the period by which it is shown: for
/// a billing month, the month in which it begins. `counters.during(step)` reads exactly the days of
/// a step.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Series {
    counts: Vec<(Step, i64)>,
    /// How many of the periods had ended. These come first.
    complete: usize,
}

impl Series {
    pub(crate) fn new(counts: Vec<(Step, i64)>, complete: usize) -> Self {
        Self { counts, complete }
    }

    /// Returns how many periods there are.
    pub fn len(&self) -> usize {
        self.counts.len()
    }

    /// Returns whether there are none.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// Returns the periods with their counts, oldest first.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (Step, i64)> + DoubleEndedIterator {
        self.counts.iter().copied()
    }

    /// Returns the counts, oldest first.
    pub fn values(&self) -> impl ExactSizeIterator<Item = i64> + DoubleEndedIterator {
        self.counts.iter().map(|(_, count)| *count)
    }

    /// Returns the sum of all counts.
    ///
    /// # Errors
    ///
    /// [`Overflow`] if it does not fit into 64 bits.
    pub fn sum(&self) -> Result<i64, Overflow> {
        self.values().map(i128::from).sum::<i128>().try_into().map_err(|_| Overflow)
    }

    /// Returns the period with the highest count, the first of several. `None` if there are no
    /// periods.
    pub fn highest(&self) -> Option<(Step, i64)> {
        self.iter().rev().max_by_key(|(_, count)| *count)
    }

    /// Returns the last period that had ended, compared with the one before it. `None` if fewer
    /// than two had.
    pub fn trend(&self) -> Option<Trend> {
        let mut ended = self.counts.iter().take(self.complete).rev();
        let (Some((_, last)), Some((_, before))) = (ended.next(), ended.next()) else {
            return None;
        };
        Some(Trend { last: *last, before: *before })
    }
}

impl IntoIterator for Series {
    type Item = (Step, i64);
    type IntoIter = std::vec::IntoIter<(Step, i64)>;

    fn into_iter(self) -> Self::IntoIter {
        self.counts.into_iter()
    }
}

impl<'a> IntoIterator for &'a Series {
    type Item = (Step, i64);
    type IntoIter = std::iter::Copied<std::slice::Iter<'a, (Step, i64)>>;

    fn into_iter(self) -> Self::IntoIter {
        self.counts.iter().copied()
    }
}

/// How a counter has changed: see [`Series::trend`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Trend {
    /// The count of the last period that had ended.
    pub last: i64,
    /// The count of the period before it.
    pub before: i64,
}

impl Trend {
    /// Returns by how much the last one is higher; negative if it is lower.
    ///
    /// # Errors
    ///
    /// [`Overflow`] if that does not fit into 64 bits.
    pub fn difference(self) -> Result<i64, Overflow> {
        self.last.checked_sub(self.before).ok_or(Overflow)
    }

    /// Returns the last one divided by the one before: 1.5 if it is half as much again. `None` if
    /// the one before is 0.
    pub fn ratio(self) -> Option<f64> {
        (self.before != 0).then(|| self.last as f64 / self.before as f64)
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, NaiveDate};
    use counter_core::{Grain, Period, Span, Zone};

    use super::*;

    fn months(counts: &[i64], complete: usize) -> Series {
        let date = |month| NaiveDate::from_ymd_opt(2026, month, 1).unwrap();
        let months = Span::between(Grain::Month, date(1), date(12));
        let months = months.steps(DateTime::UNIX_EPOCH, Zone::UTC).unwrap();
        Series::new(months.into_iter().zip(counts.iter().copied()).collect(), complete)
    }

    #[test]
    fn a_sum_of_series_overflows_only_if_the_whole_does() {
        assert_eq!(months(&[i64::MAX, 1, -1], 0).sum(), Ok(i64::MAX));
        assert_eq!(months(&[i64::MAX, 1], 0).sum(), Err(Overflow));
        assert_eq!(months(&[], 0).sum(), Ok(0));
    }

    #[test]
    fn the_highest_is_the_first_of_several() {
        let series = months(&[3, 7, 7, -1], 4);
        let (month, highest) = series.highest().unwrap();
        assert_eq!((month.period(), highest), (Period::month(2026, 2).ok(), 7));
        assert_eq!((months(&[], 0).highest(), series.len()), (None, 4));
    }

    #[test]
    fn a_trend_is_of_periods_that_have_ended() {
        let trend = months(&[1, 4, 6, 2], 3).trend().unwrap();
        assert_eq!((trend.last, trend.before), (6, 4));
        assert_eq!((trend.difference(), trend.ratio()), (Ok(2), Some(1.5)));
        assert_eq!(months(&[1, 4], 1).trend(), None);
        let trend = months(&[0, 4], 2).trend().unwrap();
        assert_eq!((trend.difference(), trend.ratio()), (Ok(4), None));
        let trend = months(&[i64::MAX, -2], 2).trend().unwrap();
        assert_eq!(trend.difference(), Err(Overflow));
    }
}
