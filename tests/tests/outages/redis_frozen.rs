//! Redis takes what it is sent, answers nothing, and carries it out later.

use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use counter_core::Error as StoreError;
use counter_diesel::{Counters, Error};
use counter_tests::fixtures::post;
use counter_tests::servers::RedisServer;
use counter_tests::site::Site;
use diesel::PgConnection;
use diesel::r2d2::{ConnectionManager, Pool};

use super::{everything_said, soon, sync};

const THREADS: u32 = 4;
/// One after another, in each thread.
const INCREMENTS: u32 = 2;

#[test]
fn what_happens_after_the_thaw_agrees_with_what_was_said() {
    let site = Site::with_postgres();
    let counters = site.counters();
    have_idle_connections(&counters);
    site.redis().freeze();
    let outcomes = increment_from_all_threads(&counters);
    let read = soon(|| counters.get(post(1), "views"));
    assert!(matches!(read, Err(Error::Core(StoreError::Store { .. }))), "{read:?}");
    assert!(sync(&counters).is_err());
    assert_eq!(soon(|| counters.baseline(post(1), "views")).unwrap(), 0);
    site.redis().thaw();
    wait_until_all_is_carried_out(&site.redis());

    site.last_sync();
    let total = counters.baseline(post(1), "views").unwrap();
    assert_eq!(counters.get(post(1), "views").unwrap(), total);
    let unknown = outcomes.iter().filter(|(_, is_unknown)| *is_unknown).count();
    assert!(unknown >= THREADS as usize, "{unknown} of {outcomes:?} were sent");
    for (number, is_unknown) in outcomes {
        let times = total / weight(number) % 4;
        assert!(times <= i64::from(is_unknown), "{number} was counted {times} times");
    }
    println!("{unknown} unknown, total {total:b} by twos");
}

/// A read gets its connection to the database while it looks into Redis.
#[test]
fn a_read_that_waits_for_redis_leaves_the_only_connection_to_the_application() {
    let site = Site::with_postgres();
    let manager = ConnectionManager::<PgConnection>::new(site.database().url());
    let pool = Pool::builder().max_size(1).connection_timeout(Duration::from_secs(2));
    let pool = pool.build(manager).unwrap();
    let counters = Counters::builder(pool.clone()).redis(&site.redis_url()).build().unwrap();
    counters.run_pending_migrations().unwrap();
    assert_eq!(counters.get(post(1), "views").unwrap(), 0);
    site.redis().freeze();
    thread::scope(|scope| {
        let read = scope.spawn(|| counters.get(post(1), "views"));
        while !read.is_finished() {
            // Half the time that the read waits for Redis.
            drop(pool.get_timeout(Duration::from_millis(500)).unwrap());
        }
        let read = read.join().unwrap();
        assert!(matches!(read, Err(Error::Core(StoreError::Store { .. }))), "{read:?}");
    });
    // The read that was prepared has ended, so it does not keep the connection from other reads.
    assert_eq!(counters.baseline(post(1), "views").unwrap(), 0);
    // Neither does a prepared read that found no connection, because the application has it.
    let kept = pool.get().unwrap();
    let read = counters.get(post(1), "views");
    assert!(matches!(read, Err(Error::Core(StoreError::Store { .. }))), "{read:?}");
    let said = everything_said(&counters.baseline(post(1), "views").unwrap_err());
    assert!(!said.contains("still hold a connection"), "{said}");
    drop(kept);
    assert_eq!(counters.baseline(post(1), "views").unwrap(), 0);
    site.redis().thaw();
}

/// By how much the increment of this number counts: the total says of each how often it was
/// counted.
fn weight(number: u32) -> i64 {
    4_i64.pow(number)
}

/// Otherwise an increment would wait for one, and be certain that it was not sent.
fn have_idle_connections(counters: &Counters) {
    let barrier = Barrier::new(THREADS as usize);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for _ in 0..100 {
                    barrier.wait();
                    counters.increment(post(2), "views", 1).unwrap();
                }
            });
        }
    });
}

/// Of each increment its number, and whether its outcome is unknown; if not, it was not counted.
fn increment_from_all_threads(counters: &Counters) -> Vec<(u32, bool)> {
    let increment = |number| {
        let outcome = soon(|| counters.increment(post(1), "views", weight(number)));
        let error = outcome.expect_err("no reply has arrived");
        (number, error.is_outcome_unknown())
    };
    thread::scope(|scope| {
        let threads = (0..THREADS).map(|thread| {
            let numbers = (0..INCREMENTS).map(move |number| thread * INCREMENTS + number);
            scope.spawn(move || numbers.map(increment).collect::<Vec<_>>())
        });
        let threads = threads.collect::<Vec<_>>();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    })
}

/// Connections from before the thaw are served before one that is made after it.
fn wait_until_all_is_carried_out(redis: &RedisServer) {
    let () = redis::cmd("PING").exec(&mut redis.bare()).unwrap();
}
