use std::collections::HashSet;
use std::hash::Hash;
use std::num::NonZeroUsize;

use counter_core::{CounterId, Cursor, DeltaStore, Foreign, Pattern};

use crate::error::Error;

/// A scan of the store from its beginning to its end, in batches that hold each counter once.
pub(crate) struct Sweep<'a> {
    store: &'a dyn DeltaStore,
    pattern: Pattern,
    batch_size: NonZeroUsize,
    /// What was found and is in no batch yet.
    found: Vec<CounterId>,
    /// Where the scan goes on.
    next: Option<Cursor>,
}

impl<'a> Sweep<'a> {
    pub(crate) fn new(
        store: &'a dyn DeltaStore,
        pattern: Pattern,
        batch_size: NonZeroUsize,
    ) -> Self {
        Self { store, pattern, batch_size, found: Vec::new(), next: Some(Cursor::default()) }
    }

    /// The next batch, or `None` at the end. Names that are not ours are given to `report`, page by page.
    pub(crate) fn next_batch(
        &mut self,
        mut report: impl FnMut(Foreign),
    ) -> Result<Option<Vec<CounterId>>, Error> {
        let mut batch = HashSet::new();
        while batch.len() < self.batch_size.get() {
            if let Some(id) = self.found.pop() {
                batch.insert(id);
            } else if let Some(from) = self.next {
                let page = self.store.scan(&self.pattern, from, self.batch_size)?;
                page.foreign.into_iter().for_each(&mut report);
                self.found = page.ids;
                self.next = page.next;
            } else {
                break;
            }
        }
        Ok((!batch.is_empty()).then(|| batch.into_iter().collect()))
    }
}

/// What was seen before in a scan, which may find a thing twice. Bounded, for a store full of one kind must not
/// fill the memory; beyond that, things may be taken for new again.
pub(crate) struct Seen<T>(HashSet<T>);

const MOST_SEEN: usize = 10_000;

impl<T: Eq + Hash> Seen<T> {
    /// Whether it was not seen before.
    pub(crate) fn insert(&mut self, thing: T) -> bool {
        if self.0.len() < MOST_SEEN {
            return self.0.insert(thing);
        }
        !self.0.contains(&thing)
    }
}

impl<T> Default for Seen<T> {
    fn default() -> Self {
        Self(HashSet::new())
    }
}
