//! A primary becomes read-only and another server takes its place, behind a name that new
//! connections resolve anew. Connections that are open stay with the old one.

use std::path::{Path, PathBuf};

use counter_core::{NotedRow, Prefix};
use counter_diesel::check::{Finding, FindingCode};
use counter_diesel::ledger::{Ledger as _, LockWait, StoreRecord};
use counter_diesel::{Counters, mysql_pool, postgres_pool};
use counter_tests::database::ServerConnection;
use counter_tests::fixtures::post;
use counter_tests::process::wait_for;
use counter_tests::proxy::Proxy;
use counter_tests::server_contract::ledger_of;
use counter_tests::servers::mariadb::MariaDb;
use counter_tests::servers::postgres::Postgres;
use counter_tests::servers::{Durability, RedisServer};
use diesel::connection::SimpleConnection as _;
use diesel::r2d2::{ConnectionManager, Pool};
use diesel::{Connection as _, MysqlConnection, PgConnection};

use super::{sync, sync_cleanly};

/// A server that can be demoted.
trait Primary {
    type Connection: ServerConnection;

    /// The URL of its database for an administrator, with its tables in place.
    fn url(&self) -> String;

    fn socket(&self) -> PathBuf;

    /// A pool of the application's, through the socket in this folder.
    fn pool_through(&self, folder: &Path) -> Pool<ConnectionManager<Self::Connection>>;

    /// Lets it refuse what the application writes. Its connections stay.
    fn demote(&self);

    fn connect(&self) -> Self::Connection {
        Self::Connection::establish(&self.url()).unwrap()
    }

    fn execute(&self, sql: &str) {
        self.connect().batch_execute(sql).unwrap();
    }
}

const CONNECTIONS: u32 = 4;

impl Primary for Postgres {
    type Connection = PgConnection;

    fn url(&self) -> String {
        Self::url(self, "postgres")
    }

    fn socket(&self) -> PathBuf {
        Self::socket(self)
    }

    fn pool_through(&self, folder: &Path) -> Pool<ConnectionManager<PgConnection>> {
        let url = format!("postgres:///postgres?host={}&user=postgres", folder.display());
        postgres_pool(&url, CONNECTIONS).unwrap()
    }

    fn demote(&self) {
        self.execute("ALTER SYSTEM SET default_transaction_read_only = on");
        self.execute("SELECT pg_reload_conf()");
        let is_on = "SELECT CASE current_setting('default_transaction_read_only') \
                     WHEN 'on' THEN 1 ELSE 0 END::bigint AS n";
        // The server changes the sessions that there are before it takes new ones.
        wait_for("the setting", || (self.connect().number(is_on) == 1).then_some(()));
    }
}

impl Primary for MariaDb {
    type Connection = MysqlConnection;

    fn url(&self) -> String {
        Self::url(self, "site")
    }

    fn socket(&self) -> PathBuf {
        Self::socket(self)
    }

    /// As a user without the right to write all the same.
    fn pool_through(&self, folder: &Path) -> Pool<ConnectionManager<MysqlConnection>> {
        let socket = folder.join("socket");
        let url = format!("mysql://app@localhost/site?unix_socket={}", socket.display());
        mysql_pool(&url, CONNECTIONS).unwrap()
    }

    fn demote(&self) {
        self.execute("SET GLOBAL read_only = ON");
    }
}

fn mariadb() -> MariaDb {
    let server = MariaDb::new(Durability::Off);
    let mut root = MysqlConnection::establish(&server.url("mysql")).unwrap();
    for statement in [
        "CREATE DATABASE site",
        "CREATE USER app@localhost",
        "GRANT SELECT, INSERT, UPDATE, DELETE ON site.* TO app@localhost",
    ] {
        root.batch_execute(statement).unwrap();
    }
    server
}

#[test]
fn a_postgres_that_was_demoted_and_lags_is_no_restored_one() {
    is_no_restored_one(&[(); 2].map(|()| Postgres::new(Durability::Off)));
}

#[test]
fn a_mariadb_that_was_demoted_and_lags_is_no_restored_one() {
    is_no_restored_one(&[(); 2].map(|()| mariadb()));
}

#[test]
fn a_postgres_that_was_demoted_is_left_by_the_next_pass() {
    is_left_by_the_next_pass(&[(); 2].map(|()| Postgres::new(Durability::Off)));
}

#[test]
fn a_mariadb_that_was_demoted_is_left_by_the_next_pass() {
    is_left_by_the_next_pass(&[(); 2].map(|()| mariadb()));
}

