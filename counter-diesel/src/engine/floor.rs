use chrono::NaiveDateTime;
use counter_core::{Grain, Period, Step, Zone};

/// The time from which on a counter's buckets have everything that it counted, and where older
/// counts are.
#[derive(Debug, Clone, Default)]
pub(crate) struct Floor {
    /// The start of the first bucket that is kept. `None` if all are.
    pub(crate) since: Option<NaiveDateTime>,
    /// Longer grains into which older buckets are added up.
    pub(crate) rolled: Vec<RolledUp>,
    /// The longer grains by which the key is counted directly.
    pub(crate) counted: Vec<Grain>,
    /// Since when these are counted directly, if that is known.
    pub(crate) counted_since: Option<NaiveDateTime>,
    /// Longer buckets that continue these.
    pub(crate) then: Option<Box<Then>>,
}

/// Longer buckets that are counted directly from a time on.
#[derive(Debug, Clone)]
pub(crate) struct Then {
    pub(crate) grain: Grain,
    pub(crate) since: NaiveDateTime,
    pub(crate) floor: Floor,
}

/// A longer grain into which buckets are added up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RolledUp {
    pub(crate) grain: Grain,
    /// What was counted from then on...
    pub(crate) since: Option<NaiveDateTime>,
    /// ... and before this is in these buckets, or still in the shorter ones. `None`: nothing is.
    pub(crate) kept_until: Option<NaiveDateTime>,
    /// Only buckets that start before this have some of it. `None`: none have.
    pub(crate) until: Option<NaiveDateTime>,
}

impl Floor {
    /// Returns this floor, raised to what a retention still keeps. `first_kept` is the first bucket
    /// that it keeps, and `into` the grain into which it rolls up the older ones.
    pub(crate) fn raised(mut self, first_kept: Option<Period>, into: Option<Grain>) -> Self {
        let Some(first_kept) = first_kept.map(Period::start) else { return self };
        if is_after(first_kept, self.since) {
            // Buckets are not added up if the key is counted by the longer grain.
            if let Some(grain) = into.filter(|into| !self.counted.contains(into)) {
                let (since, kept_until, until) = (self.since, Some(first_kept), None);
                self.rolled.push(RolledUp { grain, since, kept_until, until });
            }
            self.since = Some(first_kept);
        }
        self
    }

    /// Returns this floor, raised as [`raised`](Self::raised) does for a longer grain.
    pub(crate) fn raised_for(
        mut self,
        grain: Grain,
        first_kept: NaiveDateTime,
        into: Option<Grain>,
    ) -> Self {
        let mut further = Vec::new();
        for longer in self.rolled.iter_mut().filter(|longer| longer.grain == grain) {
            if is_after(first_kept, longer.since) {
                let (since, kept_until) = (longer.since, Some(first_kept));
                let into = into.filter(|into| !self.counted.contains(into));
                further.extend(into.map(|grain| {
                    let until = None;
                    RolledUp { grain, since, kept_until, until }
                }));
                longer.since = Some(first_kept);
            }
        }
        self.rolled.extend(further);
        self
    }

    /// Returns the floor for single buckets, which longer ones cannot replace.
    pub(crate) fn without_longer(self) -> Self {
        Self { rolled: Vec::new(), ..self }
    }

    /// Returns whether everything that was counted in a part of a step is in the buckets of that
    /// part, or in longer ones that are within the step.
    pub(crate) fn holds(
        &self,
        step: Step,
        mut from: NaiveDateTime,
        mut until: NaiveDateTime,
        zone: Zone,
    ) -> bool {
        let then = self.then.as_ref().filter(|then| then.since < until);
        if let Some(then) = then {
            if step.count_of(then.grain, zone).is_none()
                || !then.floor.holds(step, from.max(then.since), until, zone)
            {
                return false;
            }
            until = then.since;
        }
        while from < until && !is_after(from, self.since) {
            let has_next = |longer: &&RolledUp| {
                is_after(from, longer.since) && step.count_of(longer.grain, zone).is_some()
            };
            let next = self.rolled.iter().filter(has_next).filter_map(|longer| longer.kept_until);
            match next.max().filter(|next| *next > from) {
                Some(next) => from = next,
                None => return false,
            }
        }
        true
    }
}

pub(crate) fn is_after(start: NaiveDateTime, since: Option<NaiveDateTime>) -> bool {
    since.is_none_or(|since| start >= since)
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use counter_core::Span;

    use super::*;

    fn at(text: &str) -> Option<NaiveDateTime> {
        Some(format!("{text}T00:00:00").parse().unwrap())
    }

    fn rolled(grain: Grain, since: Option<NaiveDateTime>, until: &str) -> RolledUp {
        RolledUp { grain, since, kept_until: at(until), until: at(until) }
    }

    fn holds(floor: &Floor, period: &str) -> bool {
        let period = period.parse::<Period>().unwrap();
        let step = Span::from(period).steps(DateTime::UNIX_EPOCH, Zone::UTC).unwrap()[0];
        floor.holds(step, step.start(), step.end(), Zone::UTC)
    }

    #[test]
    fn what_was_rolled_up_is_held_by_what_it_divides_and_by_no_other() {
        let month = rolled(Grain::Month, at("2026-03-01"), "2026-06-10");
        let floor = Floor { since: at("2026-06-10"), rolled: vec![month], ..Floor::default() };
        let held = ["month:2026-03", "month:2026-06", "quarter:2026-Q2", "day:2026-06-10"];
        assert!(held.iter().all(|period| holds(&floor, period)));
        let lost = ["month:2026-02", "quarter:2026-Q1", "day:2026-06-09", "week:2026-W23"];
        assert!(lost.iter().all(|period| !holds(&floor, period)));
    }

    #[test]
    fn what_was_rolled_up_into_one_grain_after_another_is_held_by_what_both_divide() {
        let month = rolled(Grain::Month, None, "2026-02-10");
        let quarter = rolled(Grain::Quarter, at("2026-02-10"), "2026-06-10");
        let both = vec![month, quarter];
        let floor = Floor { since: at("2026-06-10"), rolled: both.clone(), ..Floor::default() };
        let held = ["month:2026-01", "quarter:2025-Q4", "quarter:2026-Q1", "year:2026"];
        assert!(held.iter().all(|period| holds(&floor, period)));
        assert!(["month:2026-02", "month:2026-03"].iter().all(|period| !holds(&floor, period)));
        // Days were dropped in between.
        let floor = Floor { since: at("2026-07-01"), rolled: both, ..Floor::default() };
        assert!(holds(&floor, "quarter:2026-Q1") && !holds(&floor, "quarter:2026-Q2"));
    }

    #[test]
    fn what_a_retention_rolls_up_is_held_before_it_is_and_after() {
        let first = "day:2026-06-10".parse::<Period>().unwrap();
        let floor = Floor { since: at("2026-03-01"), ..Floor::default() };
        let raised = floor.clone().raised(Some(first), Some(Grain::Month));
        assert!(holds(&raised, "month:2026-06") && holds(&raised, "month:2026-03"));
        assert!(!holds(&raised, "month:2026-02") && !holds(&raised, "day:2026-06-09"));
        let longer = raised.raised_for(Grain::Month, at("2026-05-01").unwrap(), None);
        assert!(holds(&longer, "month:2026-05") && !holds(&longer, "month:2026-04"));
        let counted = Floor { counted: vec![Grain::Month], ..floor };
        assert!(!holds(&counted.raised(Some(first), Some(Grain::Month)), "month:2026-06"));
    }
}
