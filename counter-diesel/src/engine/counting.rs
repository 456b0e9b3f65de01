//! Increments of a total and of its buckets at one instant.

use counter_core::{CounterId, DeltaStore, Error as CoreError, JointIncrement};

use super::calendar::{Calendar, Counted, not_counted};
use super::engine::Engine;
use crate::error::Error;
use crate::owner::counter_owner::CounterOwner;
use crate::owner::key_of::KeyOf;

/// Returns a counter and the grains by which it is counted.
pub(crate) fn counted<O: CounterOwner>(
    calendar: &Calendar,
    owner: &O,
    key: &impl KeyOf<O::Model>,
) -> Result<Counted, Error> {
    let (owner, key) = (owner.owner()?, key.counter_key()?);
    let grains = match O::grains_of(&key) {
        [] => calendar.declared(&owner, &key),
        grains => grains,
    };
    Ok((CounterId::of(&owner, &key), grains))
}

/// Adds to a counter, and to its buckets at the same instant.
pub(crate) fn count_one(
    engine: &Engine,
    calendar: &Calendar,
    counted: &Counted,
    by: i64,
) -> Result<(), Error> {
    let (id, grains) = counted;
    if grains.is_empty() {
        return engine.increment(id, by);
    }
    let increment = calendar.joint_one(counted, by)?;
    let outcomes = count_jointly(engine.store(), &[increment]);
    Ok(outcomes.into_iter().next().unwrap_or(Ok(()))?)
}

/// Adds to many counters. All increments have the same time.
pub(crate) fn count_many(
    engine: &Engine,
    calendar: &Calendar,
    counted: Vec<(Counted, i64)>,
) -> Result<(), Error> {
    if counted.iter().all(|((_, grains), _)| grains.is_empty()) {
        let increments = counted.into_iter().map(|((id, _), by)| (id, by));
        return engine.increment_many(&increments.collect::<Vec<_>>());
    }
    let increments = calendar.joint(counted.iter().map(|(of, by)| (of, *by)))?;
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
