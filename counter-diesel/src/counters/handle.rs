use counter_core::{CounterId, Holding, Replacement, Zone};

use crate::counters::counters::Counters;
use crate::engine::calendar::Counted;
use crate::engine::counting::{NoZone, count_one, is_gauge, named};
use crate::engine::engine::negated;
use crate::error::{Error, GaugeProblem};
use crate::owner::counter_owner::CounterOwner;
use crate::owner::key_of::KeyOf;
use crate::sync::set::set;

/// One counter, named once: see [`Counters::handle`]. Each method is that of [`Counters`] with its
/// name.
///
/// Cheap to clone, and shared by threads.
#[derive(Debug, Clone)]
pub struct CounterHandle {
    counters: Counters,
    counted: Counted,
    /// Why it cannot be counted by days, if it would be.
    no_zone: Option<NoZone>,
    is_gauge: bool,
}

impl Counters {
    /// A handle on one counter: the names are checked and put together once, for code that counts
    /// often. The owner's zone is that of this call. By the id alone, a counter with days in a zone
    /// of its owner can be read and set, and is counted [in a zone](CounterHandle::in_zone).
    ///
    /// ```
    /// # use counter_diesel::{Counters, Error, Owner};
    /// # fn count(counters: &Counters) -> Result<(), Error> {
    /// let requests = counters.handle(Owner::global(), "requests")?;
    /// requests.increment(1)?; // nothing is left to check
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`counter_core::Error::Invalid`] if the owner or the key is invalid.
    pub fn handle<O: CounterOwner>(
        &self,
        owner: O,
        key: impl KeyOf<O::Model>,
    ) -> Result<CounterHandle, Error> {
        let (counted, no_zone) = named(self.calendar(), &owner, &key, None)?;
        let is_gauge = is_gauge(self.calendar(), &owner, &key)?;
        Ok(CounterHandle { counters: self.clone(), counted, no_zone, is_gauge })
    }
}

impl CounterHandle {
    /// Which counter it is.
    pub fn id(&self) -> &CounterId {
        &self.counted.id
    }

    /// This counter, counted in the days of this zone: see [`Counters::in_zone`].
    pub fn in_zone(mut self, zone: Zone) -> Self {
        self.counted.zone = zone;
        self.no_zone = None;
        self
    }

    /// Adds to the counter.
    ///
    /// # Errors
    ///
    /// As [`Counters::increment`].
    pub fn increment(&self, by: i64) -> Result<(), Error> {
        if let Some(why) = &self.no_zone {
            return Err(why.of(&self.counted.id));
        }
        if self.is_gauge {
            let counter = self.counted.id.clone();
            return Err(Error::Gauge(GaugeProblem::IsGauge { counter }));
        }
        count_one(self.counters.engine(), self.counters.calendar(), &self.counted, by, None)
    }

    /// Subtracts from the counter.
    ///
    /// # Errors
    ///
    /// As [`Counters::increment`].
    pub fn decrement(&self, by: i64) -> Result<(), Error> {
        self.increment(negated(&self.counted.id, by)?)
    }

    /// The counter's value.
    ///
    /// # Errors
    ///
    /// As [`Counters::get`].
    pub fn get(&self) -> Result<i64, Error> {
        self.counters.engine().get(&self.counted.id)
    }

    /// Gives the counter a value.
    ///
    /// # Errors
    ///
    /// As [`Counters::set`].
    pub fn set(&self, value: i64) -> Result<(), Error> {
        set(self.counters.engine(), &self.counted.id, Replacement::Set(value))
    }

    /// Sets the counter to 0.
    ///
    /// # Errors
    ///
    /// As [`Counters::set`].
    pub fn reset(&self) -> Result<(), Error> {
        self.set(0)
    }

    /// Removes the counter and its row.
    ///
    /// # Errors
    ///
    /// As [`Counters::set`].
    pub fn delete(&self) -> Result<(), Error> {
        set(self.counters.engine(), &self.counted.id, Replacement::Delete)
    }

    /// Returns what the store holds of the counter.
    ///
    /// # Errors
    ///
    /// As [`Counters::pending`].
    pub fn pending(&self) -> Result<Holding, Error> {
        self.counters.engine().pending(&self.counted.id)
    }

    /// The counter's value as the last sync left it.
    ///
    /// # Errors
    ///
    /// As [`Counters::baseline`].
    pub fn baseline(&self) -> Result<i64, Error> {
        self.counters.engine().baseline(&self.counted.id)
    }
}
