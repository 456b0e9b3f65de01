//! Increments of a total and of its buckets at one instant.

use chrono::{DateTime, Utc};
use counter_core::{
    CounterId, CounterKey, DeltaStore, Error as CoreError, Grain, Invalid, JointIncrement,
    OwnerType, Zone,
};

use super::calendar::{Calendar, Counted, DeclaredModel, not_counted};
use super::engine::Engine;
use crate::error::{Error, GaugeProblem};
use crate::owner::counter_owner::CounterOwner;
use crate::owner::gauge_of::GaugeOf;
use crate::owner::key_of::KeyOf;
use crate::owner::owner_zone::OwnerZone;

/// Why the zone of a counter's days is not known.
#[derive(Debug, Clone)]
pub(crate) enum NoZone {
    /// Only the owner's id is.
    ById,
    /// The owner's zone is a text that is not a zone.
    Invalid(Invalid),
}

impl NoZone {
    /// Returns the error of an increment.
    pub(crate) fn of(&self, counter: &CounterId) -> Error {
        self.of_write(counter, not_counted)
    }

    /// Returns the error of a write, of which `refused` says that it was not made.
    pub(crate) fn of_write(
        &self,
        counter: &CounterId,
        refused: impl FnOnce(&CounterId, Invalid) -> CoreError,
    ) -> Error {
        match self {
            Self::ById => Error::ZoneNeeded { counter: counter.clone() },
            Self::Invalid(invalid) => refused(counter, invalid.clone()).into(),
        }
    }
}

/// What a model declares a key as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Declared {
    Counted,
    Gauge,
    /// It does not declare it or declares it as both, or it is not known.
    Nothing,
}

/// Returns what the owner's own model declares a key as, or else a model that the builder knows.
pub(crate) fn declared<O: CounterOwner>(
    calendar: &Calendar,
    owner_type: &OwnerType,
    key: &CounterKey,
) -> Declared {
    let is_gauge = O::declared_gauges().contains(key) || !O::gauge_grains_of(key).is_empty();
    let is_counted = O::declared_keys().contains(key) || !O::grains_of(key).is_empty();
    let (is_gauge, is_counted) = match calendar.declared(owner_type) {
        Some(model) if !is_gauge && !is_counted => (model.is_gauge(key), model.is_counted(key)),
        _ => (is_gauge, is_counted),
    };
    match (is_gauge, is_counted) {
        (true, false) => Declared::Gauge,
        (false, true) => Declared::Counted,
        _ => Declared::Nothing,
    }
}

/// Returns what [`counted`] does, of a counter that is added to.
///
/// # Errors
///
/// [`Error::Gauge`] if the key is that of a gauge.
pub(crate) fn countable<O: CounterOwner>(
    calendar: &Calendar,
    owner: &O,
    key: &impl KeyOf<O::Model>,
    zone: Option<Zone>,
) -> Result<Counted, Error> {
    let key = key.counter_key()?;
    let (counted, no_zone) = named_key(calendar, owner, &key, zone)?;
    // An increment of a key that its model counts makes its owner once.
    if !O::declared_keys().contains(&key)
        && declared::<O>(calendar, owner.owner()?.owner_type(), &key) == Declared::Gauge
    {
        return Err(Error::Gauge(GaugeProblem::IsGauge { counter: counted.id }));
    }
    no_zone.map_or(Ok(()), |why| Err(why.of(&counted.id)))?;
    Ok(counted)
}

/// Returns whether a model declares the key as a gauge.
pub(crate) fn is_gauge<O: CounterOwner>(
    calendar: &Calendar,
    owner: &O,
    key: &impl KeyOf<O::Model>,
) -> Result<bool, Error> {
    let declared = declared::<O>(calendar, owner.owner()?.owner_type(), &key.counter_key()?);
    Ok(declared == Declared::Gauge)
}

/// Returns a counter, the grains by which it is counted, and the zone of its days: `zone` if the
/// call names one, else the owner's, else the configured one.
pub(crate) fn counted<O: CounterOwner>(
    calendar: &Calendar,
    owner: &O,
    key: &impl KeyOf<O::Model>,
    zone: Option<Zone>,
) -> Result<Counted, Error> {
    let (counted, no_zone) = named(calendar, owner, key, zone)?;
    no_zone.map_or(Ok(()), |why| Err(why.of(&counted.id)))?;
    Ok(counted)
}

/// Like [`counted`], for a counter that is read, too: returns why it cannot be counted in a zone
/// beside it.
pub(crate) fn named<O: CounterOwner>(
    calendar: &Calendar,
    owner: &O,
    key: &impl KeyOf<O::Model>,
    zone: Option<Zone>,
) -> Result<(Counted, Option<NoZone>), Error> {
    named_key(calendar, owner, &key.counter_key()?, zone)
}

fn named_key<O: CounterOwner>(
    calendar: &Calendar,
    owner: &O,
    key: &CounterKey,
    zone: Option<Zone>,
) -> Result<(Counted, Option<NoZone>), Error> {
    let of_model = |model: &DeclaredModel| (model.grains_of)(key);
    named_by(calendar, owner, key, (O::grains_of(key), &of_model), zone)
}

