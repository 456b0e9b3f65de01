use std::cell::RefCell;
use std::thread;

use counter_diesel::{Counters, HasCounters, SyncOptions};
use diesel::SqliteConnection;
use redis::{Connection, ConnectionLike as _};

use crate::bench::Bench;
use crate::cpu_time;
use crate::post::{Post, PostCounter, names, posts};
use crate::rounds::{Rounds, Spread, seconds};
use crate::stage::Stage;
use crate::table::{Bar, Row};

/// The number of counters that are incremented in turn.
const POSTS: i64 = 1000;
pub const THREADS: usize = 8;
const PER_CALL: usize = 100;

/// Increments need no database, but a stage must have one.
fn stage(bench: &Bench) -> Stage<SqliteConnection> {
    Stage::new(bench, &bench.sqlite())
}

fn increment(counters: &Counters, posts: &[Post], times: usize) {
    for post in posts.iter().cycle().take(times) {
        post.increment_counter(counters, PostCounter::Views, 1).unwrap();
    }
}

fn increment_bare(redis: &mut Connection, names: &[String], times: usize) {
    for name in names.iter().cycle().take(times) {
        redis::cmd("INCRBY").arg(name).arg(1).exec(redis).unwrap();
    }
}

pub fn one_by_one(bench: &Bench) -> Vec<Row> {
    let Stage { counters, mut redis, .. } = stage(bench);
    let (posts, names) = (posts(POSTS), names(POSTS));
    let times = bench.of(1000, 500);
    let each = |taken: f64| taken / times as f64;
    increment(&counters, &posts, times);
    let rounds = Rounds::alternate(
        bench.of(201, 5),
        || each(seconds(|| increment(&counters, &posts, times))),
        || each(seconds(|| increment_bare(&mut redis, &names, times))),
    );
    let more = rounds.more();
    let more = Spread { median: more.median * 1e6, min: more.min * 1e6, max: more.max * 1e6 };
    vec![
        Row::number(
            "`increment`, one thread: more than a bare INCRBY",
            "µs",
            more,
            Bar::AtMost(1.5),
        ),
        Row::rates("`increment`, one thread", &rounds, Bar::None),
    ]
}

/// The first increment of a counter after a sync names it in the index, too. The limit is an INCRBY
/// of a name that Redis does not have.
pub fn first_after_a_sync(bench: &Bench) -> Vec<Row> {
    let stage = RefCell::new(stage(bench));
    let (posts, names) = (posts(POSTS), names(POSTS));
    let options = SyncOptions::default().follow_index(true);
    let each = |taken: f64| taken / POSTS as f64;
    let rounds = Rounds::alternate(
        bench.of(101, 3),
        || {
            let counters = &stage.borrow().counters;
            let taken = each(seconds(|| increment(counters, &posts, POSTS as usize)));
            let report = counters.sync(&options).unwrap();
            assert_eq!(report.applied, POSTS as u64);
            taken
        },
        || {
            let redis = &mut stage.borrow_mut().redis;
            let taken = each(seconds(|| increment_bare(redis, &names, POSTS as usize)));
            redis::cmd("DEL").arg(&names).exec(redis).unwrap();
            taken
        },
    );
    let what = "the first increments of 1,000 counters after a sync";
    vec![Row::times(what, &rounds, Bar::AtMost(1.5))]
}

pub fn in_threads(bench: &Bench) -> Vec<Row> {
    let Stage { counters, .. } = stage(bench);
    let (posts, names) = (posts(POSTS), names(POSTS));
    let times = bench.of(1000, 200);
    let each = |taken: f64| taken / (times * THREADS) as f64;
    let mut connections = (0..THREADS).map(|_| bench.redis().bare()).collect::<Vec<_>>();
    let ours = || {
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| increment(&counters, &posts, times));
            }
        });
    };
    let mut limit = || {
        thread::scope(|scope| {
            for redis in &mut connections {
                scope.spawn(|| increment_bare(redis, &names, times));
            }
        });
    };
    ours();
    let cpu = Rounds::alternate(
        bench.of(51, 3),
        || each(cpu_time::of_this_program(ours)),
        || each(cpu_time::of_this_program(&mut limit)),
    );
    let wall =
        Rounds::alternate(bench.of(51, 2), || each(seconds(ours)), || each(seconds(&mut limit)));
    vec![
        Row::ratio(
            "`increment`, 8 threads: this program's CPU time",
            cpu.times(),
            Bar::AtMost(1.15),
        )
        .with_sides(in_micros(&cpu.ours), in_micros(&cpu.limit)),
        Row::rates("`increment`, 8 threads", &wall, Bar::None),
    ]
}

pub fn in_micros(taken: &[f64]) -> String {
    format!("{:.1} µs", Spread::of(taken.iter().copied()).median * 1e6)
}

pub fn in_batches(bench: &Bench) -> Vec<Row> {
    let Stage { counters, mut redis, .. } = stage(bench);
    let posts = posts(PER_CALL as i64);
    let mut pipeline = redis::pipe();
    for name in names(PER_CALL as i64) {
        pipeline.cmd("INCRBY").arg(name).arg(1);
    }
    let packed = pipeline.get_packed_pipeline();
    let calls = bench.of(50, 20);
    let each = |taken: f64| taken / (calls * PER_CALL) as f64;
    let ours = || {
        for _ in 0..calls {
            let increments = posts.iter().map(|post| (post, PostCounter::Views, 1));
            counters.increment_many(increments).unwrap();
        }
    };
    ours();
    let rounds = Rounds::alternate(
        bench.of(201, 5),
        || each(seconds(ours)),
        || {
            each(seconds(|| {
                for _ in 0..calls {
                    redis.req_packed_commands(&packed, 0, PER_CALL).unwrap();
                }
            }))
        },
    );
    vec![Row::rates("`increment_many`, 100 a call", &rounds, Bar::AtLeast(0.8))]
}
