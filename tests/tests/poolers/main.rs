//! PostgreSQL behind a pooler in transaction mode, where each transaction may meet another
//! connection to the server, on which other clients have prepared statements of their own.
#![allow(clippy::unwrap_used)]

mod sent;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use counter_core::Config;
use counter_diesel::check::{FindingCode as Code, Severity};
use counter_diesel::ledger::{Ledger, PoolLedger};
use counter_diesel::{
    Counters, RedisStore, SyncOptions, postgres_pool, postgres_pool_without_prepared_statements,
};
use counter_tests::command;
use counter_tests::database::OwnDatabase;
use counter_tests::faults::{Faults, FaultyLedger};
use counter_tests::fixtures::post;
use counter_tests::program::Program;
use counter_tests::servers::postgres::Postgres;
use counter_tests::servers::{Durability, PgBouncer, RedisServer};
use diesel::connection::SimpleConnection as _;
use diesel::r2d2::{ConnectionManager, Pool};
use diesel::{Connection as _, PgConnection};

/// A database behind a pooler, and a Redis.
struct Pooled {
    database: OwnDatabase<PgConnection>,
    url: String,
    redis: RedisServer,
    _pooler: PgBouncer,
    _server: Postgres,
}

impl Pooled {
    fn with_connections(connections: usize) -> Self {
        let server = Postgres::new(Durability::Off);
        let pooler = PgBouncer::before(&server, connections);
        let database = OwnDatabase::in_server(&server.url("postgres"));
        let url = pooler.url(database.name());
        Self { database, url, redis: RedisServer::start(), _pooler: pooler, _server: server }
    }

    /// The counters of a process that names no prepared statements.
    fn counters(&self) -> Counters {
        let pool = postgres_pool_without_prepared_statements(&self.url, 2).unwrap();
        Counters::builder(pool).redis(&self.redis.url()).build().unwrap()
    }

    /// The counters of a process that does not know of the pooler.
    fn naming_counters(&self) -> Counters {
        let pool = postgres_pool(&self.url, 1).unwrap();
        Counters::builder(pool).redis(&self.redis.url()).build().unwrap()
    }

    /// Runs the command, as another process.
    fn run(&self, arguments: &[&str]) {
        let mut command = command::counter(&self.url, &self.redis.url());
        command.env("COUNTER_PREPARED_STATEMENTS", "off").args(arguments);
        let ended = Program::start(&mut command).finish();
        assert_eq!((ended.code(), ended.errors.as_str()), (0, ""), "{arguments:?}: {ended:?}");
    }

    /// A client that has a connection to the server for itself until it commits.
    fn holder(&self) -> PgConnection {
        let mut conn = PgConnection::establish(&self.url).unwrap();
        conn.batch_execute("BEGIN").unwrap();
        conn
    }
}

#[test]
fn two_processes_migrate_count_read_and_sync_on_one_connection() {
    two_processes_migrate_count_read_and_sync(1);
}

#[test]
fn two_processes_migrate_count_read_and_sync_on_three_connections() {
    two_processes_migrate_count_read_and_sync(3);
}

fn two_processes_migrate_count_read_and_sync(connections: usize) {
    const POSTS: i64 = 20;
    let pooled = Pooled::with_connections(connections);
    let (counters, other) = (pooled.counters(), pooled.counters());
    thread::scope(|scope| {
        scope.spawn(|| pooled.run(&["migrate"]));
        counters.run_pending_migrations().unwrap();
    });
    thread::scope(|scope| {
        scope.spawn(|| {
            for level in 1..=30 {
                other.set(post(0), "level", level).unwrap();
                assert_eq!(other.get(post(0), "level").unwrap(), level);
                assert!(other.sync(&SyncOptions::default()).unwrap().is_clean());
            }
        });
        scope.spawn(|| (0..5).for_each(|_| pooled.run(&["sync"])));
        for round in 1..=30 {
            for id in 1..=POSTS {
                counters.increment(post(id), "views", 1).unwrap();
            }
            assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
            let views = (1..=POSTS).map(|id| (post(id), "views"));
            assert_eq!(counters.get_many(views).unwrap(), [round; POSTS as usize]);
            assert_eq!(
                counters.get(post(round), "views").unwrap(),
                if round > POSTS { 0 } else { round }
            );
        }
    });
    // A process may have had claims in hand until it ended.
    pooled.run(&["sync"]);
    for id in 1..=POSTS {
        assert_eq!(counters.baseline(post(id), "views").unwrap(), 30);
    }
    assert_eq!(counters.baseline(post(0), "level").unwrap(), 30);
}

