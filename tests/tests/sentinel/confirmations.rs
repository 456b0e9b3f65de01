//! What claims wait for behind Sentinel.

use std::sync::Arc;
use std::time::Duration;

use counter_core::{Config, Confirmation, Error as StoreError, RedisStore, StoreStep};
use counter_diesel::{Counters, Error, SyncOptions, SyncReport};
use counter_tests::database::{self, Database};
use counter_tests::fixtures::post;
use counter_tests::process::wait_for;
use counter_tests::servers::{RedisServer, Sentinel, Watch, built, start_sentinels, url_of};

/// Less than a test may wait.
const SHORT: Duration = Duration::from_millis(50);

/// A master, with or without a replica, and counters of two processes that follow it.
struct World {
    master: RedisServer,
    sentinels: Vec<Sentinel>,
    database: Box<dyn Database>,
}

impl World {
    fn new() -> Self {
        let master = RedisServer::start();
        let sentinels = start_sentinels(std::slice::from_ref(&master), 1, &Watch::default());
        let database = database::sqlite();
        database.ledger("model_counters").run_pending_migrations().unwrap();
        Self { master, sentinels, database }
    }

    /// A process with this confirmation, or with the default.
    fn counters(&self, confirmation: Option<Confirmation>) -> Counters {
        let builder = || RedisStore::builder(url_of(&self.sentinels));
        let store = built(|| builder().confirm_claims_by_default(confirmation));
        let mut config = Config::default();
        config.claim_timeout = Duration::ZERO;
        let ledger = self.database.ledger("model_counters");
        Counters::from_parts(config, Arc::new(store), ledger)
    }
}

fn sync(counters: &Counters) -> Result<SyncReport, Error> {
    let report = counters.sync(&SyncOptions::default())?;
    match report.stopped {
        Some(error) => Err(error),
        None => Ok(report),
    }
}

/// A sync to its end: a sentinel on a busy machine may need longer than it has.
fn synced(counters: &Counters) -> SyncReport {
    wait_for("a sync", || sync(counters).ok())
}

fn assert_not_confirmed(result: Result<SyncReport, Error>) {
    let error = result.unwrap_err();
    let step = StoreStep::Confirm;
    let is_told = matches!(error, Error::Core(StoreError::Store { step: at, .. }) if at == step);
    assert!(is_told, "{error:?}");
}

#[test]
fn a_master_without_a_replica_goes_on_alone_and_says_so_unless_a_confirmation_is_asked_for() {
    let world = World::new();
    let explicit = world.counters(Some(Confirmation::by_replicas(1).within(SHORT)));
    explicit.increment(post(1), "views", 5).unwrap();
    assert_not_confirmed(sync(&explicit));

    let by_default = world.counters(None);
    let report = synced(&by_default);
    assert_eq!((report.applied, report.unconfirmed), (1, 1), "{report}");
    assert!(report.is_clean() && report.to_string().contains("1 unconfirmed"), "{report}");
    let mut calls = 0;
    let mut until_confirmed = |call: &dyn Fn() -> Result<(), Error>| {
        wait_for("a sentinel that answers in time", || {
            calls += 1;
            call().ok()
        });
    };
    until_confirmed(&|| by_default.set(post(1), "views", 7));
    assert_eq!(by_default.baseline(post(1), "views").unwrap(), 7);
    until_confirmed(&|| by_default.delete(post(1), "views"));
    let counted = [(); 2].map(|()| synced(&by_default).unconfirmed);
    assert!((2..=calls).contains(&counted[0]), "the set and the delete: {counted:?} of {calls}");
    assert_eq!(counted[1], 0);
}

#[test]
fn claims_wait_for_a_replica_by_default_while_there_is_one() {
    let world = World::new();
    let replica = world.master.start_replica(&[]);
    let by_default = world.counters(None);
    wait_for("a sync that the replica confirms", || {
        by_default.increment(post(1), "views", 1).unwrap();
        let report = sync(&by_default).ok()?;
        (report.unconfirmed == 0).then_some(())
    });
    replica.freeze();
    by_default.increment(post(2), "views", 5).unwrap();
    assert_not_confirmed(sync(&by_default));
    assert_eq!(by_default.baseline(post(2), "views").unwrap(), 0);
    assert_eq!(by_default.get(post(2), "views").unwrap(), 5);
    replica.thaw();
    wait_for("the replica to confirm it", || sync(&by_default).ok().map(drop));
    assert_eq!(by_default.baseline(post(2), "views").unwrap(), 5);
}
