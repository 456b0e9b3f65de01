use counter_core::{CounterId, Grain, Holding, Replacement};

use crate::counters::counters::Counters;
use crate::engine::counting::{count_one, counted};
use crate::engine::engine::negated;
use crate::error::Error;
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
    id: CounterId,
    grains: &'static [Grain],
}

impl Counters {
    /// A handle on one counter: the names are checked and put together once, for code that counts
    /// often.
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
        let (id, grains) = counted(self.calendar(), &owner, &key)?;
        Ok(CounterHandle { counters: self.clone(), id, grains })
    }
}

impl CounterHandle {
    /// Which counter it is.
    pub fn id(&self) -> &CounterId {
        &self.id
    }

    /// Adds to the counter.
    ///
    /// # Errors
    ///
    /// As [`Counters::increment`].
    pub fn increment(&self, by: i64) -> Result<(), Error> {
        if self.grains.is_empty() {
            return self.counters.engine().increment(&self.id, by);
        }
        let counted = (self.id.clone(), self.grains);
        count_one(self.counters.engine(), self.counters.calendar(), &counted, by)
    }

    /// Subtracts from the counter.
    ///
    /// # Errors
    ///
    /// As [`Counters::increment`].
    pub fn decrement(&self, by: i64) -> Result<(), Error> {
        self.increment(negated(&self.id, by)?)
    }

    /// The counter's value.
    ///
    /// # Errors
    ///
    /// As [`Counters::get`].
    pub fn get(&self) -> Result<i64, Error> {
        self.counters.engine().get(&self.id)
    }

    /// Gives the counter a value.
    ///
    /// # Errors
    ///
    /// As [`Counters::increment`].
    pub fn set(&self, value: i64) -> Result<(), Error> {
        set(self.counters.engine(), &self.id, Replacement::Set(value))
    }

    /// Sets the counter to 0.
    ///
    /// # Errors
    ///
    /// As [`Counters::increment`].
    pub fn reset(&self) -> Result<(), Error> {
        self.set(0)
    }

    /// Removes the counter and its row.
    ///
    /// # Errors
    ///
    /// As [`Counters::increment`].
    pub fn delete(&self) -> Result<(), Error> {
        set(self.counters.engine(), &self.id, Replacement::Delete)
    }

    /// What the store holds of the counter.
    ///
    /// # Errors
    ///
    /// As [`Counters::pending`].
    pub fn pending(&self) -> Result<Holding, Error> {
        self.counters.engine().pending(&self.id)
    }

    /// The counter's value as the last sync left it.
    ///
    /// # Errors
    ///
    /// As [`Counters::baseline`].
    pub fn baseline(&self) -> Result<i64, Error> {
        self.counters.engine().baseline(&self.id)
    }
}
