use chrono::NaiveDateTime;
use counter_core::{Grain, Period, Step, Zone};

/// From when on the buckets of a counter are all that it counted.
#[derive(Debug, Clone, Default)]
pub(crate) struct Floor {
    /// The start of the first bucket that is kept. `None` if all are.
    pub(crate) since: Option<NaiveDateTime>,
    /// Longer grains into which earlier buckets were added up, and since when.
    pub(crate) rolled: Vec<(Grain, Option<NaiveDateTime>)>,
}

impl Floor {
    /// Returns whether the buckets of a step, which begin with this one, are all that was counted
    /// in it.
    pub(crate) fn holds(&self, step: Step, first: Period, zone: Zone) -> bool {
        is_after(first.start(), self.since)
            || self.rolled.iter().any(|(grain, since)| {
                let made_of = step.made_of(*grain, zone);
                let first = made_of.and_then(|periods| periods.first().copied());
                first.is_some_and(|first| is_after(first.start(), *since))
            })
    }
}

fn is_after(start: NaiveDateTime, since: Option<NaiveDateTime>) -> bool {
    since.is_none_or(|since| start >= since)
}
