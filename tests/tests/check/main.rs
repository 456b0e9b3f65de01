//! What a check-up finds: each situation is brought about on real servers.

#![allow(clippy::unwrap_used)]

mod bounds;
mod clocks;
mod databases;
mod generations;
mod harmless;
mod holdings;
mod locks;
mod prefixes;
mod refusals;
mod schemas;
mod settings;

use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use counter_core::{Config, DeltaStore, RedisStore};
use counter_diesel::Counters;
use counter_diesel::check::{CheckUp, Finding, FindingCode, Severity};
use counter_diesel::ledger::Ledger;
use counter_tests::database::{self, Database};
use counter_tests::servers::RedisServer;
use counter_tests::store_worlds::patient;

/// A Redis and a database of one test's own, with which nothing is wrong.
struct CheckSite {
    redis: RedisServer,
    database: Box<dyn Database>,
    ledger: Arc<dyn Ledger>,
}

/// The settings of a server that keeps what it has acknowledged.
const DURABLE: [&str; 4] = ["--appendonly", "yes", "--appendfsync", "always"];

impl CheckSite {
    fn new() -> Self {
        Self::with(RedisServer::start_with(&DURABLE), database::sqlite())
    }

    fn with_redis(redis: RedisServer) -> Self {
        Self::with(redis, database::sqlite())
    }

    fn with(redis: RedisServer, database: Box<dyn Database>) -> Self {
        let ledger = database.ledger("model_counters");
        ledger.run_pending_migrations().unwrap();
        Self { redis, database, ledger }
    }

    fn counters(&self) -> Counters {
        self.counters_with(Config::default())
    }

    fn counters_with(&self, config: Config) -> Counters {
        let store = self.store_at(&self.redis.url(), &config);
        Counters::from_parts(config, store, Arc::clone(&self.ledger))
    }

    fn store_at(&self, url: &str, config: &Config) -> Arc<dyn DeltaStore> {
        let builder = RedisStore::builder(url).prefix(config.prefix.clone()).timeouts(patient());
        // Every check-up takes this long if a server is away.
        let builder = builder.wait_timeout(Duration::from_secs(5));
        Arc::new(builder.connect_lazily().build().unwrap())
    }

    /// The counters of a user of Redis with this name and password, who has to be made first.
    fn counters_of(&self, login: &str) -> Counters {
        let url = self.redis.url().replace("redis://", &format!("redis://{login}@"));
        let config = Config::default();
        let store = self.store_at(&url, &config);
        Counters::from_parts(config, store, Arc::clone(&self.ledger))
    }

    fn check(&self) -> CheckUp {
        self.counters().check()
    }

    /// Sends a command to Redis of words that have no spaces.
    fn redis<T: redis::FromRedisValue>(&self, command: &str) -> T {
        let words = command.split(' ').collect::<Vec<_>>();
        self.redis_words(&words)
    }

    fn redis_words<T: redis::FromRedisValue>(&self, words: &[&str]) -> T {
        let mut with_arguments = redis::cmd(words[0]);
        with_arguments.arg(&words[1..]);
        with_arguments.query(&mut self.redis.bare()).unwrap()
    }

    fn sql(&self, sql: &str) {
        self.database.execute(sql).unwrap();
    }
}

/// Some questions each of which waits for five seconds, the ten seconds for what the store holds,
/// and time for all else on a busy machine.
const AT_MOST: Duration = Duration::from_secs(60);

/// What is found, if that ends in time.
fn check_in_time(counters: Counters) -> Result<CheckUp, mpsc::RecvTimeoutError> {
    let (send, receive) = mpsc::channel();
    thread::spawn(move || send.send(counters.check()).ok());
    receive.recv_timeout(AT_MOST)
}

/// How bad each finding is, and its code.
fn found(check_up: &CheckUp) -> Vec<(Severity, FindingCode)> {
    check_up.findings.iter().map(|finding| (finding.severity, finding.code)).collect()
}

/// The one finding that there is.
fn only(check_up: &CheckUp, severity: Severity, code: FindingCode) -> Finding {
    assert_eq!(found(check_up), [(severity, code)], "{check_up}");
    check_up.findings[0].clone()
}

/// The configuration of a process that takes every claim for one that was left behind.
fn impatient() -> Config {
    let mut config = Config::default();
    config.claim_timeout = Duration::ZERO;
    config
}
