//! Whole passes that meet deadlocks, again and again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use counter_diesel::sync::{Capped, PostponedCause, PostponedClaim};
use counter_diesel::{Config, Counters, MemoryStore, SyncOptions};

use super::{ServerWorld, adds, apply, count, ledger_of};
use crate::database::{Database, ServerConnection};
use crate::effort::load;
use crate::fixtures::post;
use crate::process::wait_for;

const POSTS: i64 = 50;
const WRITERS: i64 = 4;

/// Two passes over one store fight over claims, while another session locks their rows in another
/// order: each time it is a pass that is ended, which has to try again.
pub(super) fn provoked<C: ServerConnection>(world: &ServerWorld<C>) {
    let mut other = world.database.connect();
    other.batch_execute(&C::IMPATIENCE.replace("NAME", world.database.name())).unwrap();
    other.batch_execute(C::PATIENCE).unwrap();
    let ledger = world.database.ledger("model_counters");
    // The other's transaction has to be the larger one.
    apply(&*ledger, &adds(1..=200, 5));
    let store = Arc::new(MemoryStore::new());
    let processes = [Duration::ZERO, Config::default().claim_timeout].map(|claim_timeout| {
        let mut config = Config::default();
        config.claim_timeout = claim_timeout;
        let ledger = Arc::new(ledger_of(&world.database.pool(4)));
        Counters::from_parts(config, Arc::clone(&store) as _, ledger)
    });
    let (is_over, applied) = (AtomicBool::new(false), AtomicU64::new(0));
    let counted = [(); POSTS as usize].map(|()| AtomicI64::new(0));
    let rounds = load(10);
    thread::scope(|scope| {
        let _end = End(&is_over);
        for process in &processes {
            scope.spawn(|| sync_until(&is_over, process, &applied));
        }
        for first in 0..WRITERS {
            let (counters, is_over, counted) = (&processes[0], &is_over, &counted);
            scope.spawn(move || count_until(is_over, counters, first, counted));
        }
        for _ in 0..rounds {
            let before = applied.load(SeqCst);
            meet_in_the_middle(world, &mut other);
            wait_for("a pass after the deadlock", || (applied.load(SeqCst) > before).then_some(()));
        }
    });
    let report = processes[0].sync(&SyncOptions::default()).unwrap();
    assert!(report.is_clean() && report.busy == 0, "{report:?}");
    for (id, counted) in (1..).zip(counted) {
        let expected = 1 + 1000 * rounds + counted.into_inner();
        assert_eq!(count(&*ledger, id), expected, "post {id}");
    }
}

/// It has all rows but the first when a pass, which has that, waits for another.
fn meet_in_the_middle<C: ServerConnection>(world: &ServerWorld<C>, other: &mut C) {
    let mut run = |sql: &str| other.batch_execute(&C::quoting(sql)).unwrap();
    let add = "UPDATE \"model_counters\" SET \"count\" = \"count\" + 1000 WHERE \"owner_id\"";
    run("BEGIN");
    run(&format!("{add} > 1"));
    let mut watcher = world.database.connect();
    wait_for("a pass to wait", || (watcher.waiting() > 0).then_some(()));
    run(&format!("{add} = 1"));
    run("COMMIT");
}

/// Ends the threads, also when the test panics.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, SeqCst);
    }
}

fn sync_until(is_over: &AtomicBool, process: &Counters, applied: &AtomicU64) {
    while !is_over.load(SeqCst) {
        let mut report = process.sync(&SyncOptions::default()).unwrap();
        // PostgreSQL looks for a deadlock once. Where the other came late to it, the pass waits its
        // time and leaves the rows to the next.
        let has_locked = |claim: &PostponedClaim| claim.cause == PostponedCause::Locked;
        assert!(report.postponed.iter().all(has_locked), "{report:?}");
        report.postponed = Capped::default();
        assert!(report.is_clean(), "{report:?}");
        applied.fetch_add(report.applied, SeqCst);
    }
}

/// The first post each time, for passes have to lock its row.
fn count_until(is_over: &AtomicBool, counters: &Counters, first: i64, counted: &[AtomicI64]) {
    let mut number = first;
    while !is_over.load(SeqCst) {
        number = (number + 1) % POSTS;
        for id in [1, number + 1] {
            let owner = post(id);
            counters.increment(owner, "views", 1).unwrap();
            counted[id as usize - 1].fetch_add(1, SeqCst);
        }
        thread::yield_now();
    }
}