#[test]
fn a_check_up_notices_a_pooler_and_what_it_does_to_prepared_statements() {
    for connections in [1, 3] {
        let pooled = Pooled::with_connections(connections);
        let direct = postgres_pool(&pooled.database.url(), 2).unwrap();
        let direct = Counters::builder(direct).redis(&pooled.redis.url()).build().unwrap();
        direct.run_pending_migrations().unwrap();
        let found = |counters: &Counters| {
            let findings = counters.check().findings;
            let mut found = findings.into_iter().filter(|found| found.code == Code::DatabasePooled);
            found.next().map(|found| found.severity)
        };
        for _ in 0..2 {
            assert_eq!(found(&direct), None);
            assert_eq!(found(&pooled.counters()), Some(Severity::Note));
            // A pool that does not test its connections, because the test is a prepared statement
            // with a name too, and fails.
            let pool = Pool::builder().max_size(2).test_on_check_out(false);
            let pool = pool.build(ConnectionManager::<PgConnection>::new(&pooled.url)).unwrap();
            let naming = Counters::builder(pool).redis(&pooled.redis.url()).build().unwrap();
            assert_eq!(found(&naming), Some(Severity::Error));
        }
        let mut doctor = command::counter(&pooled.url, &pooled.redis.url());
        let ended = Program::start(doctor.arg("doctor")).finish();
        assert!(ended.output.contains("error database-pooled\n  a pooler"), "{ended:?}");
    }
}

/// Also in a process that does not know of the pooler.
#[test]
fn a_sync_never_executes_what_another_client_has_prepared_under_the_same_name() {
    let pooled = Pooled::with_connections(3);
    let direct = Counters::builder(postgres_pool(&pooled.database.url(), 1).unwrap());
    let direct = direct.redis(&pooled.redis.url()).build().unwrap();
    direct.run_pending_migrations().unwrap();
    direct.increment(post(1), "views", 100).unwrap();
    assert!(direct.sync(&SyncOptions::default()).unwrap().is_clean());
    // Two of the three connections are taken, and one is free.
    let _other = pooled.holder();
    let [first, second] = [(); 2].map(|()| Arc::new(Mutex::new(pooled.holder())));
    let take = |conn: &Mutex<PgConnection>| conn.lock().unwrap().batch_execute("BEGIN").unwrap();
    let free = |conn: &Mutex<PgConnection>| conn.lock().unwrap().batch_execute("COMMIT").unwrap();
    free(&second);
    let is_to_move = Arc::new(AtomicBool::new(false));
    let counters = {
        let (is_to_move, first, second) =
            (Arc::clone(&is_to_move), Arc::clone(&first), Arc::clone(&second));
        counters_before_whose_transactions(&pooled, move || {
            if is_to_move.swap(false, Ordering::SeqCst) {
                take(&second);
                free(&first);
            }
        })
    };
    counters.increment(post(1), "views", 1).unwrap();
    assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());

    take(&second);
    free(&first);
    let setting = pooled.naming_counters();
    setting.get(post(2), "level").unwrap();
    setting.set(post(2), "level", 7).unwrap();
    take(&first);
    free(&second);

    counters.increment(post(1), "views", 1).unwrap();
    is_to_move.store(true, Ordering::SeqCst);
    let report = counters.sync(&SyncOptions::default()).unwrap();
    assert!(report.is_clean(), "{report:?}");
    assert!(!is_to_move.load(Ordering::SeqCst), "the transaction met the other connection");
    assert_eq!(direct.get(post(1), "views").unwrap(), 102);
    assert_eq!(direct.baseline(post(1), "views").unwrap(), 102);
}

/// The counters of a process that does not know of the pooler, and before each of whose
/// transactions this happens.
fn counters_before_whose_transactions(
    pooled: &Pooled,
    happens: impl Fn() + Send + Sync + 'static,
) -> Counters {
    let faults = Faults::calling(move |step| {
        if step == "begin" {
            happens();
        }
    });
    let pool = postgres_pool(&pooled.url, 1).unwrap();
    let inner: Arc<dyn Ledger> =
        Arc::new(PoolLedger::new(pool, Config::default().table_name).unwrap());
    let store = RedisStore::builder(pooled.redis.url()).build().unwrap();
    let ledger = FaultyLedger { inner, faults };
    Counters::from_parts(Config::default(), Arc::new(store), Arc::new(ledger))
}
