use std::collections::HashSet;
use std::hash::{BuildHasher as _, Hash, RandomState};

/// Things that a scan may find more than once, each counted once.
///
/// It remembers only their hashes: a name in a store may be as large as the memory.
#[derive(Default)]
pub(crate) struct Distinct {
    hasher: RandomState,
    seen: HashSet<u64>,
}

impl Distinct {
    /// Adds an item and returns whether it was not there yet.
    pub(crate) fn insert(&mut self, item: &(impl Hash + ?Sized)) -> bool {
        self.seen.insert(self.hasher.hash_one(item))
    }

    pub(crate) fn contains(&self, item: &(impl Hash + ?Sized)) -> bool {
        self.seen.contains(&self.hasher.hash_one(item))
    }

    pub(crate) fn count(&self) -> usize {
        self.seen.len()
    }
}
