use std::cell::RefCell;
use std::time::Duration;

use counter_diesel::sync::{Reach, SyncTimes};
use counter_diesel::{SyncOptions, SyncReport};
use counter_tests::servers::RedisServer;
use diesel::{MysqlConnection, PgConnection};

use crate::bare::{BareConnection, batches};
use crate::bench::Bench;
use crate::cores::{self, Side};
use crate::post::{PostCounter, posts};
use crate::rounds::{Rounds, Spread, seconds};
use crate::stage::{Rows, Stage};
use crate::table::{Bar, Row};

pub fn into_postgres(bench: &Bench) -> Vec<Row> {
    let stage = Stage::<PgConnection>::new(bench, &bench.postgres().url("postgres"));
    into(bench, stage, "PostgreSQL", [Bar::AtMost(2.0); 2])
}

pub fn into_mariadb(bench: &Bench) -> Vec<Row> {
    let stage = Stage::<MysqlConnection>::new(bench, &bench.mariadb().url("benchmarks"));
    into(bench, stage, "MariaDB", [Bar::AtMost(2.2), Bar::AtMost(2.5)])
}

/// Measures a pass as a worker makes it.
pub fn of_worker(bench: &Bench) -> Vec<Row> {
    let stage = Stage::<PgConnection>::new(bench, &bench.postgres().url("postgres"));
    following_index(bench, stage, "PostgreSQL")
}

/// Measures syncs into a database that shares its core with nothing. Redis is on the core of this
/// program instead, which costs ours and not the limit.
pub fn into_databases_alone(bench: &Bench) -> Vec<Row> {
    let redis = cores::on(Side::Client, RedisServer::start);
    let postgres = || Stage::<PgConnection>::with(&redis, &bench.postgres().url("postgres"));
    let name = "PostgreSQL with a core of its own";
    let mut rows = into(bench, postgres(), name, [Bar::AtMost(2.0); 2]);
    rows.extend(following_index(bench, postgres(), name));
    // Its stage empties Redis, because a store has one database. Nothing may sync into PostgreSQL
    // after that.
    let mariadb = Stage::<MysqlConnection>::with(&redis, &bench.mariadb().url("benchmarks"));
    let name = "MariaDB with a core of its own";
    rows.extend(into(bench, mariadb, name, [Bar::AtMost(2.2), Bar::AtMost(2.5)]));
    rows
}

/// Measures a pass that follows the index, as a worker makes it. The increments have written that.
fn following_index(bench: &Bench, stage: Stage<PgConnection>, name: &str) -> Vec<Row> {
    let counters = bench.of(100_000, 10_000);
    let (posts, batches) = (posts(counters), batches(counters, 2));
    let options = SyncOptions::default().follow_index(true);
    // The first one scans, because a scan is due.
    let _ = stage.counters.sync(&options).unwrap();
    let mut rows = Vec::new();
    for (laid, how) in [(Rows::New, "new"), (Rows::Present, "present")] {
        let times = RefCell::new(Vec::new());
        let ours = || {
            stage.lay_rows(laid, counters);
            for posts in posts.chunks(1000) {
                let increments = posts.iter().map(|post| (post, PostCounter::Views, 1));
                stage.counters.increment_many(increments).unwrap();
            }
            let mut report = SyncReport::default();
            let taken = seconds(|| report = stage.counters.sync(&options).unwrap());
            assert_eq!((report.applied, report.reach), (counters as u64, Reach::Index), "{report}");
            assert!(report.is_clean(), "{report}");
            times.borrow_mut().push(report.times);
            taken / counters as f64
        };
        let limit = || {
            stage.lay_rows(laid, counters);
            stage.upsert(&batches) / counters as f64
        };
        let rounds = Rounds::alternate(bench.of(7, 2), ours, limit);
        let what = format!("sync that follows the index into {name}, rows {how}");
        rows.push(Row::times(&what, &rounds, Bar::AtMost(1.6)));
        rows.push(where_it_went(&what, times.into_inner(), counters));
    }
    rows
}

/// The limit is the guarded upsert alone: the same table, batches and commits, with its rows
/// already in memory and no Redis.
fn into<C: BareConnection>(
    bench: &Bench,
    stage: Stage<C>,
    name: &str,
    [new, present]: [Bar; 2],
) -> Vec<Row> {
    let counters = bench.of(100_000, 10_000);
    let each = |taken: f64| taken / counters as f64;
    let batches = batches(counters, 2);
    let stage = RefCell::new(stage);
    let mut rows = Vec::new();
    for (laid, how, to_reach) in [(Rows::New, "new", new), (Rows::Present, "present", present)] {
        let ours = || {
            let mut stage = stage.borrow_mut();
            stage.lay_rows(laid, counters);
            stage.count(counters);
            each(stage.sync(counters))
        };
        let limit = || {
            stage.borrow().lay_rows(laid, counters);
            each(stage.borrow().upsert(&batches))
        };
        let rounds = Rounds::alternate(bench.of(7, 2), ours, limit);
        let what = format!("sync into {name}, rows {how}");
        rows.push(Row::times(&what, &rounds, to_reach));
        rows.push(where_it_went(&what, std::mem::take(&mut stage.borrow_mut().times), counters));
    }
    rows
}

/// Returns the steps of the syncs, in microseconds for each counter.
pub fn where_it_went(what: &str, times: Vec<SyncTimes>, counters: i64) -> Row {
    let of_each = |time: Duration| time.as_secs_f64() / counters as f64 * 1e6;
    let median = |place: usize| {
        let at_place = |times: &SyncTimes| times.steps().into_iter().nth(place);
        Spread::of(times.iter().filter_map(at_place).map(|(_, time)| of_each(time))).median
    };
    let steps = SyncTimes::default().steps().into_iter().enumerate();
    let steps = steps.map(|(place, (name, _))| format!("{name} {:.1}", median(place)));
    let steps = steps.collect::<Vec<_>>();
    Row::fact(format!("{what}: µs for each counter"), steps.join(", "), String::new())
}
