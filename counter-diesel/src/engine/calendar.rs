//! Which buckets an increment counts in beside its total.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, NaiveDateTime};
use counter_core::{
    Clock, CounterId, CounterKey, Error as CoreError, Grain, JointIncrement, Operation, Owner,
    OwnerType, Period, SystemClock,
};

/// A counter, and the grains by which it is counted.
pub(crate) type Counted = (CounterId, &'static [Grain]);

/// Returns the grains by which a model counts a key.
pub(crate) type GrainsOf = fn(&CounterKey) -> &'static [Grain];

/// What is needed to know the buckets of an increment.
#[derive(Clone)]
pub(crate) struct Calendar {
    clock: Arc<dyn Clock>,
    /// Models whose owners are known by their type as a text, too.
    models: Vec<(OwnerType, GrainsOf)>,
}

impl Default for Calendar {
    fn default() -> Self {
        Self { clock: Arc::new(SystemClock), models: Vec::new() }
    }
}

impl Calendar {
    pub(crate) fn with_clock(self, clock: impl Clock) -> Self {
        Self { clock: Arc::new(clock), ..self }
    }

    /// Adds a model: the type of its owners, and its grains.
    pub(crate) fn with_model(mut self, owner_type: OwnerType, grains_of: GrainsOf) -> Self {
        self.models.push((owner_type, grains_of));
        self
    }

    /// Returns the grains of a key of an owner whose model is known by its type as a text alone.
    pub(crate) fn declared(&self, owner: &Owner, key: &CounterKey) -> &'static [Grain] {
        let model = self.models.iter().find(|(owner_type, _)| owner_type == owner.owner_type());
        model.map_or(&[], |(_, grains_of)| grains_of(key))
    }

    /// Returns an increment that happens now.
    pub(crate) fn joint_one(
        &self,
        counted: &Counted,
        by: i64,
    ) -> Result<JointIncrement, CoreError> {
        joint_at(self.now(), counted, by)
    }

    /// Returns increments of these counters that all happen now.
    pub(crate) fn joint<'a>(
        &self,
        counted: impl IntoIterator<Item = (&'a Counted, i64)>,
    ) -> Result<Vec<JointIncrement>, CoreError> {
        let now = self.now();
        counted.into_iter().map(|(counted, by)| joint_at(now, counted, by)).collect()
    }

    /// Returns what time it is, in UTC, unless no calendar knows it.
    fn now(&self) -> Option<NaiveDateTime> {
        Some(DateTime::from_timestamp_micros(self.clock.now_micros())?.naive_utc())
    }
}

impl fmt::Debug for Calendar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Calendar").field("clock", &self.clock).finish_non_exhaustive()
    }
}

fn joint_at(
    now: Option<NaiveDateTime>,
    (id, grains): &Counted,
    by: i64,
) -> Result<JointIncrement, CoreError> {
    let bucket = |grain: &Grain| {
        let now = now.ok_or_else(|| not_counted(id, "the clock shows no time of the calendar"))?;
        let period = Period::containing(*grain, now);
        id.within(period).map_err(|outside| not_counted(id, outside))
    };
    let buckets = grains.iter().map(bucket).collect::<Result<_, CoreError>>()?;
    Ok(JointIncrement { total: id.clone(), buckets, by })
}

pub(crate) fn not_counted(
    id: &CounterId,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> CoreError {
    let (operation, counter) = (Operation::Increment, id.clone());
    CoreError::NotCounted { operation, counter, source: source.into() }
}
