//! The database is stopped in the middle of a sync, and comes back.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use counter_core::Config;
use counter_diesel::{Counters, Error, SyncOptions, SyncReport};
use counter_tests::faults::Faults;
use counter_tests::site::Site;

use super::{assert_unreachable, post, soon, sync, sync_cleanly};

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
        // Of the last batch nothing was claimed any more.
        assert_eq!(held(site), Held { pending: BATCH, claimed: BATCH }, "{step}");

        increment_each(&process);
        assert_unreachable(&soon(|| process.get(post(0), "views")));
        assert_unreachable(&soon(|| process.baseline(post(0), "views")));
        assert_unreachable(&soon(|| sync(&process)));
        assert_eq!(held(site), Held { pending: BATCH * BATCHES, claimed: BATCH }, "{step}");

        site.database().start();
        // It cannot know whether who claimed them is alive.
        let others = sync_cleanly(&other);
        assert_eq!((others.applied, others.busy), (20, 10), "{step}: {others:?}");
        let report = sync_cleanly(&process);
        assert_eq!((report.applied, report.recovered, report.busy), (20, 10, 0), "{report:?}");
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
