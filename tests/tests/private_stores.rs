//! Processes with stores of their own in memory, over one table.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use counter_core::{
    Claim, ClaimOp, ClaimSeq, Config, DeltaStore, Generation, ManualClock, MemoryStore, NumberRow,
    StoreNumber,
};
use counter_diesel::ledger::{Ledger, LockWait};
use counter_diesel::sync::OnConflict;
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

/// Two processes can claim in the same microsecond before either has a number.
#[test]
fn a_claim_is_read_over_a_row_that_another_process_has_given_its_very_sequence() {
    let database = database::sqlite();
    let ledger = database.ledger("model_counters");
    ledger.run_pending_migrations().unwrap();
    let store = Arc::new(MemoryStore::with_clock(ManualClock::at_micros(100)));
    let mut config = Config::default();
    config.claim_timeout = Duration::ZERO;
    let counters = Counters::from_parts(config, Arc::clone(&store) as _, Arc::clone(&ledger));
    counters.increment(post(1), "views", 5).unwrap();
    store.claim(&[views_of(1)], Duration::ZERO).unwrap();
    let own = store.look(&[views_of(1)]).unwrap().held.remove(0).unwrap().claim.unwrap();
    let mut transaction = ledger.begin(LockWait::Usual).unwrap();
    transaction.upsert(&[Claim { op: ClaimOp::Add(100), ..own }]).unwrap();
    transaction.commit().unwrap();
    assert_eq!(counters.get(post(1), "views").unwrap(), 105);
    assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
    assert_eq!(counters.baseline(post(1), "views").unwrap(), 105);
}

/// The claim may be in the table. The next transaction finds that out before anything else.
#[test]
fn a_claim_whose_commit_panicked_counts_once_when_another_process_overtakes_it() {
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
    assert!(report.is_clean() && report.applied == 1, "{report:?}");
    assert_eq!(first.baseline(post(1), "views").unwrap(), 2);
}