/// Like [`named`], for a gauge.
pub(crate) fn named_gauge<O: CounterOwner>(
    calendar: &Calendar,
    owner: &O,
    gauge: &impl GaugeOf<O::Model>,
    zone: Option<Zone>,
) -> Result<(Counted, Option<NoZone>), Error> {
    let key = gauge.gauge_key()?;
    let of_model = |model: &DeclaredModel| (model.gauge_grains_of)(&key);
    named_by(calendar, owner, &key, (O::gauge_grains_of(&key), &of_model), zone)
}

/// The grains of a key that the owner's own model declares, and those that a model known to the
/// builder declares.
type GrainsOf<'a> = (&'static [Grain], &'a dyn Fn(&DeclaredModel) -> &'static [Grain]);

fn named_by<O: CounterOwner>(
    calendar: &Calendar,
    owner: &O,
    key: &CounterKey,
    (own, of_model): GrainsOf<'_>,
    zone: Option<Zone>,
) -> Result<(Counted, Option<NoZone>), Error> {
    let of = owner.owner()?;
    let id = CounterId::of(&of, key);
    let model = calendar.declared(of.owner_type());
    let grains = if own.is_empty() { model.map_or(own, of_model) } else { own };
    let has_days = grains.iter().any(|grain| *grain != Grain::Hour);
    let zone = match zone {
        Some(zone) => Ok(zone),
        None if !has_days => Ok(Zone::UTC),
        None => match owner.zone() {
            Ok(OwnerZone::Own(zone)) => Ok(zone),
            Ok(OwnerZone::Unknown) => Err(NoZone::ById),
            Ok(OwnerZone::Undeclared) if model.is_some_and(|of| of.has_zone) => Err(NoZone::ById),
            Ok(OwnerZone::Configured | OwnerZone::Undeclared) => Ok(calendar.zone()),
            Err(invalid) => Err(NoZone::Invalid(invalid)),
        },
    };
    let counted = |zone| Counted { id, grains, zone };
    Ok(match zone {
        Ok(zone) => (counted(zone), None),
        Err(why) => (counted(Zone::UTC), Some(why)),
    })
}

/// Returns the zone of an owner's days: its own, else the configured one. `None` if it has one of
/// its own and only its id is known.
pub(crate) fn zone_of<O: CounterOwner>(
    calendar: &Calendar,
    owner: &O,
) -> Result<Option<Zone>, Error> {
    let of = owner.owner()?;
    let is_unknown = || calendar.declared(of.owner_type()).is_some_and(|model| model.has_zone);
    Ok(match owner.zone()? {
        OwnerZone::Own(zone) => Some(zone),
        OwnerZone::Unknown => None,
        OwnerZone::Undeclared if is_unknown() => None,
        OwnerZone::Configured | OwnerZone::Undeclared => Some(calendar.zone()),
    })
}

/// Adds to a counter, and to its buckets at the same instant: now, or when the event happened.
pub(crate) fn count_one(
    engine: &Engine,
    calendar: &Calendar,
    counted: &Counted,
    by: i64,
    event: Option<DateTime<Utc>>,
) -> Result<(), Error> {
    if counted.grains.is_empty() {
        if event.is_some() {
            calendar.instant(event)?;
        }
        return engine.increment(&counted.id, by);
    }
    let increment = counted.joint(calendar.instant(event)?, by)?;
    let outcomes = count_jointly(engine.store(), &[increment]);
    Ok(outcomes.into_iter().next().unwrap_or(Ok(()))?)
}

/// Adds to many counters. All increments have the same time.
pub(crate) fn count_many(
    engine: &Engine,
    calendar: &Calendar,
    counted: Vec<(Counted, i64)>,
    event: Option<DateTime<Utc>>,
) -> Result<(), Error> {
    let at = calendar.instant(event)?;
    if counted.iter().all(|(of, _)| of.grains.is_empty()) {
        let increments = counted.into_iter().map(|(of, by)| (of.id, by));
        return engine.increment_many(&increments.collect::<Vec<_>>());
    }
    let increments = counted.iter().map(|(of, by)| of.joint(at, *by));
    let increments = increments.collect::<Result<Vec<_>, CoreError>>()?;
    let outcomes = count_jointly(engine.store(), &increments);
    if outcomes.iter().all(Result::is_ok) { Ok(()) } else { Err(Error::Increments { outcomes }) }
}

/// Makes increments, each at one instant for its total and its buckets.
pub(crate) fn count_jointly(
    store: &dyn DeltaStore,
    increments: &[JointIncrement],
) -> Vec<Result<(), CoreError>> {
    if increments.iter().all(|one| one.buckets.is_empty()) {
        let plain = increments.iter().map(|one| (one.total.clone(), one.by));
        return store.increment_many(&plain.collect::<Vec<_>>());
    }
    match store.together() {
        Some(store) => store.count_together(increments),
        None => {
            let why = "the store cannot add to a counter and to its buckets at one instant";
            increments.iter().map(|one| Err(not_counted(&one.total, why))).collect()
        }
    }
}
