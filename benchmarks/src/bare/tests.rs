//! The limits are worth something only while they send what a sync and a read send.

use std::sync::{Arc, Mutex};

use counter_diesel::{Counters, HasCounters as _, SyncOptions};
use diesel::connection::{Instrumentation, InstrumentationEvent};
use diesel::r2d2::{ConnectionManager, Pool};
use diesel::{Connection, MysqlConnection, PgConnection, RunQueryDsl, SqliteConnection};

use super::bare_connection::BareConnection;
use super::pg::ValuesOf;
use super::rows::Batch;
use crate::bench::Bench;
use crate::post::{PostCounter, posts};

type Log = Arc<Mutex<Vec<String>>>;

#[test]
fn the_limits_send_the_statements_of_a_sync() {
    let bench = Bench::new(true, None);
    let postgres = bench.postgres().url("postgres");
    assert_same_upserts::<PgConnection>(&postgres);
    assert_same_upserts::<MysqlConnection>(&bench.mariadb().url("benchmarks"));
    assert_same_upserts::<SqliteConnection>(&bench.sqlite());

    let (counters, log) = counters::<PgConnection>(&postgres);
    let posts = posts(50);
    counters.get_many(posts.iter().map(|post| (post, PostCounter::Views))).unwrap();
    // It looks again, for a store that is new to these rows has not given out their sequence.
    let mut ours = taken(&log);
    ours.dedup();
    let mut conn = logged::<PgConnection>(&postgres, &log);
    ValuesOf::posts(vec![1; 50]).load::<(i64, i64, i64)>(&mut conn).unwrap();
    assert_eq!(taken(&log), ours);
}

fn assert_same_upserts<C: BareConnection>(url: &str) {
    let (counters, log) = counters::<C>(url);
    for post in posts(1000) {
        post.increment_counter(&counters, PostCounter::Views, 1).unwrap();
    }
    assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
    let upserts = taken(&log).into_iter().filter(|statement| is_upsert(statement));
    let ours = upserts.map(without_proof).collect::<Vec<_>>();
    logged::<C>(url, &log).write(&Batch::new((1..=1000).collect(), 1));
    assert_eq!(taken(&log), ours);
}

/// Leaves out the part by which a sync proves that each row was written. The limit has none.
fn without_proof(upsert: String) -> String {
    let bare = upsert.strip_prefix(PROOF).unwrap_or(&upsert);
    bare.split_once(" RETURNING ").map_or(bare, |(bare, _)| bare).to_owned()
}

/// How PostgreSQL is made to compare what it wrote.
const PROOF: &str = "WITH \"written\" AS (";

/// Whether a statement writes counters, and not the state.
fn is_upsert(statement: &str) -> bool {
    let statement = statement.strip_prefix(PROOF).unwrap_or(statement);
    statement.starts_with("INSERT") && statement.contains("owner_type")
}

fn counters<C: BareConnection>(url: &str) -> (Counters, Log) {
    let log = Log::default();
    let manager = ConnectionManager::<C>::new(url);
    let pool = Pool::builder().max_size(1).build(manager).unwrap();
    let counters = Counters::builder(pool.clone()).memory().build().unwrap();
    counters.run_pending_migrations().unwrap();
    log_on(&mut *pool.get().unwrap(), &log);
    (counters, log)
}

fn logged<C: BareConnection>(url: &str, log: &Log) -> C {
    let mut conn = C::establish(url).unwrap();
    log_on(&mut conn, log);
    conn
}

fn log_on(conn: &mut impl Connection, log: &Log) {
    conn.set_instrumentation(Recorder(Arc::clone(log)));
}

/// Writes down the text of each statement, without its values.
struct Recorder(Log);

impl Instrumentation for Recorder {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        if let InstrumentationEvent::StartQuery { query, .. } = event {
            let text = query.to_string();
            let text = text.split(" -- binds:").next().unwrap();
            // Ours names the schema that it has found, and the database need not look for it.
            let text = text.replace("\"public\".", "").replace("`benchmarks`.", "");
            self.0.lock().unwrap().push(text);
        }
    }
}

/// Takes the statements that were written down, except the one by which a pool tests a connection.
fn taken(log: &Log) -> Vec<String> {
    let mut texts = std::mem::take(&mut *log.lock().unwrap());
    texts.retain(|text| text != "SELECT 1");
    texts
}
