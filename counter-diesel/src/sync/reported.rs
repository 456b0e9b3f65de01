use std::hash::Hash;

use crate::engine::distinct::Distinct;

/// The things that a scan has reported, because it may find one twice. It is bounded, so that a
/// store full of one kind does not fill the memory; beyond that, a thing may be reported again.
#[derive(Default)]
pub(crate) struct Reported(Distinct);

const MOST_REPORTED: usize = 10_000;

impl Reported {
    /// Returns whether the thing was not reported before.
    pub(crate) fn insert(&mut self, thing: &(impl Hash + ?Sized)) -> bool {
        if self.0.count() < MOST_REPORTED {
            return self.0.insert(thing);
        }
        !self.0.contains(thing)
    }

    /// Returns whether the thing is known to be reported.
    pub(crate) fn contains(&self, thing: &(impl Hash + ?Sized)) -> bool {
        self.0.contains(thing)
    }
}
