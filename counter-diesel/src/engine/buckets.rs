//! Which buckets make up what is asked of a span.

use std::collections::BTreeMap;

use chrono::{DateTime, FixedOffset, NaiveDateTime, Utc};
use counter_core::{CounterId, CounterKey, Grain, InputKind, Invalid, Period, Span, Step, Zone};

use super::floor::{Floor, Then};
use crate::error::Error;
use crate::ledger::dialect::period::BucketRange;

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
    /// The longer grains into which the parts of the steps are rolled up once they are old, each
    /// with the start before which its buckets have some of it.
    longer: BTreeMap<Grain, NaiveDateTime>,
    /// The grain whose periods add up to each step, once it was [chosen](Self::choose).
    chosen: Option<Grain>,
    /// A longer grain by which the counter is counted, too, and since when: from then on its
    /// periods are added up instead.
    then: Option<(Grain, NaiveDateTime)>,
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
            longer: BTreeMap::new(),
            chosen: None,
            then: None,
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
    /// removed sooner, is so no reason to refuse what another one still has. What one grain has up
    /// to the time from which on a longer one is counted is added to what that one has since.
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
        let mut floors = Vec::<(Grain, Floor)>::new();
        for grain in grains {
            let floor = floor_of(grain)?;
            let before = self.before(&floor, grain);
            floors.push((grain, floor.clone()));
            if before < best.2 {
                best = (grain, floor, before);
            }
            if best.2 == 0 {
                break;
            }
        }
        if best.2 > 0 {
            best = self.joined(&floors, best);
        }
        let (grain, floor, before) = best;
        self.chosen = Some(grain);
        self.cut_off(before.min(self.steps.len()), key, stored, &floor)?;
        Ok(grain)
    }

    /// Returns the best of these floors and of those of which a longer one continues a shorter one,
    /// with its grain and how many steps are older.
    fn joined(
        &self,
        floors: &[(Grain, Floor)],
        mut best: (Grain, Floor, usize),
    ) -> (Grain, Floor, usize) {
        for (grain, floor) in floors.iter().filter(|(grain, _)| *grain != Grain::Hour) {
            for (longer, of_longer) in floors.iter().filter(|(longer, _)| longer > grain) {
                let Some(since) = of_longer.counted_since else { continue };
                let mut both = floor.clone();
                both.then =
                    Some(Box::new(Then { grain: *longer, since, floor: of_longer.clone() }));
                let before = self.before(&both, *grain);
                if before < best.2 {
                    best = (*grain, both, before);
                }
            }
        }
        best
    }

    /// Returns how many steps, which come first, are older than what is kept of these parts.
    fn before(&self, floor: &Floor, parts: Grain) -> usize {
        let zone = self.zone.unwrap_or_default();
        let is_held = |step: &Step| {
            let within = match parts {
                Grain::Hour if self.grain != Grain::Hour => {
                    let instants = step.instants(zone);
                    instants.start.naive_utc()..instants.end.naive_utc()
                }
                _ => step.start()..step.end(),
            };
            floor.holds(*step, within.start, within.end, zone)
        };
        self.steps.iter().rposition(|step| !is_held(step)).map_or(0, |last| last + 1)
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

    /// Returns the buckets that add up to all steps, from the first to the last of each grain.
    pub(crate) fn ranges(&self, parts: Grain) -> Vec<BucketRange> {
        let mut ranges = Vec::new();
        let mut push = |grain: Grain, from: Option<NaiveDateTime>, until: Option<NaiveDateTime>| {
            let Some((mut first, mut last)) = self.ends(grain) else { return };
            if let Some(from) = from.filter(|from| first.start() < *from) {
                first = Period::containing(grain, from);
            }
            if let Some(until) = until.filter(|until| last.start() >= *until) {
                last = Period::containing(grain, until);
                last = if last.start() < until { last } else { last.previous() };
            }
            if first <= last {
                ranges.push(BucketRange { first, last });
            }
        };
        push(parts, None, self.then.map(|(_, since)| since));
        self.longer.iter().for_each(|(grain, until)| push(*grain, None, Some(*until)));
        if let Some((grain, since)) = self.then {
            push(grain, Some(since), None);
        }
        ranges
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
            let of = |grain: Grain| step.made_of(grain, zone).unwrap_or_default().into_iter();
            if let Some((_, since)) = self.then {
                periods.retain(|period| period.start() < since);
            }
            for (grain, until) in &self.longer {
                periods.extend(of(*grain).filter(|period| period.start() < *until));
            }
            if let Some((grain, since)) = self.then {
                periods.extend(of(grain).filter(|period| period.start() >= since));
            }
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
        self.cut_off(self.before(floor, parts), key, stored, floor)
    }

    /// Does what [`cut`](Self::cut) does with the first steps, of which not all is kept.
    fn cut_off(
        &mut self,
        before: usize,
        key: &CounterKey,
        stored: &[Grain],
        floor: &Floor,
    ) -> Result<(), Error> {
        if before > 0 && !self.is_cut {
            let (key, grain, stored) = (key.clone(), self.grain, stored.to_vec());
            return Err(Error::NotKept { key, grain, stored, since: floor.since });
        }
        self.steps.drain(..before);
        self.then = None;
        self.longer.clear();
        self.note(floor);
        Ok(())
    }

    /// Notes which longer buckets are added up.
    fn note(&mut self, floor: &Floor) {
        for longer in &floor.rolled {
            if let Some(until) = longer.until {
                let of_grain = self.longer.entry(longer.grain).or_insert(until);
                *of_grain = until.max(*of_grain);
            }
        }
        if let Some(then) = &floor.then {
            self.then = Some((then.grain, then.since));
            self.note(&then.floor);
        }
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
