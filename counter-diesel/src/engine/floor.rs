use chrono::NaiveDateTime;
use counter_core::{Grain, Period, Step, Zone};

/// The time from which on a counter's buckets have everything that it counted.
#[derive(Debug, Clone, Default)]
pub(crate) struct Floor {
    /// The start of the first bucket that is kept. `None` if all are.
    pub(crate) since: Option<NaiveDateTime>,
    /// Longer grains into which earlier buckets were added up, and since when.
    pub(crate) rolled: Vec<(Grain, Option<NaiveDateTime>)>,
    /// The grains by which the key was counted directly. Nothing is rolled up into their buckets.
    pub(crate) counted: Vec<Grain>,
}

impl Floor {
    /// Returns this floor, raised to what a retention still keeps. `first_kept` is the first bucket
    /// that it keeps, and `into` the grain into which it rolls up the older ones.
    pub(crate) fn raised(mut self, first_kept: Option<Period>, into: Option<Grain>) -> Self {
        let Some(first_kept) = first_kept.map(Period::start) else { return self };
        if is_after(first_kept, self.since) {
            let is_new = |into: &Grain| {
                !self.counted.contains(into) && self.rolled.iter().all(|(grain, _)| grain != into)
            };
            if let Some(into) = into.filter(is_new) {
                self.rolled.push((into, self.since));
            }
            self.since = Some(first_kept);
        }
        self
    }

    /// Returns the floor for single buckets, which longer ones cannot replace.
    pub(crate) fn without_longer(self) -> Self {
        Self { rolled: Vec::new(), ..self }
    }

    /// Returns whether the buckets of a step, of which this is the first, have everything that was
    /// counted in it.
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
