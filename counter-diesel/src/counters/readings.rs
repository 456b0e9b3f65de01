use counter_core::Step;

/// The readings of a gauge in periods that follow each other: see
/// [`Counters::readings`](crate::Counters::readings).
///
/// Oldest first. A period without a reading has `None`, and a period with several readings has the
/// last one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Readings {
    readings: Vec<(Step, Option<i64>)>,
    /// The last reading before the first period.
    before: Option<i64>,
    /// How many periods had begun. These come first.
    begun: usize,
}

impl Readings {
    pub(crate) fn new(
        readings: Vec<(Step, Option<i64>)>,
        before: Option<i64>,
        begun: usize,
    ) -> Self {
        Self { readings, before, begun }
    }

    /// Returns how many periods there are.
    pub fn len(&self) -> usize {
        self.readings.len()
    }

    /// Returns whether there are none.
    pub fn is_empty(&self) -> bool {
        self.readings.is_empty()
    }

    /// Returns the periods with their readings, oldest first.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (Step, Option<i64>)> + DoubleEndedIterator {
        self.readings.iter().copied()
    }

    /// Returns the periods with their readings, filling each gap with the last reading before it,
    /// as a chart of a stock does. `None` before the first reading, and in periods that have not
    /// begun.
    pub fn carried(&self) -> Vec<(Step, Option<i64>)> {
        let mut last = self.before;
        let carried = self.iter().enumerate().map(|(place, (step, reading))| {
            last = reading.or(last);
            (step, reading.or(last.filter(|_| place < self.begun)))
        });
        carried.collect()
    }
}

impl IntoIterator for Readings {
    type Item = (Step, Option<i64>);
    type IntoIter = std::vec::IntoIter<(Step, Option<i64>)>;

    fn into_iter(self) -> Self::IntoIter {
        self.readings.into_iter()
    }
}

impl<'a> IntoIterator for &'a Readings {
    type Item = (Step, Option<i64>);
    type IntoIter = std::iter::Copied<std::slice::Iter<'a, (Step, Option<i64>)>>;

    fn into_iter(self) -> Self::IntoIter {
        self.readings.iter().copied()
    }
}