/// It vanishes before it is verified, its row is updated, and the answer to that commit is lost.
#[test]
fn a_claim_that_is_gone_and_whose_commit_had_no_answer_counts_once() {
    for is_overtaken in [false, true] {
        let database = database::sqlite();
        let store = Arc::new(MemoryStore::with_clock(ManualClock::at_micros(100_000)));
        let (losing, is_gone) = (Arc::clone(&store), AtomicBool::new(false));
        let faults = Faults::deciding(move |step| {
            if step == "verify"
                && let Some(claim) =
                    losing.look(&[views_of(1)]).unwrap().held.remove(0).unwrap().claim
            {
                losing.ack(&[claim]).unwrap();
                is_gone.store(true, Ordering::SeqCst);
            }
            let is_lost = step == "commit" && is_gone.swap(false, Ordering::SeqCst);
            is_lost.then_some(Fault::After)
        });
        let (quiet, second) = (
            process(&*database, 50, &Faults::none()),
            process(&*database, 200_000, &Faults::none()),
        );
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

/// The claim vanishes before it is verified, and its number goes to another process. It does not
/// get a sequence of the next number.
#[test]
fn a_claim_that_is_gone_is_not_written_under_another_number() {
    let database = database::sqlite();
    let store = Arc::new(MemoryStore::with_clock(ManualClock::at_micros(100_000)));
    let (losing, taking) = (Arc::clone(&store), database.ledger("model_counters"));
    let is_gone = AtomicBool::new(false);
    let faults = Faults::deciding(move |step| {
        if step == "begin" && is_gone.swap(false, Ordering::SeqCst) {
            commit_under_each_number(&*taking);
        }
        let claim = || losing.look(&[views_of(1)]).unwrap().held.remove(0).unwrap().claim;
        if step == "verify"
            && let Some(claim) = claim()
        {
            losing.ack(&[claim]).unwrap();
            is_gone.store(true, Ordering::SeqCst);
        }
        None
    });
    let quiet = process(&*database, 50, &Faults::none());
    quiet.increment(post(1), "views", 1).unwrap();
    assert!(quiet.sync(&SyncOptions::default()).unwrap().is_clean());
    let counters = over(&*database, Arc::new(FaultyStore::new(store, &faults)), &faults);
    counters.increment(post(1), "views", 1).unwrap();
    let report = counters.sync(&SyncOptions::default()).unwrap();
    let lost = report.lost.iter().map(|lost| lost.applied).collect::<Vec<_>>();
    assert_eq!(lost, [false], "{report:?}");
    assert_eq!(counters.baseline(post(1), "views").unwrap(), 1);
}

/// The sequence that its row had is below its new one, and the row is locked by then.
#[test]
fn a_claim_that_was_overtaken_is_applied_at_once() {
    let database = database::sqlite();
    let faults = Faults::calling_once_before("begin", {
        let ledger = database.ledger("model_counters");
        move || {
            let (seq, op) = (ClaimSeq::new(1_000_000), ClaimOp::Add(1));
            let mut transaction = ledger.begin(LockWait::Usual).unwrap();
            transaction.upsert(&[Claim { id: views_of(1), seq, op }]).unwrap();
            transaction.commit().unwrap();
        }
    });
    let counters = process(&*database, 100, &faults);
    counters.increment(post(1), "views", 1).unwrap();
    let report = counters.sync(&SyncOptions::default()).unwrap();
    assert!(report.is_clean() && report.applied == 1, "{report}");
    assert_eq!(counters.baseline(post(1), "views").unwrap(), 2);
}

#[test]
fn a_read_beside_the_first_claim_of_a_process_is_exact() {
    let database = database::sqlite();
    let earlier = process(&*database, 100, &Faults::none());
    earlier.increment(post(1), "views", 5).unwrap();
    assert!(earlier.sync(&SyncOptions::default()).unwrap().is_clean());

    // The store's high water is below the row until anything is claimed.
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

/// Beyond the first, each finds that the others hold other numbers.
#[test]
fn processes_that_start_in_the_same_microsecond_lose_nothing_to_each_other() {
    let database = database::sqlite();
    let processes = [100; 20].map(|now| process(&*database, now, &Faults::none()));
    for process in &processes {
        process.increment(post(1), "views", 1).unwrap();
        assert!(process.sync(&SyncOptions::default()).unwrap().is_clean());
    }
    assert_eq!(processes[0].baseline(post(1), "views").unwrap(), 20);
}

/// It goes on after another process took its number and lost it too.
#[test]
fn a_process_that_has_lost_its_number_takes_another_one() {
    let database = database::sqlite();
    let processes = [100; 2].map(|now| process(&*database, now, &Faults::none()));
    for round in 1..=3 {
        for process in &processes {
            process.increment(post(1), "views", 1).unwrap();
            assert!(process.sync(&SyncOptions::default()).unwrap().is_clean());
            let take_all = "UPDATE model_counters_state SET holder = 7 WHERE prefix = ''";
            database.execute(take_all).unwrap();
        }
        assert_eq!(processes[0].baseline(post(1), "views").unwrap(), 2 * round);
    }
}

/// The commit happened, and another process has committed under the number since.
#[test]
fn a_claim_in_doubt_whose_number_was_taken_is_a_conflict_and_decided_by_an_operator() {
    for (decision, baseline) in
        [(OnConflict::Apply, 2), (OnConflict::Discard, 1), (OnConflict::Report, 1)]
    {
        let database = database::sqlite();
        let (commits, taking) = (AtomicI64::new(0), database.ledger("model_counters"));
        let faults = Faults::deciding(move |step| {
            // The first commit is that of the number.
            let commits = commits.fetch_add(i64::from(step == "commit"), Ordering::SeqCst);
            if step == "begin" && commits == 2 {
                commit_under_each_number(&*taking);
            }
            (step == "commit" && commits == 1).then_some(Fault::After)
        });
        let counters = process(&*database, 100, &faults);
        counters.increment(post(1), "views", 1).unwrap();
        let report = counters.sync(&SyncOptions::default()).unwrap();
        assert_eq!((report.applied, report.conflicts.count()), (0, 1), "{report:?}");
        let report = counters.sync(&SyncOptions::default().on_conflict(decision)).unwrap();
        assert_eq!(report.is_clean(), decision != OnConflict::Report, "{report:?}");
        assert_eq!(counters.baseline(post(1), "views").unwrap(), baseline, "{decision:?}");
    }
}

/// As another process does that has taken it.
fn commit_under_each_number(ledger: &dyn Ledger) {
    let mut transaction = ledger.begin(LockWait::Usual).unwrap();
    for number in (0..StoreNumber::COUNT).filter_map(StoreNumber::new) {
        if let Some(row) = transaction.lock_number(number).unwrap() {
            let taken = NumberRow { holder: 7, batch: 9, ..row };
            transaction.write_number(number, row, taken).unwrap();
        }
    }
    transaction.commit().unwrap();
}

/// A store with a number leaves out most of them, so one for each claim would take it seconds
/// ahead.
#[test]
fn sequences_stay_with_the_clock_when_many_claims_get_new_ones() {
    let database = database::sqlite();
    let store = Arc::new(MemoryStore::new());
    let counters = over(&*database, Arc::clone(&store) as _, &Faults::none());
    counters.increment_many((0..5000).map(|id| (post(id), "views", 1))).unwrap();
    assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros();
    let ahead = i128::from(store.look(&[]).unwrap().high_water.get()) - now as i128;
    assert!(ahead < 500_000, "{ahead} microseconds");
}

/// Redis gives out sequences of any number.
#[test]
fn a_store_in_memory_keeps_away_from_a_table_that_a_shared_store_is_synced_into() {
    let database = database::sqlite();
    let counters = process(&*database, 100, &Faults::none());
    counters.increment(post(1), "views", 1).unwrap();
    let shared = database.ledger("model_counters");
    let generation = Generation::new("id".to_owned(), "db".to_owned(), ClaimSeq::new(1));
    shared.record(&Config::default().prefix, &generation).unwrap();
    let is_refused = || {
        let report = counters.sync(&SyncOptions::default()).unwrap();
        matches!(report.stopped, Some(Error::MixedStores { .. }))
    };
    assert!(is_refused());
    // A minute later it was, as far as is known, the last one.
    let later = "UPDATE model_counters_state SET synced_at = datetime('now', '-2 minutes')";
    database.execute(later).unwrap();
    assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
    assert_eq!(counters.baseline(post(1), "views").unwrap(), 1);

    counters.increment(post(1), "views", 1).unwrap();
    let moved = "UPDATE model_counters_state SET claim_seq = 2 WHERE store_id = 'id'";
    database.execute(moved).unwrap();
    assert!(is_refused());
    assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
    assert_eq!(counters.baseline(post(1), "views").unwrap(), 2);
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
