//! PostgreSQL gives a copy another identity, also if nothing was synced since it was made.

use std::sync::Arc;

use counter_core::{DeltaStore, Prefix, RedisStore};
use counter_diesel::Counters;
use counter_diesel::error::DatabaseMismatch;
use counter_diesel::ledger::Ledger;
use counter_tests::database::{Database, OwnDatabase};
use counter_tests::fixtures::post;
use counter_tests::servers::{RedisServer, postgres};
use counter_tests::store_worlds::{RedisWorld, StoreWorld};
use counter_tests::world::impatient;
use diesel::PgConnection;
use diesel::connection::SimpleConnection as _;

use super::{assert_refused, baseline, finds_other_database, sync, synced};

pub(crate) const CASES: &[(&str, fn())] = &[
    ("a copy is found before it claims anything", a_copy_is_found_before_it_claims_anything),
    (
        "a copy with a prefix or a store of its own is no other database",
        a_copy_with_a_prefix_or_a_store_of_its_own_is_no_other_database,
    ),
    (
        "a copy that is adopted under one prefix is refused under another",
        a_copy_that_is_adopted_under_one_prefix_is_refused_under_another,
    ),
];

/// A database, and a Redis into which it is synced.
struct Original {
    database: OwnDatabase<PgConnection>,
    redis: RedisWorld,
}

impl Original {
    fn new() -> Self {
        let database = OwnDatabase::in_server(&postgres::shared_url());
        Self { database, redis: RedisWorld::own() }
    }

    fn process(&self) -> Counters {
        self.process_over(&self.database)
    }

    fn process_over(&self, database: &OwnDatabase<PgConnection>) -> Counters {
        process(database, self.redis.store(), self.redis.prefix())
    }

    fn copy(&self) -> OwnDatabase<PgConnection> {
        let copy = OwnDatabase::in_server(&postgres::shared_url());
        copy_database(&self.database, &copy);
        copy
    }
}

fn process(
    database: &OwnDatabase<PgConnection>,
    store: Arc<dyn DeltaStore>,
    prefix: Prefix,
) -> Counters {
    let mut config = impatient();
    config.prefix = prefix;
    let ledger: Arc<dyn Ledger> = Database::ledger(database, "model_counters");
    ledger.run_pending_migrations().unwrap();
    Counters::from_parts(config, store, ledger)
}

fn is_moved(mismatch: &DatabaseMismatch) -> bool {
    matches!(mismatch, DatabaseMismatch::Moved { .. })
}

fn a_copy_is_found_before_it_claims_anything() {
    let original = Original::new();
    synced(&original.process(), 5);
    let copy = original.copy();
    let copied = || original.process_over(&copy);
    copied().increment(post(1), "views", 7).unwrap();
    assert_refused(&copied(), is_moved);
    let error = copied().set(post(1), "views", 1).unwrap_err();
    assert!(error.is_other_database(), "{error:?}");
    synced(&original.process(), 0);
    assert_eq!((baseline(&original.process()), baseline(&copied())), (12, 5));
    copied().adopt_database().unwrap();
    synced(&copied(), 1);
    assert_refused(&original.process(), |mismatch| {
        matches!(mismatch, DatabaseMismatch::WentBack { .. })
    });
}

fn a_copy_with_a_prefix_or_a_store_of_its_own_is_no_other_database() {
    let original = Original::new();
    synced(&original.process(), 5);
    let (copy, server, staging) = (original.copy(), RedisServer::start(), RedisWorld::own());
    let prefix = original.redis.prefix();
    let store = RedisStore::builder(server.url()).prefix(prefix.clone()).build().unwrap();
    let copies = [
        process(&copy, staging.store(), staging.prefix()),
        process(&copy, Arc::new(store), prefix),
    ];
    for (copied, by) in copies.iter().zip([7, 11]) {
        assert_eq!(copied.database_adoption().unwrap().mismatch, None);
        assert!(!finds_other_database(copied), "{}", copied.check());
        copied.set(post(2), "views", by).unwrap();
        copied.increment(post(1), "views", by).unwrap();
        // The report names the prefix, or the store, that was synced before.
        let report = sync(copied).unwrap();
        assert!(report.stopped.is_none() && report.applied == 1, "{report:?}");
        synced(copied, 0);
    }
    synced(&original.process(), 1);
    assert_eq!(baseline(&original.process()), 6);
    assert_eq!(baseline(&copies[0]), 5 + 7 + 11);
}

fn a_copy_that_is_adopted_under_one_prefix_is_refused_under_another() {
    let original = Original::new();
    synced(&original.process(), 5);
    let copy = original.copy();
    let staging = RedisWorld::own();
    let staging = process(&copy, staging.store(), staging.prefix());
    assert!(staging.adopt_database().unwrap().is_adopted);
    let report = sync(&staging).unwrap();
    assert!(report.stopped.is_none(), "{report:?}");
    assert_refused(&original.process_over(&copy), is_moved);
    synced(&original.process(), 1);
    assert_eq!(baseline(&original.process()), 6);
}

/// Makes the second database a copy of the first.
fn copy_database(from: &OwnDatabase<PgConnection>, to: &OwnDatabase<PgConnection>) {
    let mut server =
        <PgConnection as diesel::Connection>::establish(&postgres::shared_url()).unwrap();
    let (from, to) = (from.name(), to.name());
    // A template may have no sessions.
    for statement in [
        format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{from}'"),
        format!("DROP DATABASE {to}"),
        format!("CREATE DATABASE {to} TEMPLATE {from}"),
    ] {
        server.batch_execute(&statement).unwrap();
    }
}
