//! Which buckets make up what is asked of a span, and their sums.

use chrono::{DateTime, FixedOffset, TimeDelta, Utc};
use counter_core::{CounterId, CounterKey, Grain, Invalid, Period, Span, Step, Zone};

use super::engine::Engine;
use super::floor::Floor;
use super::kept;
use crate::error::{CoreError, Error};

/// How many counters are looked at together. Each has two names in the store.
const AT_ONCE: usize = 2_000;

/// The steps of a span at the time of a call.
#[derive(Debug)]
pub(crate) struct Steps {
    pub(crate) steps: Vec<Step>,
    pub(crate) grain: Grain,
    /// `None` where the steps are the same in every zone, and that of the owner is not known.
    pub(crate) zone: Option<Zone>,
    pub(crate) now: DateTime<Utc>,
    /// Whether only what is kept is asked for.
    is_cut: bool,
}

/// Before this, none of the last steps of a span was one of those that are the last now.
const LONG_AGO: TimeDelta = TimeDelta::days(400);

impl Steps {
    /// Returns the steps of a span at an instant, in the span's own zone or else in this one.
    /// `None` if there is no zone and the steps depend on it.
    pub(crate) fn at(
        now: DateTime<Utc>,
        span: Span,
        zone: Option<Zone>,
    ) -> Option<Result<Self, Invalid>> {
        let (grain, zone) = (span.step(), span.own_zone().or(zone));
        if zone.is_none() && depend_on_zone(now, span) {
            return None;
        }
        let steps = span.steps(now, zone.unwrap_or_default());
        let is_cut = span.is_kept_only();
        Some(steps.map(|steps| Self { steps, grain, zone, now, is_cut }))
    }

    /// Returns how many steps have ended.
    pub(crate) fn ended(&self) -> usize {
        self.steps
            .iter()
            .filter(|step| step.instants(self.zone.unwrap_or_default()).end <= self.now)
            .count()
    }

    /// Returns the periods that add up to each step, of a counter that is counted by these grains.
    /// `None` if none do.
    ///
    /// Those of the grain that is asked for, else of the shortest that divides it. Hours come last,
    /// because each of the others has fewer buckets.
    pub(crate) fn periods(&self, stored: &[Grain]) -> Option<Vec<Vec<Period>>> {
        let mut grains = stored.to_vec();
        grains.sort_by_key(|grain| (*grain != self.grain, *grain == Grain::Hour, *grain));
        let zone = self.zone.unwrap_or_default();
        let parts = |grain| self.steps.iter().map(|step| step.made_of(grain, zone)).collect();
        grains.into_iter().find_map(parts)
    }

    /// Returns whether these periods, which add up to the steps, do so in a zone that is not known.
    pub(crate) fn needs_zone(&self, periods: &[Vec<Period>]) -> bool {
        let are_hours = periods.iter().flatten().any(|period| period.grain() == Grain::Hour);
        self.zone.is_none() && are_hours && self.grain != Grain::Hour
    }

    /// Returns the buckets that add up to each step. Where only what is kept is asked for, the
    /// steps before that are left out from now on.
    pub(crate) fn buckets(
        &mut self,
        engine: &Engine,
        id: &CounterId,
        stored: &[Grain],
    ) -> Result<Vec<Vec<CounterId>>, Error> {
        let not_kept = |since| -> Result<Error, Error> {
            let (key, grain, stored) = (key_of(id)?, self.grain, stored.to_vec());
            Ok(Error::NotKept { key, grain, stored, since })
        };
        let Some(mut periods) = self.periods(stored) else { return Err(not_kept(None)?) };
        if self.needs_zone(&periods) {
            return Err(Error::ZoneNeeded { counter: id.clone() });
        }
        if let Some(first) = periods.iter().flatten().next() {
            let floor = kept::floor(engine, id, first.grain())?;
            let before = self.before(&floor, &periods);
            if before > 0 && !self.is_cut {
                return Err(not_kept(floor.since)?);
            }
            self.steps.drain(..before);
            periods.drain(..before);
        }
        let buckets = |periods: Vec<Period>| {
            periods.into_iter().map(|period| Ok(id.within(period)?)).collect()
        };
        periods.into_iter().map(buckets).collect()
    }

    /// Returns how many steps, which come first, are older than what is kept.
    fn before(&self, floor: &Floor, periods: &[Vec<Period>]) -> usize {
        let zone = self.zone.unwrap_or_default();
        let is_held = |(step, periods): (&Step, &Vec<Period>)| {
            periods.first().is_none_or(|first| floor.holds(*step, *first, zone))
        };
        let held = self.steps.iter().zip(periods).position(is_held);
        held.unwrap_or(self.steps.len())
    }

    /// Returns the bucket of each step, of a counter that is counted by these grains.
    ///
    /// # Errors
    ///
    /// [`Error::NotStored`] if no bucket is a whole step.
    pub(crate) fn own_buckets(
        &self,
        id: &CounterId,
        stored: &[Grain],
    ) -> Result<Vec<CounterId>, Error> {
        let periods = self.steps.iter().map(|step| step.period()).collect::<Option<Vec<_>>>();
        let Some(periods) = periods.filter(|_| stored.contains(&self.grain)) else {
            let (key, grain, stored) = (key_of(id)?, self.grain, stored.to_vec());
            return Err(Error::NotStored { key, grain, stored });
        };
        periods.into_iter().map(|period| Ok(id.within(period)?)).collect()
    }
}

/// Returns whether a span has other steps in other zones. It has none if its dates are given, or if
/// they are hours up to now.
fn depend_on_zone(now: DateTime<Utc>, span: Span) -> bool {
    let steps = |now, zone| span.steps(now, zone);
    if span.step() == Grain::Hour {
        let other = FixedOffset::east_opt(3600).map(Zone::from).unwrap_or_default();
        return steps(now, Zone::UTC) != steps(now, other);
    }
    let before = now.checked_sub_signed(LONG_AGO).unwrap_or(now);
    steps(now, Zone::UTC) != steps(before, Zone::UTC)
}

fn key_of(id: &CounterId) -> Result<CounterKey, Error> {
    Ok(CounterKey::new(id.key().into_owned())?)
}

/// Returns the sum of each of these groups of buckets. Every look is exact at an instant of its
/// own.
pub(crate) fn sums(engine: &Engine, groups: &[Vec<CounterId>]) -> Result<Vec<i64>, Error> {
    let ids = groups.concat();
    let mut values = Vec::with_capacity(ids.len());
    for ids in ids.chunks(AT_ONCE) {
        values.extend(engine.get_many(ids)?);
    }
    let mut values = values.into_iter().map(i128::from);
    let sum_of = |group: &Vec<CounterId>| {
        let sum = values.by_ref().take(group.len()).sum::<i128>();
        match (i64::try_from(sum), group.first()) {
            (Ok(sum), _) => Ok(sum),
            (Err(_), Some(id)) => Err(CoreError::Overflow { counter: id.total() }.into()),
            // The sum of none is 0.
            (Err(_), None) => Ok(0),
        }
    };
    groups.iter().map(sum_of).collect()
}
