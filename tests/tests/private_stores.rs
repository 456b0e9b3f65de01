//! Processes with stores of their own in memory, over one table.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use counter_core::{Claim, ClaimOp, ClaimSeq, Config, DeltaStore, ManualClock, MemoryStore};
use counter_diesel::ledger::{Ledger, LockWait};
use counter_diesel::{Counters, Error, SyncOptions};
use counter_tests::database::{self, Database};
use counter_tests::faults::{Fault, Faults, FaultyLedger, FaultyStore};
use counter_tests::fixtures::{post, views_of};

#[test]
fn a_claim_that_came_to_no_commit_is_not_stuck_when_another_process_overtakes_it() {
    for step in ["begin", "upsert", "verify"] {
        let database = database::sqlite();
        let is_away = Arc::new(AtomicBool::new(true));
        let away = Arc::clone(&is_away);
        let faults = Faults::deciding(move |name| {
            (name == step && away.load(Ordering::SeqCst)).then_some(Fault::Before)
        });
        let first = process(&*database, 100, &faults);
        let second = process(&*database, 200, &Faults::none());
        for process in [&first, &second] {
            process.increment(post(1), "views", 1).unwrap();
        }
        // Twice, so that what is remembered fails too.
        for _ in 0..2 {
            let stopped = first.sync(&SyncOptions::default());
            assert!(stopped.is_err() || !stopped.unwrap().is_clean(), "{step}");
        }
        assert!(second.sync(&SyncOptions::default()).unwrap().is_clean());
        is_away.store(false, Ordering::SeqCst);
        let report = first.sync(&SyncOptions::default()).unwrap();
        assert!(report.is_clean(), "{step}: {report:?}");
        assert_eq!(first.baseline(post(1), "views").unwrap(), 2, "{step}");
    }
}

/// Its claim may be in the table, so it gets no number under which it would be there twice.
#[test]
fn a_claim_whose_commit_panicked_is_not_applied_again_when_another_process_overtakes_it() {
    let database = database::sqlite();
    let is_first = AtomicBool::new(true);
    let faults = Faults::deciding(move |name| {
        (name == "commit" && is_first.swap(false, Ordering::SeqCst)).then_some(Fault::PanicAfter)
    });
    let first = process(&*database, 100, &faults);
    let second = process(&*database, 200, &Faults::none());
    for process in [&first, &second] {
        process.increment(post(1), "views", 1).unwrap();
    }
    assert!(Faults::survive(|| first.sync(&SyncOptions::default())).is_none());
    assert!(second.sync(&SyncOptions::default()).unwrap().is_clean());
    let report = first.sync(&SyncOptions::default()).unwrap();
    assert_eq!((report.applied, report.conflicts.count()), (0, 1), "{report:?}");
    assert_eq!(first.baseline(post(1), "views").unwrap(), 2);
}

/// It vanishes before it is verified, its row is updated, and the answer to that commit is lost.
#[test]
fn a_claim_that_is_gone_and_whose_commit_had_no_answer_counts_once() {
    for is_overtaken in [false, true] {
        let database = database::sqlite();
        let store = Arc::new(MemoryStore::with_clock(ManualClock::at_micros(100)));
        let (losing, is_first) = (Arc::clone(&store), AtomicBool::new(true));
        let faults = Faults::deciding(move |step| {
            if step == "verify"
                && let Some(claim) =
                    losing.look(&[views_of(1)]).unwrap().held.remove(0).unwrap().claim
            {
                losing.ack(&[claim]).unwrap();
            }
            let is_lost = step == "commit" && is_first.swap(false, Ordering::SeqCst);
            is_lost.then_some(Fault::After)
        });
        let (quiet, second) =
            (process(&*database, 50, &Faults::none()), process(&*database, 200, &Faults::none()));
        quiet.increment(post(1), "views", 1).unwrap();
        assert!(quiet.sync(&SyncOptions::default()).unwrap().is_clean());

        let first = over(&*database, Arc::new(FaultyStore::new(store, &faults)), &faults);
        first.increment(post(1), "views", 1).unwrap();
        let result = first.sync(&SyncOptions::default());
        let stopped = result.map_or_else(Some, |report| report.stopped);
        assert!(matches!(stopped, Some(Error::Unreachable { .. })), "{stopped:?}");
        assert_eq!(first.baseline(post(1), "views").unwrap(), 2);
        if is_overtaken {
            second.increment(post(1), "views", 1).unwrap();
            assert!(second.sync(&SyncOptions::default()).unwrap().is_clean());
        }
        let report = first.sync(&SyncOptions::default()).unwrap();
        assert!(report.is_clean() && report.superseded == 1, "{report}");
        let expected = 2 + i64::from(is_overtaken);
        assert_eq!(first.baseline(post(1), "views").unwrap(), expected);
    }
}

