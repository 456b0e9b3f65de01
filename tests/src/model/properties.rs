//! What must be so in every state, and what must be so in one, so that the first does not hold of
//! nothing.

use counter_core::Verdict;
use stateright::Property;

use super::reader::Reader;
use super::scenario::Scenario;
use super::state::ModelState;
use super::thread::{At, Then};

/// G1 and G3: let everything die here, make one pass, and the table is the truth.
pub const RECOVERS: &str = "everything may die, and the next pass makes the table right";
/// G1 and G3: what is in no store is in the table.
pub const SETTLES: &str = "when the store is empty, the table is right";
/// The owner of a claim finds out that the store has lost it.
pub const REPAIRS: &str = "a lost claim is applied by its owner";
/// G2.
pub const READS_TRUTH: &str = "a read returns what was true while it ran";

/// A set gets into the table however often its counter is set again.
pub const FOLLOWS: &str = "a pass writes a set that was made before it";

/// G1 at once: no claim of a process that lives waits until it looks left behind.
pub const FINISHES_ITS_OWN: &str = "the next pass of the only process makes the table right";

type Properties = Vec<Property<Scenario>>;

/// Of everything that has one store.
pub fn exactly_once() -> Properties {
    vec![
        Property::always(RECOVERS, |scenario: &Scenario, state: &ModelState| {
            state.after_recovery(&scenario.rules).all(|total| total == Some(state.truth))
        }),
        settles(),
        Property::always("nothing is in conflict", |_, state: &ModelState| state.conflicts == 0),
    ]
}

/// What is in no store is in the table.
pub fn settles() -> Property<Scenario> {
    Property::always(SETTLES, |_, state: &ModelState| {
        !state.stores.iter().all(super::store::Store::is_empty)
            || state.table.baseline().count == state.truth
    })
}

/// Of stores that lose a claim: its owner finds that out and applies it, and no process applies it
/// twice.
pub fn repairs_an_eviction() -> Properties {
    vec![
        Property::always(
            "a lost claim is counted at most once",
            |scenario: &Scenario, state: &ModelState| {
                let possible = state.truth - state.evicted..=state.truth;
                state
                    .after_recovery(&scenario.rules)
                    .flatten()
                    .all(|total| possible.contains(&total))
            },
        ),
        Property::always(REPAIRS, |_, state: &ModelState| {
            !state.is_quiet()
                || !state.stores[0].is_empty()
                || state.table.baseline().count == state.truth
        }),
    ]
}

/// Of a set that was made before the first thread makes its passes, and more while it makes them.
pub fn follows() -> Property<Scenario> {
    Property::always(FOLLOWS, |scenario: &Scenario, state: &ModelState| {
        let is_done = state.threads[0].at == At::Idle && state.threads[0].times == 0;
        !is_done || state.table.baseline().seq > scenario.start.table.baseline().seq
    })
}

/// Of one process, in whatever state its operations have ended.
pub fn finishes_its_own() -> Property<Scenario> {
    Property::always(FINISHES_ITS_OWN, |scenario: &Scenario, state: &ModelState| {
        state.after_pass_of(0, &scenario.rules).is_none_or(|after| {
            after.stores[0].is_empty() && after.table.baseline().count == after.truth
        })
    })
}

/// Of a scenario with a read.
pub fn reads_truth() -> Property<Scenario> {
    Property::always(READS_TRUTH, |_, state: &ModelState| {
        !matches!(state.reader, Reader::Wrong(..))
    })
}

/// Of a read where nothing that the store forgot is in the table.
pub fn reads_always() -> Property<Scenario> {
    Property::always("a read returns a value", |_, state: &ModelState| {
        state.reader != Reader::Refused
    })
}

/// That two threads apply one claim.
pub fn two_owners() -> Property<Scenario> {
    Property::sometimes(
        "a claim is recovered while its first owner lives",
        |_, state: &ModelState| {
            let claims = state.threads.iter().filter_map(super::thread::Thread::task);
            let claims = claims.map(|task| task.claim).collect::<Vec<_>>();
            claims.iter().enumerate().any(|(i, claim)| claims[..i].contains(claim))
        },
    )
}

/// That a verify fails in this way.
pub fn superseded() -> Property<Scenario> {
    Property::sometimes("a verify finds another claim", |_, state: &ModelState| {
        finds(state, Verdict::Superseded)
    })
}

/// That a verify finds this.
pub fn set_since() -> Property<Scenario> {
    Property::sometimes("a verify finds a newer set", |_, state: &ModelState| {
        finds(state, Verdict::SetSince)
    })
}

/// That a verify fails in this way.
pub fn gone() -> Property<Scenario> {
    Property::sometimes("a verify finds no claim", |_, state: &ModelState| {
        finds(state, Verdict::Gone)
    })
}

fn finds(state: &ModelState, verdict: Verdict) -> bool {
    state.threads.iter().any(|thread| {
        matches!(thread.at, At::Verify(task) if state.stores[0].verify(task.claim) == verdict)
    })
}

/// A claim that the store has lost is still written.
pub fn lost_applied() -> Property<Scenario> {
    Property::sometimes("a lost claim is found gone and applied", |_, state: &ModelState| {
        state.threads.iter().any(|thread| {
            matches!(thread.at, At::CommitUpdate(task) if state.table.baseline().seq < task.claim.seq)
        })
    })
}

/// That a claim is applied that was remembered.
pub fn remembered() -> Property<Scenario> {
    Property::sometimes("a remembered claim is applied again", |_, state: &ModelState| {
        state
            .threads
            .iter()
            .any(|thread| matches!(thread.at, At::Commit(task) if task.then == Then::Claim))
    })
}

/// That the lost answer is one to COMMIT, and the next transaction has to wait.
pub fn in_doubt() -> Property<Scenario> {
    Property::sometimes(
        "a commit is in doubt while another thread waits for the row",
        |_, state: &ModelState| {
            state.table.is_in_doubt()
                && state.threads.iter().any(|thread| matches!(thread.at, At::Upsert(_)))
        },
    )
}

/// That a late acknowledgement meets another claim.
pub fn late_ack() -> Property<Scenario> {
    Property::sometimes("a late acknowledgement meets a later claim", |_, state: &ModelState| {
        let claim = state.stores[0].claim;
        state.late_ack.is_some_and(|late| claim.is_some_and(|claim| claim.seq > late.seq))
    })
}

/// That a read meets what was applied after its look.
pub fn row_above_look() -> Property<Scenario> {
    Property::sometimes("a read meets a row above its look", |_, state: &ModelState| {
        matches!(state.reader, Reader::Again(..))
    })
}
