//! Old copies of a store that are found only by what transactions have recorded of it.

use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use counter_core::{Clock as _, Config, Error as CoreError, RedisStore, SystemClock};
use counter_diesel::check::FindingCode;
use counter_diesel::ledger::Ledger;
use counter_diesel::sync::OnConflict;
use counter_diesel::{Counters, Error, SyncOptions, SyncReport};
use counter_tests::faults::{Fault, Faults, FaultyLedger};
use counter_tests::fixtures::post;
use counter_tests::process::wait_for;
use counter_tests::servers::RedisServer;
use counter_tests::store_worlds::patient;

use super::setting::{Setting, sync, sync_cleanly, views};

const ON_DISK: &[&str] = &["--appendonly", "yes", "--appendfsync", "always"];

fn assert_went_back(result: Result<SyncReport, Error>) {
    let error = match result {
        Ok(report) => report.stopped.expect("a reason to stop"),
        Err(error) => error,
    };
    assert!(matches!(error, Error::Core(CoreError::StoreWentBack { .. })), "{error:?}");
}

fn count(counters: &Counters, number: i64, by: i64) {
    wait_for("the server to count", || counters.increment(post(number), "views", by).ok());
}

#[test]
fn what_an_interrupted_pass_applied_is_recorded() {
    let mut setting = Setting::with_postgres(RedisServer::start_with(ON_DISK));
    let counters = setting.counters();
    let _ = sync_cleanly(&counters);
    (1..=6).for_each(|number| count(&counters, number, 5));
    let copy = setting.redis.copy_of_disk();
    let one_by_one = SyncOptions::default().batch_size(NonZeroUsize::MIN);
    let mut left = 3;
    let interrupted = counters.sync_observed(&one_by_one, &mut |_| {
        left -= 1;
        if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    let interrupted = interrupted.unwrap();
    assert!(interrupted.interrupted && interrupted.applied > 0, "{interrupted:?}");
    setting.redis.go_back_to(&copy);

    let process = setting.counters();
    count(&process, 7, 1);
    assert!(process.conflicts().unwrap().went_back.is_some());
    let found = process.check().findings;
    assert!(found.iter().any(|finding| finding.code == FindingCode::StoreWentBack), "{found:?}");
    assert_went_back(sync(&process));
    let total = views::<7>(&process).iter().sum::<i64>();
    assert_eq!(total, 5 * i64::try_from(interrupted.applied).unwrap());
}

#[test]
fn a_set_that_no_pass_came_after_is_recorded() {
    let mut setting = Setting::with_postgres(RedisServer::start_with(ON_DISK));
    let counters = setting.counters();
    let _ = sync_cleanly(&counters);
    count(&counters, 1, 100);
    let copy = setting.redis.copy_of_disk();
    counters.reset(post(1), "views").unwrap();
    assert_eq!(views(&counters), [0]);
    setting.redis.go_back_to(&copy);

    let process = setting.counters();
    count(&process, 2, 1);
    assert_went_back(sync(&process));
    assert_eq!(views(&process), [0, 0]);
}

/// The set writes to the same row of the record as the set before, whose sequence the copy does not
/// know.
#[test]
fn a_set_in_an_old_copy_does_not_hide_what_was_recorded_before_it() {
    let mut setting = Setting::with_postgres(RedisServer::start_with(ON_DISK));
    let counters = setting.counters();
    let _ = sync_cleanly(&counters);
    count(&counters, 1, 100);
    let copy = setting.redis.copy_of_disk();
    counters.reset(post(1), "views").unwrap();
    setting.redis.go_back_to(&copy);

    let other = setting.counters();
    wait_for("the server to set", || other.set(post(2), "views", 1).ok());
    assert_eq!(views(&other), [0, 0], "the set waits for a decision");
    for process in [&other, &setting.counters()] {
        assert_went_back(sync(process));
    }
    assert_eq!(views(&other), [0, 0]);
}

/// The store looks like one that was emptied and has counted since.
#[test]
fn a_store_that_came_back_from_before_its_first_sync_is_reported_as_replaced() {
    let mut setting = Setting::with_postgres(RedisServer::start_with(ON_DISK));
    let counters = setting.counters();
    count(&counters, 1, 100);
    let copy = setting.redis.copy_of_disk();
    counters.reset(post(1), "views").unwrap();
    setting.redis.go_back_to(&copy);
    let process = setting.counters();
    count(&process, 2, 1);
    let report = sync(&process).unwrap();
    let replaced = report.store_replaced.as_ref().expect("it is another one");
    assert_eq!(replaced.synced_at, None, "{report}");
    assert!(report.to_string().contains("never synced to its end"), "{report}");
    assert_eq!(sync_cleanly(&process).applied, 0);
}

/// The first commits what it claimed before the store came back, and the second has claimed the
/// same again by then. When the second began, nothing was recorded that the store did not know.
#[test]
fn a_pass_that_began_before_another_committed_asks_in_its_transaction() {
    let setting = Setting::with_postgres(RedisServer::start_with(ON_DISK));
    let counters = setting.counters();
    let _ = sync_cleanly(&counters);
    count(&counters, 1, 5);
    let copy = setting.redis.copy_of_disk();
    let (url, ledger) = (setting.redis.url(), Arc::clone(&setting.ledger));
    let redis = Arc::new(Mutex::new(setting.redis));
    let (committed, first_has_committed) = channel();
    let (second, started) = channel();
    let (of_second, restored) = ((url.clone(), Arc::clone(&ledger)), Arc::clone(&redis));
    let restore_and_start = move || {
        restored.lock().unwrap().go_back_to(&copy);
        let (url, ledger) = of_second;
        second.send(start_and_claim(&url, &ledger, first_has_committed)).unwrap();
    };
    let restore_and_start = Mutex::new(Some(restore_and_start));
    let faults = Faults::deciding(move |step| match step {
        "commit" => {
            restore_and_start.lock().unwrap().take().expect("one transaction")();
            None
        }
        "record" => Some(Fault::Before),
        _ => None,
    });
    let first = process_behind(&faults, &url, &ledger);
    // It ends at once: what its transaction recorded is all that is known of it.
    assert!(sync(&first).unwrap().stopped.is_some());
    committed.send(()).unwrap();
    assert_went_back(started.recv().unwrap().join().unwrap());
    assert_eq!(views(&counters), [5]);
}

#[test]
fn a_store_that_is_emptied_in_the_middle_of_a_pass_is_identified_anew_by_the_same_pass() {
    let setting = Setting::with_postgres(RedisServer::start());
    let counters = setting.counters();
    count(&counters, 1, 5);
    let _ = sync_cleanly(&counters);
    // The sequences of the first are above those of the second, whose clock is right.
    let ahead = SystemClock.now_micros() + 1_000_000_000_000;
    redis::cmd("SET").arg("counter:{seq}").arg(ahead).exec(&mut setting.redis.bare()).unwrap();
    count(&counters, 1, 5);
    let redis = Mutex::new(setting.redis.bare());
    let later = setting.counters();
    let process =
        process_calling_before("begin", &setting.redis.url(), &setting.ledger, move || {
            redis::cmd("FLUSHALL").exec(&mut redis.lock().unwrap()).unwrap();
            count(&later, 2, 1);
        });
    let report = sync(&process).unwrap();
    assert!(report.stopped.is_none() && report.store_replaced.is_some(), "{report:?}");
    let lost = report.lost.iter().map(|lost| lost.applied).collect::<Vec<_>>();
    assert_eq!((lost, report.applied), (vec![true], 1), "{report:?}");
    assert_eq!(views(&counters), [10, 1]);
    for process in [&process, &counters] {
        assert_eq!(sync_cleanly(process).applied, 0);
    }
}

/// Such as one that was copied key by key while it was written to.
#[test]
fn a_claim_above_the_high_water_stops_a_pass_until_an_operator_decides() {
    let setting = Setting::with_postgres(RedisServer::start());
    let counters = setting.counters();
    let _ = sync_cleanly(&counters);
    count(&counters, 1, 5);
    let claim = setting.claim_and_die(&post(1));
    let mut redis = setting.redis.bare();
    redis::cmd("SET").arg("counter:{seq}").arg(claim.seq.get() - 1).exec(&mut redis).unwrap();
    for _ in 0..2 {
        assert_went_back(sync(&setting.impatient_counters()));
    }
    let apply = SyncOptions::default().on_conflict(OnConflict::Apply);
    let report = setting.impatient_counters().sync(&apply).unwrap();
    assert!(report.is_clean() && report.applied == 1, "{report:?}");
    let _ = sync_cleanly(&setting.counters());
    assert_eq!(views(&counters), [5]);
}

#[test]
fn a_set_in_a_store_that_was_emptied_is_in_the_table_at_once_and_recorded_of_the_new_one() {
    let setting = Setting::with_postgres(RedisServer::start());
    let counters = setting.counters();
    count(&counters, 1, 5);
    let _ = sync_cleanly(&counters);
    redis::cmd("FLUSHALL").exec(&mut setting.redis.bare()).unwrap();
    counters.set(post(1), "views", 100).unwrap();
    assert_eq!(views(&counters), [100]);
    let id: String =
        redis::cmd("GET").arg("counter:{id}").query(&mut setting.redis.bare()).unwrap();
    let state = setting.ledger.state(&Default::default()).unwrap();
    let of_new = state.sequences_of(id.split_once(':').unwrap().0).count();
    assert_eq!(of_new, 1, "{state:?}");
}

/// Starts a pass that waits once it has claimed something.
fn start_and_claim(
    url: &str,
    ledger: &Arc<dyn Ledger>,
    go_on: Receiver<()>,
) -> JoinHandle<Result<SyncReport, Error>> {
    let (claimed, has_claimed) = channel();
    let process = process_calling_before("begin", url, ledger, move || {
        claimed.send(()).unwrap();
        go_on.recv().unwrap();
    });
    let pass = thread::spawn(move || sync(&process));
    has_claimed.recv().unwrap();
    pass
}

/// The counters of a process that calls this before the first such step of its transactions.
fn process_calling_before(
    step: &'static str,
    url: &str,
    ledger: &Arc<dyn Ledger>,
    call: impl FnOnce() + Send + 'static,
) -> Counters {
    process_behind(&Faults::calling_once_before(step, call), url, ledger)
}

fn process_behind(faults: &Arc<Faults>, url: &str, ledger: &Arc<dyn Ledger>) -> Counters {
    let (inner, faults) = (Arc::clone(ledger), Arc::clone(faults));
    let ledger = FaultyLedger { inner, faults };
    let store = RedisStore::builder(url).timeouts(patient()).build().unwrap();
    Counters::from_parts(Config::default(), Arc::new(store), Arc::new(ledger))
}