/// One that is left alone is applied under its second number.
#[test]
fn a_claim_that_is_overtaken_each_time_is_a_conflict_after_ten_new_numbers() {
    let database = database::sqlite();
    let overtaken = Arc::new(AtomicI64::new(0));
    let is_overtaking = Arc::new(AtomicBool::new(true));
    let faults = Faults::calling({
        let (ledger, overtaken) = (database.ledger("model_counters"), Arc::clone(&overtaken));
        let is_overtaking = Arc::clone(&is_overtaking);
        move |step| {
            if step == "begin" && is_overtaking.load(Ordering::SeqCst) {
                let seq = 1000 * (1 + overtaken.fetch_add(1, Ordering::SeqCst));
                let theirs =
                    Claim { id: views_of(1), seq: ClaimSeq::new(seq), op: ClaimOp::Add(1) };
                let mut transaction = ledger.begin(LockWait::Usual).unwrap();
                transaction.upsert(&[theirs]).unwrap();
                transaction.commit().unwrap();
            }
        }
    });
    let counters = process(&*database, 100, &faults);
    counters.increment(post(1), "views", 1).unwrap();
    let report = counters.sync(&SyncOptions::default()).unwrap();
    assert_eq!((report.applied, report.conflicts.count()), (0, 1), "{report}");
    assert_eq!(overtaken.load(Ordering::SeqCst), 11);
    is_overtaking.store(false, Ordering::SeqCst);
    let report = counters.sync(&SyncOptions::default()).unwrap();
    assert!(report.is_clean() && report.applied == 1, "{report}");
    assert_eq!(counters.baseline(post(1), "views").unwrap(), 12);
}

#[test]
fn a_read_beside_the_first_claim_of_a_process_is_exact() {
    let database = database::sqlite();
    let earlier = process(&*database, 100, &Faults::none());
    earlier.increment(post(1), "views", 5).unwrap();
    assert!(earlier.sync(&SyncOptions::default()).unwrap().is_clean());

    // Its high water is below the row, until anything is claimed.
    let store = Arc::new(MemoryStore::with_clock(ManualClock::at_micros(200)));
    let claiming = Arc::clone(&store);
    let faults = Faults::calling_once_before("baselines", move || {
        let other = views_of(2);
        claiming.increment(&other, 1).unwrap();
        claiming.claim(&[other], Duration::MAX).unwrap();
    });
    let counters = over(&*database, store, &faults);
    counters.increment(post(1), "views", 1).unwrap();
    assert_eq!(counters.get(post(1), "views").unwrap(), 6);
}

/// What should not be so: the row cannot tell whose number it has. Here the table should have 2.
#[test]
fn a_claim_is_lost_if_another_process_gave_out_its_number() {
    let database = database::sqlite();
    let processes = [100, 100].map(|now| process(&*database, now, &Faults::none()));
    for process in &processes {
        process.increment(post(1), "views", 1).unwrap();
        assert!(process.sync(&SyncOptions::default()).unwrap().is_clean());
    }
    assert_eq!(processes[0].baseline(post(1), "views").unwrap(), 1);
}

/// A process of this time, to whose store and database things happen.
fn process(database: &dyn Database, now_micros: i64, faults: &Arc<Faults>) -> Counters {
    let inner = Arc::new(MemoryStore::with_clock(ManualClock::at_micros(now_micros)));
    over(database, Arc::new(FaultyStore::new(inner, faults)), faults)
}

fn over(database: &dyn Database, store: Arc<dyn DeltaStore>, faults: &Arc<Faults>) -> Counters {
    let inner: Arc<dyn Ledger> = database.ledger("model_counters");
    inner.run_pending_migrations().unwrap();
    let ledger = FaultyLedger { inner, faults: Arc::clone(faults) };
    Counters::from_parts(Config::default(), store, Arc::new(ledger))
}
