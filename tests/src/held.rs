//! What a store holds in all.

use std::collections::HashSet;
use std::num::NonZeroUsize;

use counter_core::{Claim, ClaimOp, CounterId, Cursor, DeltaStore, Pattern};

/// Returns what a store holds of each counter that is added to only: what is pending, and what is
/// claimed.
///
/// # Panics
///
/// If it does not answer, or holds anything else.
pub fn sums(store: &dyn DeltaStore) -> Vec<(CounterId, i64)> {
    let ids = ids(store);
    let held = store.look(&ids).expect("the store answers").held;
    let sum = |held: Result<counter_core::Holding, _>| {
        let held = held.expect("all that is there are counters");
        held.pending + held.claim.as_ref().map_or(0, added_by)
    };
    ids.into_iter().zip(held.into_iter().map(sum)).collect()
}

fn added_by(claim: &Claim) -> i64 {
    match claim.op {
        ClaimOp::Add(by) => by,
        other => panic!("{other:?} of {}", claim.id),
    }
}

fn ids(store: &dyn DeltaStore) -> Vec<CounterId> {
    let (mut ids, mut next) = (HashSet::new(), Some(Cursor::default()));
    let count = NonZeroUsize::new(1000).expect("it is not zero");
    while let Some(from) = next {
        let page = store.scan(&Pattern::default(), from, count).expect("the store answers");
        ids.extend(page.ids);
        next = page.next;
    }
    ids.into_iter().collect()
}
