use std::thread;
use std::time::{Duration, Instant};

use counter_core::{Prefix, RedisStore, RedisTimeouts};
use counter_diesel::sync::Reach;
use counter_diesel::{Counters, SyncOptions, SyncWorker};
use diesel::{PgConnection, SqliteConnection};
use redis::{Client, Connection};

use crate::bench::Bench;
use crate::cpu_time;
use crate::post::{Post, PostCounter, posts};
use crate::rounds::{Rounds, Spread, seconds};
use crate::stage::Stage;
use crate::table::{Bar, Row, in_thousands};

const COUNTERS: i64 = 10;
const WORKERS: usize = 20;
const INTERVAL: Duration = Duration::from_secs(5);

/// Measures a pass as a worker makes it. The limit is the same pass without the keys of others,
/// into the same database from another one of the same Redis.
pub fn beside_many(bench: &Bench) -> Vec<Row> {
    let stage = Stage::<PgConnection>::new(bench, &bench.postgres().url("postgres"));
    let crowded = format!("{}1", bench.redis().url());
    let keys = bench.of(500_000, 10_000);
    fill(&mut Client::open(crowded.as_str()).unwrap().get_connection().unwrap(), keys);
    let prefix = "crowded:".parse::<Prefix>().unwrap();
    let crowded = Counters::builder(stage.pool.clone()).prefix(prefix).redis(&crowded);
    let (alone, crowded) = (&stage.counters, crowded.build().unwrap());
    let posts = posts(COUNTERS);
    // The first scans, because a scan is due.
    for counters in [alone, &crowded] {
        follow(counters, &posts, Reach::Everything);
    }
    let taken = Rounds::alternate(
        bench.of(101, 3),
        || follow(&crowded, &posts, Reach::Index),
        || follow(alone, &posts, Reach::Index),
    );
    let what = format!(
        "a worker's sync of 10 counters beside {} keys of others, and alone",
        in_thousands(keys as f64)
    );
    let millis = |taken: &[f64]| {
        let median = Spread::of(taken.iter().copied()).median;
        format!("{:.2} ms", median * 1e3)
    };
    let (ours, limit) = (millis(&taken.ours), millis(&taken.limit));
    vec![Row::ratio(what, taken.times(), Bar::AtMost(2.0)).with_sides(ours, limit)]
}

/// Increments each post, and returns the seconds of the sync that applies the increments.
fn follow(counters: &Counters, posts: &[Post], reach: Reach) -> f64 {
    let increments = posts.iter().map(|post| (post, PostCounter::Views, 1));
    counters.increment_many(increments).unwrap();
    let options = SyncOptions::default().follow_index(true);
    let mut report = None;
    let taken = seconds(|| report = counters.sync(&options).ok());
    let report = report.unwrap();
    assert_eq!((report.applied, report.reach), (COUNTERS as u64, reach), "{report}");
    taken
}

fn fill(redis: &mut Connection, keys: i64) {
    let numbers = (0..keys).collect::<Vec<_>>();
    for numbers in numbers.chunks(10_000) {
        let mut sets = redis::pipe();
        for number in numbers {
            sets.cmd("SET").arg(format!("other:{number}")).arg(number).ignore();
        }
        sets.exec(redis).unwrap();
    }
}

/// Measures what workers cost a Redis in which nothing changes.
pub fn idle_workers(bench: &Bench) -> Vec<Row> {
    let stage = Stage::<SqliteConnection>::new(bench, &bench.sqlite());
    let mut redis = bench.redis().bare();
    fill(&mut redis, bench.of(500_000, 10_000));
    let workers = (0..WORKERS).map(|_| stage.counters.spawn_sync(INTERVAL).unwrap());
    let workers = workers.collect::<Vec<_>>();
    workers.iter().for_each(SyncWorker::sync_now);
    for worker in &workers {
        assert!(worker.wait_until(Duration::from_secs(60), |status| status.passes > 0));
    }
    let passes = || workers.iter().map(|worker| worker.status().passes).sum::<u64>();
    let passes_before = passes();
    let windows = (0..bench.of(6, 1)).map(|_| {
        let start = Instant::now();
        let spent = cpu_time::of_redis(&mut redis, || thread::sleep(2 * INTERVAL));
        spent / start.elapsed().as_secs_f64()
    });
    let windows = windows.collect::<Vec<_>>();
    let made = (passes() - passes_before) as f64;
    let each = windows.iter().sum::<f64>() * 2.0 * INTERVAL.as_secs_f64() / made;
    let each = format!("{:.0} µs for each of {made} syncs", each * 1e6);
    let percent = Spread::of(windows.iter().map(|share| share * 100.0));
    let what = "20 workers at intervals of 5 s where nothing is counted: Redis's share of a core";
    vec![Row::number(what, "%", percent, Bar::AtMost(1.0)).beside(each)]
}

/// Measures what two workers that sync at the same time, of two processes, cost Redis. The limit is
/// one of them alone.
pub fn two_workers(bench: &Bench) -> Vec<Row> {
    let stage = Stage::<PgConnection>::new(bench, &bench.postgres().url("postgres"));
    let mut redis = bench.redis().bare();
    let process = || {
        let mut timeouts = RedisTimeouts::default();
        // The two wait for each other on one core.
        timeouts.read = Duration::from_secs(60);
        let store = RedisStore::builder(bench.redis().url()).timeouts(timeouts);
        Counters::builder(stage.pool.clone()).redis_with(store).build().unwrap()
    };
    let (one, another) = (&process(), process());
    let posts = posts(bench.of(5_000, 1_000));
    let options = SyncOptions::default().follow_index(true);
    let _ = one.sync(&options).unwrap();
    let mut sync = |workers: &[&Counters]| {
        // All in one call could take longer than the time for a reply.
        for posts in posts.chunks(500) {
            let increments = posts.iter().map(|post| (post, PostCounter::Views, 1));
            one.increment_many(increments).unwrap();
        }
        let mut applied = 0;
        let spent = cpu_time::of_redis(&mut redis, || {
            applied = thread::scope(|scope| {
                let sync = |it: &&Counters| it.sync(&options).unwrap().applied;
                let workers = workers.iter().map(|it| scope.spawn(move || sync(it)));
                let workers = workers.collect::<Vec<_>>();
                workers.into_iter().map(|worker| worker.join().unwrap()).sum::<u64>()
            });
        });
        // What one has claimed and not applied yet is left to it.
        assert_eq!(applied, posts.len() as u64);
        spent
    };
    let rounds = bench.of(51, 3);
    let mut taken = Rounds { ours: Vec::new(), limit: Vec::new() };
    for _ in 0..rounds {
        taken.ours.push(sync(&[one, &another]));
        taken.limit.push(sync(&[one]));
    }
    let what = format!(
        "two workers at once where {} counters were counted, and one: Redis's CPU time",
        in_thousands(posts.len() as f64)
    );
    let millis =
        |taken: &[f64]| format!("{:.1} ms", Spread::of(taken.iter().copied()).median * 1e3);
    let (ours, limit) = (millis(&taken.ours), millis(&taken.limit));
    vec![Row::ratio(what, taken.times(), Bar::None).with_sides(ours, limit)]
}
