//! Which buckets make up what is asked of a span, and their sums.

use chrono::{DateTime, FixedOffset, Utc};
use counter_core::{CounterId, CounterKey, Grain, InputKind, Invalid, Period, Span, Step, Zone};

use super::engine::Engine;
use super::floor::Floor;
use crate::error::{CoreError, Error};

/// How many counters are looked at together. Each has two names in the store.
pub(crate) const AT_ONCE: usize = 2_000;

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
    /// The longer grains into which the parts of the steps are rolled up once they are old.
    longer: Vec<Grain>,
    /// The grain whose periods add up to each step, once it was [chosen](Self::choose).
    chosen: Option<Grain>,
}

impl Steps {
    /// Returns the steps of a span at an instant, in the span's own zone or else in this one.
    /// `None` if there is no zone and the steps depend on it.
    pub(crate) fn at(
        now: DateTime<Utc>,
        span: Span,
        zone: Option<Zone>,
    ) -> Option<Result<Self, Invalid>> {
        let (grain, zone) = (span.step(), span.own_zone().or(zone));
        if zone.is_none() && span.depends_on_zone() {
            return None;
        }
        let steps = span.steps(now, zone.unwrap_or_default());
        let is_cut = span.is_kept_only();
        Some(steps.map(|steps| Self {
            steps,
            grain,
            zone,
            now,
            is_cut,
            longer: Vec::new(),
            chosen: None,
        }))
    }

    /// Returns how many steps have ended: everywhere, where the zone is not known.
    pub(crate) fn ended(&self) -> usize {
        let last_to_end = || FixedOffset::west_opt(12 * 3600).map(Zone::from);
        let zone = self.zone.or_else(last_to_end).unwrap_or_default();
        self.steps.partition_point(|step| step.instants(zone).end <= self.now)
    }

    /// Returns how many steps have begun: anywhere, where the zone is not known.
    pub(crate) fn begun(&self) -> usize {
        let first_to_begin = || FixedOffset::east_opt(14 * 3600).map(Zone::from);
        let zone = self.zone.or_else(first_to_begin).unwrap_or_default();
        self.steps.iter().filter(|step| step.instants(zone).start <= self.now).count()
    }

    /// Returns the grain whose periods add up to each step, of those by which a counter is counted.
    /// `None` if none do.
    ///
    /// It is the grain that is asked for, else the shortest that divides it. Hours come last,
    /// because each of the others has fewer buckets.
    pub(crate) fn parts(&self, stored: &[Grain]) -> Option<Grain> {
        self.chosen.or_else(|| self.candidates(stored).first().copied())
    }

    /// Returns the grains whose periods add up to each step, the best one first.
    fn candidates(&self, stored: &[Grain]) -> Vec<Grain> {
        let mut grains = stored.to_vec();
        grains.sort_by_key(|grain| (*grain != self.grain, *grain == Grain::Hour, *grain));
        let zone = self.zone.unwrap_or_default();
        let divides =
            |grain: &Grain| self.steps.iter().all(|step| step.count_of(*grain, zone).is_some());
        grains.into_iter().filter(divides).collect()
    }

    /// Chooses the grain whose periods add up to each step: the first of which everything is kept
    /// that is asked for, else the one of which the most is. A grain that was declared later, or is
    /// removed sooner, is so no reason to refuse what another one still has. Then it is
    /// [cut](Self::cut).
    ///
    /// # Errors
    ///
    /// [`Error::NotKept`] if no grain adds up to the steps, or none has all of them.
    pub(crate) fn choose(
        &mut self,
        key: &CounterKey,
        stored: &[Grain],
        floor_of: impl Fn(Grain) -> Result<Floor, Error>,
    ) -> Result<Grain, Error> {
        let mut best = (self.parts_of(key, stored)?, Floor::default(), usize::MAX);
        let mut grains = self.candidates(stored);
        if grains.iter().any(|grain| !self.needs_zone(*grain)) {
            grains.retain(|grain| !self.needs_zone(*grain));
        }
        for grain in grains {
            let floor = floor_of(grain)?;
            let before = self.before(&floor, grain);
            if before < best.2 {
                best = (grain, floor, before);
            }
            if before == 0 {
                break;
            }
        }
        let (grain, floor, _) = best;
        self.chosen = Some(grain);
        self.cut(key, stored, &floor, grain)?;
        Ok(grain)
    }

