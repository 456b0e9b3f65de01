//! The database is stopped in the middle of a sync, and comes back.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use chrono::{TimeDelta, Utc};
use counter_core::Config;
use counter_diesel::{Counters, Error, SyncOptions, SyncReport};
use counter_tests::faults::{Fault, Faults};
use counter_tests::fixtures::post;
use counter_tests::site::Site;

use super::{assert_unreachable, soon, sync, sync_cleanly};

#[test]
fn postgres_goes_away_during_a_sync_and_comes_back() {
    goes_away_and_comes_back(&Arc::new(Site::with_postgres()));
}

#[test]
fn mariadb_goes_away_during_a_sync_and_comes_back() {
    goes_away_and_comes_back(&Arc::new(Site::with_mariadb()));
}

const BATCH: usize = 10;
const BATCHES: usize = 3;
const COUNTERS: i64 = (BATCH * BATCHES) as i64;

fn goes_away_and_comes_back(site: &Arc<Site>) {
    for (round, step) in (1..).zip(["begin", "upsert", "commit"]) {
        let (process, other) = (stopping_database_before(site, step), site.counters());
        increment_each(&process);
        let report = sync_by_batches(&process);
        assert!(matches!(report.stopped, Some(Error::Unreachable { .. })), "{step}: {report:?}");
        assert_eq!(report.applied, BATCH as u64, "{step}: {report:?}");
        // The second batch was claimed, and perhaps the last one too.
        let Held { pending, claimed } = held(site);
        assert!(pending + claimed == 2 * BATCH && claimed >= BATCH, "{step}: {pending}, {claimed}");

        increment_each(&process);
        assert_unreachable(&soon(|| process.get(post(0), "views")));
        assert_unreachable(&soon(|| process.baseline(post(0), "views")));
        assert_unreachable(&soon(|| sync(&process)));
        assert_eq!(held(site), Held { pending: BATCH * BATCHES, claimed }, "{step}");

        site.database().start();
        // It cannot know whether who claimed them is alive.
        let others = sync_cleanly(&other);
        let (rest, claimed) = ((BATCH * BATCHES - claimed) as u64, claimed as u64);
        assert_eq!((others.applied, others.busy), (rest, claimed), "{step}: {others:?}");
        let report = sync_cleanly(&process);
        let (applied, recovered, busy) = (report.applied, report.recovered, report.busy);
        assert_eq!((applied, recovered, busy), (2 * claimed, claimed, 0), "{report:?}");
        assert_eq!(baselines(&other), [2 * round; COUNTERS as usize], "{step}");
        assert_eq!(held(site), Held { pending: 0, claimed: 0 }, "{step}");
    }
}

/// A process that loses its database before the second of its steps of this name.
fn stopping_database_before(site: &Arc<Site>, step: &'static str) -> Counters {
    let (steps, stopped) = (AtomicUsize::new(0), Arc::clone(site));
    let faults = Faults::calling(move |name| {
        if name == step && steps.fetch_add(1, Ordering::SeqCst) == 1 {
            stopped.database().stop();
        }
    });
    site.counters_behind(&faults, Config::default())
}

fn sync_by_batches(counters: &Counters) -> SyncReport {
    let batch_size = NonZeroUsize::new(BATCH).unwrap();
    counters.sync(&SyncOptions::default().batch_size(batch_size)).unwrap()
}

fn increment_each(counters: &Counters) {
    counters.increment_many((0..COUNTERS).map(|id| (post(id), "views", 1))).unwrap();
}

fn baselines(counters: &Counters) -> Vec<i64> {
    (0..COUNTERS).map(|id| counters.baseline(post(id), "views").unwrap()).collect()
}

/// How many keys of which kind a bare client finds.
#[derive(Debug, PartialEq, Eq)]
struct Held {
    pending: usize,
    claimed: usize,
}

fn held(site: &Site) -> Held {
    let count = |pattern: &str| {
        let keys = redis::cmd("KEYS").arg(pattern).query::<Vec<String>>(&mut site.redis().bare());
        keys.unwrap().len()
    };
    Held { pending: count("counter:post:*"), claimed: count("counter:{counter:post:*}") }
}

/// One claim was left behind by a process that died, and the others are made beside it. Whichever
/// of them the database is away for, none is left to the age at which it would be taken for left
/// behind too.
#[test]
fn claims_that_a_sync_did_not_come_to_are_finished_by_the_next_one() {
    let site = Site::with_postgres();
    let transactions = Arc::new(AtomicUsize::new(0));
    let process = with_transactions_left(&site, &transactions);
    leave_claim_behind(&site);
    process.increment_many((1..5).map(|id| (post(id), "views", 1))).unwrap();

    let report = sync(&process).unwrap();
    assert!(matches!(report.stopped, Some(Error::Unreachable { .. })), "{report:?}");
    transactions.store(2, Ordering::SeqCst);
    let one = SyncOptions::default().batch_size(NonZeroUsize::MIN);
    let report = process.sync(&one).unwrap();
    assert_eq!((report.applied, report.recovered), (2, 2), "{report:?}");
    transactions.store(usize::MAX, Ordering::SeqCst);
    let report = sync_cleanly(&process);
    assert_eq!((report.applied, report.recovered, report.busy), (3, 3, 0), "{report:?}");
}

/// A process whose database is away but for this many transactions.
fn with_transactions_left(site: &Site, transactions: &Arc<AtomicUsize>) -> Counters {
    let left = Arc::clone(transactions);
    let faults = Faults::deciding(move |step| {
        if !["begin", "ask_writes"].contains(&step) {
            return None;
        }
        let used =
            left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        used.is_err().then_some(Fault::Before)
    });
    site.counters_behind(&faults, Config::default())
}

/// As a process does that dies between claim and commit, a minute ago.
fn leave_claim_behind(site: &Site) {
    let then = (Utc::now() - TimeDelta::minutes(1)).timestamp_micros();
    let claim = format!("{then}:add:1");
    let name = "counter:{counter:post:0:views}";
    redis::cmd("SET").arg(name).arg(claim).exec(&mut site.redis().bare()).unwrap();
}
