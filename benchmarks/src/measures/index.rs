use std::thread;
use std::time::Duration;

use counter_diesel::sync::Reach;
use counter_diesel::{Counters, SyncOptions, SyncWorker};
use diesel::{PgConnection, SqliteConnection};
use redis::Connection;

use crate::bench::Bench;
use crate::post::{Post, PostCounter, posts};
use crate::rounds::{Rounds, Spread, seconds};
use crate::stage::Stage;
use crate::table::{Bar, Row, in_thousands};

const COUNTERS: i64 = 10;
const WORKERS: usize = 20;
const INTERVAL: Duration = Duration::from_secs(5);

/// Measures a pass as a worker makes it. The limit is the same pass without the keys of others.
pub fn beside_many(bench: &Bench) -> Vec<Row> {
    let stage = Stage::<PgConnection>::new(bench, &bench.postgres().url("postgres"));
    let keys = bench.of(500_000, 10_000);
    let posts = posts(COUNTERS);
    // The first scans, because a scan is due.
    follow(&stage.counters, &posts, Reach::Everything);
    let mut taken = Rounds { ours: Vec::new(), limit: Vec::new() };
    let rounds = bench.of(51, 3);
    (0..rounds).for_each(|_| taken.limit.push(follow(&stage.counters, &posts, Reach::Index)));
    fill(&mut bench.redis().bare(), keys);
    (0..rounds).for_each(|_| taken.ours.push(follow(&stage.counters, &posts, Reach::Index)));
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

/// Counts, and returns the seconds of the sync that moves that.
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
    let (before, passes_before) = (cpu_seconds(&mut redis), passes());
    let time = bench.of(Duration::from_secs(60), INTERVAL);
    thread::sleep(time);
    let (spent, made) = (cpu_seconds(&mut redis) - before, passes() - passes_before);
    let share = format!("{:.2} % of a core", spent / time.as_secs_f64() * 100.0);
    let each = format!("{:.0} µs for each of {made} syncs", spent / made as f64 * 1e6);
    let what = "20 workers at intervals of 5 s, of which nothing is counted: Redis's CPU time";
    vec![Row::fact(what, share, each)]
}

/// Returns the CPU time that the server has used.
fn cpu_seconds(redis: &mut Connection) -> f64 {
    let info: String = redis::cmd("INFO").arg("cpu").query(redis).unwrap();
    let seconds = |name: &str| {
        let line = info.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.parse::<f64>().unwrap()
    };
    seconds("used_cpu_sys:") + seconds("used_cpu_user:")
}
