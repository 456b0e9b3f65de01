//! The contract of `DeltaStore` as a suite that every store has to pass.

mod ack;
mod capability;
mod claim;
mod concurrency;
mod gauges;
mod generation;
mod increment;
mod inspection;
mod key_index;
mod look;
mod moves;
mod operator;
mod pending_index;
mod periods;
mod private;
mod replace;
mod scan;
mod together;

use std::time::Duration;

pub use capability::Capability;
use counter_core::{Claim, Claimed, CounterId, DeltaStore, Holding};

use crate::fixtures::views_of;
use crate::store_worlds::StoreWorld;

/// One sentence of the contract, and what shows whether it holds.
pub type Case = (&'static str, fn(&dyn StoreWorld));

/// Returns the contract of every store.
pub fn cases() -> Vec<Case> {
    [
        increment::CASES,
        look::CASES,
        scan::CASES,
        claim::CASES,
        replace::CASES,
        ack::CASES,
        periods::CASES,
        concurrency::CASES,
    ]
    .concat()
}

/// Returns the contract of the stores that have this capability.
pub fn cases_of(capability: Capability) -> &'static [Case] {
    match capability {
        Capability::Generation => generation::CASES,
        Capability::Repair => operator::CASES,
        Capability::Private => private::CASES,
        Capability::KeyIndex => key_index::CASES,
        Capability::Moves => moves::CASES,
        Capability::Together => together::CASES,
        Capability::Gauges => gauges::CASES,
        Capability::PendingIndex => pending_index::CASES,
        Capability::Inspection => inspection::CASES,
    }
}

/// Cases by the names of their functions.
macro_rules! contract {
    ($($case:ident),* $(,)?) => {
        pub(super) const CASES: &[super::Case] = &[$((stringify!($case), $case)),*];
    };
}
use contract;

/// Longer than any test: every claim is a living sync's.
const LONG: Duration = Duration::from_secs(3600);

fn ids(count: i64) -> Vec<CounterId> {
    (1..=count).map(views_of).collect()
}

/// Whether sequences of different counters may have nothing to do with each other.
fn has_parts(store: &dyn DeltaStore) -> bool {
    store.generation().is_some_and(|generation| generation.parts().is_some())
}

/// What is held of one counter.
fn held(store: &dyn DeltaStore, id: &CounterId) -> Holding {
    let mut look = store.look(std::slice::from_ref(id)).unwrap();
    assert_eq!(look.held.len(), 1);
    look.held.remove(0).unwrap()
}

fn pending(store: &dyn DeltaStore, id: &CounterId) -> i64 {
    held(store, id).pending
}

/// Claims one counter.
fn claim(store: &dyn DeltaStore, id: &CounterId, claim_timeout: Duration) -> Claimed {
    let mut claimed = store.claim(std::slice::from_ref(id), claim_timeout).unwrap();
    assert_eq!(claimed.len(), 1);
    claimed.remove(0)
}

/// Increments and claims one counter.
fn fresh(store: &dyn DeltaStore, id: &CounterId, by: i64) -> Claim {
    store.increment(id, by).unwrap();
    match claim(store, id, LONG) {
        Claimed::Fresh(claim) => claim,
        other => panic!("expected a fresh claim of {id}, got {other:?}"),
    }
}
