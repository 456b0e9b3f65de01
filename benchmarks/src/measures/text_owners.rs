use std::cell::RefCell;

use counter_diesel::sync::SyncTimes;
use diesel::{MysqlConnection, PgConnection, SqliteConnection};

use crate::bare::{BareConnection, Batch, batches};
use crate::bench::Bench;
use crate::measures::sync::where_it_went;
use crate::post::{KEY, OWNER_TYPE, names};
use crate::rounds::Rounds;
use crate::stage::{Rows, Stage};
use crate::table::{Bar, Row};

pub fn in_postgres(bench: &Bench) -> Vec<Row> {
    let stage = Stage::<PgConnection>::new(bench, &bench.postgres().url("postgres"));
    beside_integers(bench, stage, "PostgreSQL")
}

pub fn in_mariadb(bench: &Bench) -> Vec<Row> {
    let stage = Stage::<MysqlConnection>::new(bench, &bench.mariadb().url("benchmarks"));
    beside_integers(bench, stage, "MariaDB")
}

pub fn in_sqlite(bench: &Bench) -> Vec<Row> {
    let stage = Stage::<SqliteConnection>::new(bench, &bench.sqlite());
    beside_integers(bench, stage, "SQLite")
}

/// Texts are UUIDs, and handles of 10 characters. The limit is a sync of the same number of
/// counters whose owners are integers: one after the other, and then spread as UUIDs are, which an
/// index feels too.
fn beside_integers<C: BareConnection>(bench: &Bench, stage: Stage<C>, database: &str) -> Vec<Row> {
    let counters = bench.of(100_000, 10_000);
    let names_of = |name: fn(i64) -> String| (1..=counters).map(name).collect::<Vec<_>>();
    let (uuids, handles) = (names_of(of_uuid), names_of(of_handle));
    let (integers, spread) = (names(counters), names_of(of_spread));
    let compared = [
        (("UUIDs", &uuids), ("integers", &integers), Bar::AtMost(1.15)),
        (("UUIDs", &uuids), ("spread integers", &spread), Bar::None),
        (("handles", &handles), ("integers", &integers), Bar::AtMost(1.15)),
        (("handles", &handles), ("spread integers", &spread), Bar::None),
    ];
    let stage = RefCell::new(stage);
    let mut rows = Vec::new();
    for (laid, how) in [(Rows::New, "new"), (Rows::Present, "present")] {
        rows.push(upserts_alone(bench, &stage.borrow(), laid, database));
        for ((kind, texts), (beside, others), bar) in compared {
            let times = [RefCell::default(), RefCell::default()];
            let sync = |names: &[String], times: &RefCell<Vec<SyncTimes>>| {
                let mut stage = stage.borrow_mut();
                let taken = stage.sync_of(names, laid);
                times.borrow_mut().extend(stage.times.last().copied());
                taken
            };
            let ours = || sync(texts, &times[0]);
            let rounds = Rounds::alternate(bench.of(5, 2), ours, || sync(others, &times[1]));
            let what = format!("sync of {kind} beside {beside} into {database}, rows {how}");
            rows.push(Row::times(&what, &rounds, bar));
            let [of_texts, of_others] = times.map(RefCell::into_inner);
            rows.push(where_it_went(&format!("{what}: {kind}"), of_texts, counters));
            rows.push(where_it_went(&format!("{what}: {beside}"), of_others, counters));
        }
    }
    rows
}

fn upserts_alone<C: BareConnection>(
    bench: &Bench,
    stage: &Stage<C>,
    laid: Rows,
    database: &str,
) -> Row {
    let counters = bench.of(100_000, 10_000);
    let upsert = |batches: fn(i64, i64) -> Vec<Batch>| {
        stage.execute(C::EMPTY);
        if laid == Rows::Present {
            stage.pool.get().unwrap().upsert_all(&batches(counters, 1));
        }
        stage.execute(C::SETTLE);
        stage.upsert(&batches(counters, 2)) / counters as f64
    };
    let rounds = Rounds::alternate(bench.of(5, 2), || upsert(of_uuids), || upsert(batches));
    let how = if laid == Rows::New { "new" } else { "present" };
    let what = format!("the upsert alone of UUIDs beside integers into {database}, rows {how}");
    Row::times(what, &rounds, Bar::None)
}

/// Returns what [`batches`] returns, with UUIDs in the place of the integers.
fn of_uuids(posts: i64, seq: i64) -> Vec<Batch> {
    let with_uuids = |batch: Batch| {
        let mut uuids = batch.owner_ids.iter().map(|id| uuid(*id)).collect::<Vec<_>>();
        uuids.sort();
        // They are part of the benchmark for as long as it runs.
        let owner_keys = uuids.into_iter().map(|uuid| &*uuid.leak()).collect();
        Batch { owner_ids: vec![0; batch.owner_ids.len()], owner_keys, ..batch }
    };
    batches(posts, seq).into_iter().map(with_uuids).collect()
}

/// Returns the name of the views of a post whose id is a UUID.
fn of_uuid(number: i64) -> String {
    format!("counter:{OWNER_TYPE}:{}:{KEY}", uuid(number))
}

/// Returns the name of the views of a post whose id is a text of 10 characters, as users and pages
/// have it.
fn of_handle(number: i64) -> String {
    let spread = number.unsigned_abs().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 28;
    format!("counter:{OWNER_TYPE}:h{spread:09x}:{KEY}")
}

/// Returns a UUID. They are spread as random ones are.
fn uuid(number: i64) -> String {
    let number = u128::from(number.unsigned_abs());
    let spread = number.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    let hex = format!("{spread:032x}");
    let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
    parts.join("-")
}

/// Returns the name of the views of a post whose id is spread over all integers.
fn of_spread(number: i64) -> String {
    format!("counter:{OWNER_TYPE}:{}:{KEY}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15_u64 as i64))
}
