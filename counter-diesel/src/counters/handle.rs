use counter_core::{CounterId, Held, Replacement};

use crate::counters::counters::Counters;
use crate::error::Error;

/// One counter, named once: see [`Counters::handle`]. Each method is that of [`Counters`] with its name.
///
/// Cheap to clone, and shared by threads.
#[derive(Debug, Clone)]
pub struct CounterHandle {
    counters: Counters,
    id: CounterId,
}

impl CounterHandle {
    pub(crate) fn new(counters: Counters, id: CounterId) -> Self {
        Self { counters, id }
    }

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
        self.counters.shared.increment(&self.id, by)
    }

    /// Subtracts from the counter.
    ///
    /// # Errors
    ///
    /// As [`Counters::increment`].
    pub fn decrement(&self, by: i64) -> Result<(), Error> {
        self.counters.shared.decrement(&self.id, by)
    }

    /// The counter's value.
    ///
    /// # Errors
    ///
    /// As [`Counters::get`].
    pub fn get(&self) -> Result<i64, Error> {
        self.counters.shared.get(&self.id)
    }

    /// Gives the counter a value.
    ///
    /// # Errors
    ///
    /// As [`Counters::increment`].
    pub fn set(&self, value: i64) -> Result<(), Error> {
        self.counters.shared.replace(&self.id, Replacement::Set(value))
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
        self.counters.shared.replace(&self.id, Replacement::Delete)
    }

    /// What the store holds of the counter.
    ///
    /// # Errors
    ///
    /// As [`Counters::pending`].
    pub fn pending(&self) -> Result<Held, Error> {
        self.counters.shared.pending(&self.id)
    }

    /// The counter's value as the last sync left it.
    ///
    /// # Errors
    ///
    /// As [`Counters::baseline`].
    pub fn baseline(&self) -> Result<i64, Error> {
        self.counters.shared.baseline(&self.id)
    }
}