/// A standby has what its primary has recorded.
fn replicate<P: Primary>(primary: &P, standby: &P) {
    let prefix = Prefix::default();
    let [from, to] =
        [primary, standby].map(|server| ledger_of(&P::Connection::pool(&server.url(), 1).unwrap()));
    for StoreRecord { store_id, writer, seq, marks, .. } in from.state(&prefix).unwrap().stores {
        let mut transaction = to.begin(LockWait::Usual).unwrap();
        transaction
            .record(&prefix, &store_id, &NotedRow { writer, seq, marks, ..NotedRow::default() })
            .unwrap();
        transaction.commit().unwrap();
    }
}

/// Makes the tables of both. A standby has the id of its primary.
fn prepare<P: Primary>(servers: &[P; 2]) -> [Counters; 2] {
    servers.each_ref().map(|server| {
        let pool = P::Connection::pool(&server.url(), 1).unwrap();
        let counters = Counters::builder(pool).memory().build().unwrap();
        counters.run_pending_migrations().unwrap();
        server.execute("UPDATE model_counters_state SET store_id = 'id' WHERE prefix = ''");
        counters
    })
}

/// The old primary does not know what others have synced into the new one. Connections that are
/// still open lead there.
fn is_no_restored_one<P: Primary>(servers: &[P; 2]) {
    let (redis, [old, new]) = (RedisServer::start(), servers);
    let [at_old, at_new] = prepare(servers);
    let proxy = Proxy::to_socket(&old.socket());
    let process = |pool| Counters::builder(pool).redis(&redis.url()).build().unwrap();
    let pools = [(); 4].map(|()| old.pool_through(&proxy.folder()));
    for pool in &pools {
        wait_for("all connections to the old one", || {
            (pool.state().connections == CONNECTIONS).then_some(())
        });
    }
    let [checks, looks, sets, syncs] = pools.map(process);
    syncs.increment(post(1), "views", 5).unwrap();
    assert_eq!(sync_cleanly(&syncs).applied, 1);

    replicate(old, new);
    old.demote();
    proxy.lead_to(&new.socket());
    let promoted = process(P::Connection::pool(&new.url(), 1).unwrap());
    for _ in 0..2 {
        promoted.increment(post(1), "views", 7).unwrap();
        assert_eq!(sync_cleanly(&promoted).applied, 1);
    }
    let found = checks.check().findings;
    let is_other = |finding: &Finding| finding.code == FindingCode::OtherDatabase;
    assert!(!found.iter().any(is_other), "{found:?}");
    assert_eq!(looks.database_adoption().unwrap().mismatch, None);
    sets.set(post(1), "level", 3).unwrap();
    assert_eq!(at_new.baseline(post(1), "level").unwrap(), 3);
    syncs.increment(post(1), "views", 11).unwrap();
    assert_eq!(sync_cleanly(&syncs).applied, 1);
    // The old primary does not have what only the new one took.
    assert_eq!(at_new.baseline(post(1), "views").unwrap(), 7 + 7 + 11);
    assert_eq!(at_old.baseline(post(1), "views").unwrap(), 5);
}

fn is_left_by_the_next_pass<P: Primary>(servers: &[P; 2]) {
    let [old, new] = servers;
    let [at_old, at_new] = prepare(servers);
    let (redis, proxy) = (RedisServer::start(), Proxy::to_socket(&old.socket()));
    let pool = old.pool_through(&proxy.folder());
    let counters = Counters::builder(pool.clone()).redis(&redis.url()).build().unwrap();
    counters.increment(post(1), "views", 5).unwrap();
    assert_eq!(sync_cleanly(&counters).applied, 1);
    assert_eq!(at_old.baseline(post(1), "views").unwrap(), 5);
    wait_for("all connections to the old one", || {
        (pool.state().connections == CONNECTIONS).then_some(())
    });

    replicate(old, new);
    old.demote();
    proxy.lead_to(&new.socket());
    for id in 0..10 {
        counters.increment(post(id), "likes", 7).unwrap();
    }
    let _ = sync(&counters);
    let _ = sync_cleanly(&counters);
    for round in 2..10 {
        for id in 0..10 {
            assert_eq!(at_new.baseline(post(id), "likes").unwrap(), 7 * (round - 1));
            counters.increment(post(id), "likes", 7).unwrap();
        }
        assert_eq!(sync_cleanly(&counters).applied, 10);
        counters.set(post(1), "level", round).unwrap();
        assert_eq!(at_new.baseline(post(1), "level").unwrap(), round);
    }
    assert_eq!(at_old.baseline(post(1), "likes").unwrap(), 0);
}