    /// Returns how many steps, which come first, are older than what is kept of these parts.
    fn before(&self, floor: &Floor, parts: Grain) -> usize {
        let zone = self.zone.unwrap_or_default();
        let is_held = |step: &Step| {
            let first = step.made_of(parts, zone).and_then(|periods| periods.first().copied());
            first.is_none_or(|first| floor.holds(*step, first, zone))
        };
        self.steps.iter().position(is_held).unwrap_or(self.steps.len())
    }

    /// Returns what [`parts`](Self::parts) does.
    ///
    /// # Errors
    ///
    /// [`Error::NotKept`] if no grain adds up to the steps.
    pub(crate) fn parts_of(&self, key: &CounterKey, stored: &[Grain]) -> Result<Grain, Error> {
        self.parts(stored).ok_or_else(|| {
            let (key, grain, stored) = (key.clone(), self.grain, stored.to_vec());
            Error::NotKept { key, grain, stored, since: None }
        })
    }

    /// Returns whether periods of this grain, which add up to the steps, do so in a zone that is
    /// not known.
    pub(crate) fn needs_zone(&self, parts: Grain) -> bool {
        self.zone.is_none() && parts == Grain::Hour && self.grain != Grain::Hour
    }

    /// Returns the first and the last period of this grain, which adds up to the steps. `None` if
    /// there are no steps.
    pub(crate) fn ends(&self, parts: Grain) -> Option<(Period, Period)> {
        let zone = self.zone.unwrap_or_default();
        let first = self.steps.first()?.made_of(parts, zone)?.first().copied()?;
        let last = self.steps.last()?.made_of(parts, zone)?.last().copied()?;
        Some((first, last))
    }

    /// Returns the periods whose buckets add up to each step: its parts, and the longer ones into
    /// which they are rolled up once they are old.
    pub(crate) fn periods(
        &self,
        id: &CounterId,
        stored: &[Grain],
    ) -> Result<Vec<Vec<Period>>, Error> {
        let parts = self.parts_of(&key_of(id)?, stored)?;
        if self.needs_zone(parts) {
            return Err(Error::ZoneNeeded { counter: id.clone() });
        }
        let zone = self.zone.unwrap_or_default();
        let periods = self.steps.iter().filter_map(|step| step.count_of(parts, zone)).sum::<u64>();
        if periods > Span::MAX_PERIODS {
            let (key, grain, most) = (key_of(id)?, parts, Span::MAX_PERIODS);
            return Err(Error::TooManyPeriods { key, grain, periods, most });
        }
        let periods = |step: &Step| {
            let mut periods = step.made_of(parts, zone)?;
            // Where the key is counted by the longer grain itself, nothing is added to its buckets.
            let longer = self.longer.iter().filter(|longer| !stored.contains(longer));
            periods.extend(longer.filter_map(|longer| step.made_of(*longer, zone)).flatten());
            Some(periods)
        };
        Ok(self.steps.iter().filter_map(periods).collect())
    }

