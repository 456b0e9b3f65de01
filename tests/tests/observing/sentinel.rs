//! What is reported of a master without replicas, and of sentinels that are away.

use std::sync::Arc;
use std::time::Duration;

use counter_core::{Config, RedisStore};
use counter_diesel::{Counters, SyncOptions};
use counter_tests::fixtures::post;
use counter_tests::log::Logged;
use counter_tests::process::wait_for;
use counter_tests::servers::{RedisServer, Watch, built, start_sentinels, url_of};
use counter_tests::store_worlds::patient;

use crate::events::only;
use crate::scenes::{logged_of, memory, sync};

/// Syncs once with the sentinel, and once without it.
fn shown_with_and_without_sentinel() -> Vec<Logged> {
    let world = memory();
    let redis = RedisServer::start();
    let sentinels = start_sentinels(std::slice::from_ref(&redis), 1, &Watch::default());
    let builder = || RedisStore::builder(url_of(&sentinels)).timeouts(patient());
    let store = built(|| builder().prefix(world.prefix.clone()));
    let mut config = Config::default();
    config.prefix = world.prefix.clone();
    config.claim_timeout = Duration::ZERO;
    let counters = Counters::from_parts(config, Arc::new(store), Arc::clone(&world.ledger));
    counters.increment(post(1), "views", 5).unwrap();
    // A sentinel on a busy machine may need longer than it has.
    let report = wait_for("a sync", || {
        let report = counters.sync(&SyncOptions::default()).ok()?;
        report.stopped.is_none().then_some(report)
    });
    assert_eq!((report.applied, report.unconfirmed), (1, 1));
    drop(sentinels);
    wait_for("a sync that no sentinel answers", || sync(&counters).sentinels_silent.map(drop));
    logged_of(&world)
}

pub fn show_alone() -> Vec<Logged> {
    let logged = shown_with_and_without_sentinel();
    let alone = only(&logged, "claims were made that no replica has confirmed");
    assert_eq!(alone.field("unconfirmed"), "1");
    logged
}

pub fn show_silence() -> Vec<Logged> {
    let logged = shown_with_and_without_sentinel();
    let silence =
        logged.iter().rfind(|logged| logged.text == "no sentinel names a master").unwrap();
    assert!(silence.field("error").starts_with("127.0.0.1:"), "{silence:?}");
    logged
}
