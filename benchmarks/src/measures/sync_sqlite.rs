use std::cell::RefCell;

use diesel::SqliteConnection;

use crate::bare::{Batch, Steps, batches, claim_name};
use crate::bench::Bench;
use crate::measures::sync::where_it_went;
use crate::post::{Post, PostCounter, name, posts};
use crate::rounds::{Rounds, seconds};
use crate::stage::{Rows, Stage};
use crate::table::{Bar, Row};

type Sqlite = Stage<SqliteConnection>;

const ROWS: [(Rows, &str); 2] = [(Rows::New, "new"), (Rows::Present, "present")];

/// The limit is the bare commands to Redis and the bare multi-row upsert, one after the other.
pub fn from_redis(bench: &Bench) -> Vec<Row> {
    let counters = bench.of(100_000, 10_000);
    let batches = batches(counters, 2);
    let stage = RefCell::new(Sqlite::new(bench, &bench.sqlite()));
    let mut steps = Steps::new(bench.redis().bare());
    let mut rows = Vec::new();
    for (laid, how) in ROWS {
        let prepare = || {
            stage.borrow().lay_rows(laid, counters);
            stage.borrow_mut().count(counters);
        };
        let each = |taken: f64| taken / counters as f64;
        let rounds = Rounds::alternate(
            bench.of(9, 2),
            || {
                prepare();
                each(stage.borrow_mut().sync(counters))
            },
            || {
                prepare();
                each(ask_redis(&mut steps, &batches) + stage.borrow().upsert(&batches))
            },
        );
        let what = format!("sync into SQLite from Redis, rows {how}");
        rows.push(Row::times(&what, &rounds, Bar::AtMost(1.2)));
        rows.push(where_it_went(&what, std::mem::take(&mut stage.borrow_mut().times), counters));
    }
    rows
}

/// Returns the seconds of all commands of a sync. The names are pending already.
fn ask_redis(steps: &mut Steps, batches: &[Batch]) -> f64 {
    let of_batch = |name: fn(i64) -> String| {
        let names = |batch: &Batch| batch.owner_ids.iter().map(|id| name(*id)).collect::<Vec<_>>();
        batches.iter().map(names).collect::<Vec<_>>()
    };
    let (pending, claims) = (of_batch(name), of_batch(claim_name));
    seconds(|| {
        let found = steps.scan().len();
        assert!(found >= batches.iter().map(|batch| batch.owner_ids.len()).sum());
        for (pending, claims) in pending.iter().zip(&claims) {
            let texts = steps.claim(pending, claims);
            assert_eq!(steps.verify(claims), texts);
            steps.ack(claims, &texts);
        }
    })
}

/// The limit is the bare multi-row upsert.
pub fn from_memory(bench: &Bench) -> Vec<Row> {
    let counters = bench.of(100_000, 10_000);
    let (batches, posts) = (batches(counters, 2), posts(counters));
    let stage = RefCell::new(Sqlite::in_memory(bench, &bench.sqlite()));
    let mut rows = Vec::new();
    for (laid, how) in ROWS {
        let each = |taken: f64| taken / counters as f64;
        let rounds = Rounds::alternate(
            bench.of(9, 2),
            || {
                let mut stage = stage.borrow_mut();
                stage.lay_rows(laid, counters);
                let increments = posts.iter().map(|post: &Post| (post, PostCounter::Views, 1));
                stage.counters.increment_many(increments).unwrap();
                each(stage.sync(counters))
            },
            || {
                stage.borrow().lay_rows(laid, counters);
                each(stage.borrow().upsert(&batches))
            },
        );
        let what = format!("sync into SQLite from memory, rows {how}");
        rows.push(Row::times(&what, &rounds, Bar::AtMost(2.0)));
        rows.push(where_it_went(&what, std::mem::take(&mut stage.borrow_mut().times), counters));
    }
    rows
}