    /// Notes into what these parts of the steps are rolled up. Leaves out the steps that are older
    /// than what is kept of the parts, if only what is kept is asked for.
    ///
    /// # Errors
    ///
    /// [`Error::NotKept`] if there are such steps, and all are asked for.
    pub(crate) fn cut(
        &mut self,
        key: &CounterKey,
        stored: &[Grain],
        floor: &Floor,
        parts: Grain,
    ) -> Result<(), Error> {
        let before = self.before(floor, parts);
        if before > 0 && !self.is_cut {
            let (key, grain, stored) = (key.clone(), self.grain, stored.to_vec());
            return Err(Error::NotKept { key, grain, stored, since: floor.since });
        }
        self.steps.drain(..before);
        self.longer = floor.rolled.iter().map(|(grain, _)| *grain).collect();
        Ok(())
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

/// Returns the error of a span over owners of which each has a zone of its own.
pub(crate) fn zone_needed() -> Invalid {
    let why = "owners of this model have zones of their own, so the span has to name one";
    Invalid::Malformed { kind: InputKind::Zone, text: "none".to_owned(), why }
}

fn key_of(id: &CounterId) -> Result<CounterKey, Error> {
    Ok(CounterKey::new(id.key().into_owned())?)
}

/// A counter, and the periods whose buckets are added up.
pub(crate) type Group<'a> = (&'a CounterId, Vec<Period>);

/// Returns the sum of all steps of each of these counters. The buckets of a step are in one look
/// and one query, because some may be rolled up into others of them at any time.
pub(crate) fn sums_of_steps(
    engine: &Engine,
    steps: Vec<(&CounterId, Vec<Vec<Period>>)>,
) -> Result<Vec<i64>, Error> {
    let (mut groups, mut sizes) = (Vec::new(), Vec::new());
    for (id, mut periods) in steps {
        if periods.iter().map(Vec::len).sum::<usize>() <= AT_ONCE {
            periods = vec![periods.concat()];
        }
        sizes.push((id, periods.len()));
        groups.extend(periods.into_iter().map(|periods| (id, periods)));
    }
    let mut sums = sums(engine, &groups)?.into_iter().map(i128::from);
    let sum_of = |(id, size): (&CounterId, usize)| {
        let sum = sums.by_ref().take(size).sum::<i128>();
        i64::try_from(sum).map_err(|_| CoreError::Overflow { counter: id.clone() }.into())
    };
    sizes.into_iter().map(sum_of).collect()
}

/// Returns the sum of each of these groups of buckets. Every look is exact at an instant of its
/// own. A group is in one look unless it is too large for one.
pub(crate) fn sums(engine: &Engine, groups: &[Group<'_>]) -> Result<Vec<i64>, Error> {
    let mut sums = Vec::with_capacity(groups.len());
    let mut rest = groups;
    while !rest.is_empty() {
        let (together, after) = rest.split_at(at_once(rest));
        sums.extend(sums_together(engine, together)?);
        rest = after;
    }
    Ok(sums)
}

/// Returns how many of the first groups fit into one look, and at least 1.
fn at_once(groups: &[Group<'_>]) -> usize {
    let mut buckets = 0_usize;
    let fit = groups.iter().take_while(|(_, periods)| {
        buckets = buckets.saturating_add(periods.len());
        buckets <= AT_ONCE
    });
    fit.count().max(1)
}

fn sums_together(engine: &Engine, groups: &[Group<'_>]) -> Result<Vec<i64>, Error> {
    let mut buckets =
        groups.iter().flat_map(|(id, periods)| periods.iter().map(|period| id.within(*period)));
    let mut values = Vec::new();
    loop {
        let ids = buckets.by_ref().take(AT_ONCE).collect::<Result<Vec<_>, _>>()?;
        if ids.is_empty() {
            break;
        }
        values.extend(engine.get_many(ids)?);
    }
    let mut values = values.into_iter().map(i128::from);
    let sum_of = |(id, periods): &Group<'_>| {
        let sum = values.by_ref().take(periods.len()).sum::<i128>();
        i64::try_from(sum).map_err(|_| CoreError::Overflow { counter: (*id).clone() }.into())
    };
    groups.iter().map(sum_of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_ends_between_groups_unless_one_is_too_large_for_it() {
        let id = CounterId::new("post", 42, "views").unwrap();
        let day = Period::year(2026).unwrap();
        let groups = |sizes: &[usize]| {
            let groups = sizes.iter().map(|size| (&id, vec![day; *size])).collect::<Vec<_>>();
            at_once(&groups)
        };
        assert_eq!(groups(&[1_500, 500, 1]), 2);
        assert_eq!(groups(&[1_500, 1_500]), 1);
        assert_eq!(groups(&[8_760, 1]), 1);
        assert_eq!(groups(&[0, 0, 2_000]), 3);
    }
}
