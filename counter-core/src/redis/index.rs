//! The index of a store in Redis, which names counters that may hold something.

use std::num::NonZeroUsize;
use std::time::Duration;

use super::steps;
use super::store::RedisStore;
use crate::error::Error;
use crate::id::{CounterKey, Owner};
use crate::protocol::Holding;
use crate::store::{Cursor, DeltaStore as _, IndexEntry, IndexPage, KeyIndex, PendingIndex};

impl PendingIndex for RedisStore {
    fn page(&self, from: &[Cursor], count: NonZeroUsize) -> Result<IndexPage, Error> {
        if from.is_empty() {
            self.write_index();
        }
        steps::index_page(self.server(), from, count)
    }

    fn remove(&self, entries: &[IndexEntry]) -> Result<(), Error> {
        steps::remove_from_index(self.server(), entries)
    }

    fn begin_scan(&self, every: Duration) -> Result<bool, Error> {
        steps::begin_scan(self.server(), every)
    }

    fn abandon_scan(&self) -> Result<(), Error> {
        steps::abandon_scan(self.server())
    }
}

impl KeyIndex for RedisStore {
    fn keys_of(&self, owner: &Owner) -> Result<Vec<CounterKey>, Error> {
        self.write_index();
        let named = steps::index_of_owner(self.server(), owner)?;
        let held = self.look(&named)?.held;
        let named = named.into_iter().zip(held);
        // Keep a name whose value is not a count, so that it is still reported.
        let held = named.filter(|(_, held)| held.as_ref() != Ok(&Holding::default()));
        held.map(|(id, _)| Ok(CounterKey::new(id.key().into_owned())?)).collect()
    }
}
