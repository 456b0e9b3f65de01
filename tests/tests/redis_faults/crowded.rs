//! More callers than a pool has connections.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use counter_core::{Claim, Config, DeltaStore, Prefix, RedisStore, RedisTimeouts};
use counter_diesel::{Counters, Owner, SyncOptions};

use counter_tests::database_server::ledger_at;
use counter_tests::fixtures::downloads_of;
use counter_tests::patient_store::PatientStore;
use counter_tests::process::wait_for;
use counter_tests::servers::{FakeRedis, FakeReply, RedisServer};
use counter_tests::store_worlds::patient;

/// Increments hang, and every other question is answered.
fn start_without_increments() -> FakeRedis {
    FakeRedis::start(|_, words| match words[0].as_str() {
        "INCRBY" => {
            HANGING.fetch_add(1, Ordering::SeqCst);
            FakeReply::Silence
        }
        _ => FakeReply::Bytes("*1\r\n$-1\r\n"),
    })
}

static HANGING: AtomicU64 = AtomicU64::new(0);

#[test]
fn a_verification_does_not_wait_for_connections_that_increments_have_taken() {
    let patient = || {
        let mut timeouts = RedisTimeouts::default();
        (timeouts.read, timeouts.wait) = (Duration::from_secs(6), Duration::from_secs(6));
        timeouts
    };
    let server = start_without_increments();
    let builder =
        RedisStore::builder(server.url()).pool_size(4.try_into().unwrap()).without_index();
    let own: Arc<dyn DeltaStore> = Arc::new(builder.timeouts(patient()).build().unwrap());
    let client = redis::Client::open(server.url()).unwrap();
    let pool = r2d2::Pool::builder().max_size(5).test_on_check_out(false).build(client).unwrap();
    let applications = RedisStore::from_pool(pool, Prefix::default(), patient()).without_index();
    let applications: Arc<dyn DeltaStore> = Arc::new(applications);
    for (pool, store) in [("own", own), ("application's", applications)] {
        HANGING.store(0, Ordering::SeqCst);
        thread::scope(|scope| {
            for _ in 0..12 {
                scope.spawn(|| store.increment(&downloads_of(1), 1));
            }
            wait_for("increments to hang", || (HANGING.load(Ordering::SeqCst) == 4).then_some(()));
            let start = Instant::now();
            let claim = Claim::from_text(downloads_of(1), "5:add:1").unwrap();
            // Less than an increment waits for its answer.
            let within = Duration::from_secs(4);
            let verdicts = store.verify(&[claim], within);
            let took = start.elapsed();
            assert!(verdicts.is_ok(), "{pool}: {verdicts:?}");
            assert!(took < within, "{pool}: {took:?}");
        });
    }
}

struct EndOnDrop<'a>(&'a AtomicBool);

impl Drop for EndOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_thousand_writers_stop_no_sync() {
    let redis = RedisServer::start();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.sqlite");
    // A sync waits as long as by default for a connection, and for a reply as long as it takes
    // where a thousand threads want to run.
    let mut timeouts = patient();
    timeouts.wait = RedisTimeouts::default().wait;
    let store = RedisStore::builder(redis.url()).timeouts(timeouts).build().unwrap();
    let ledger = ledger_at(path.to_str().unwrap());
    let store = Arc::new(PatientStore(Arc::new(store)));
    let counters = Counters::from_parts(Config::default(), store, ledger);
    counters.run_pending_migrations().unwrap();
    let (end, counted) = (&AtomicBool::new(false), &AtomicU64::new(0));
    thread::scope(|scope| {
        for writer in 0..1000 {
            let counters = &counters;
            scope.spawn(move || {
                let post = Owner::new("post", writer).unwrap();
                while !end.load(Ordering::Relaxed) {
                    let outcome = counters.increment(&post, "views", 1);
                    counted.fetch_add(u64::from(outcome.is_ok()), Ordering::Relaxed);
                }
            });
        }
        // Or they would go on for ever if this fails.
        let _end = EndOnDrop(end);
        wait_for("increments", || (counted.load(Ordering::Relaxed) > 5000).then_some(()));
        let reports = (0..10).map(|_| counters.sync(&SyncOptions::default())).collect::<Vec<_>>();
        for report in reports {
            let report = report.unwrap();
            assert!(report.stopped.is_none(), "{report:?}");
        }
    });
}
