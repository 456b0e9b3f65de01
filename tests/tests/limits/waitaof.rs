//! Claims that wait until the server has written them to its disk. Takes a server that knows
//! WAITAOF, which Debian's Redis does not.

use std::error::Error as _;
use std::time::Duration;

use counter_core::{Confirmation, Error as CoreError, StoreStep};
use counter_diesel::{Counters, Error};
use counter_tests::fixtures::post;
use counter_tests::servers::RedisServer;

use super::setting::{Setting, impatient, store_on, sync, sync_cleanly, views};

fn valkey(options: &[&str]) -> RedisServer {
    RedisServer::start_program(&["valkey-server"], options)
}

fn careful(setting: &Setting, replicas: u32) -> Counters {
    let confirmation = Confirmation::by_disk_and_replicas(replicas).within(Duration::from_secs(10));
    let store = store_on(&setting.redis).confirm_claims(confirmation).build().unwrap();
    setting.counters_over(store, impatient())
}

/// What the server says of a sync that could not have its claims confirmed.
fn why_not_confirmed(counters: &Counters) -> String {
    let error = sync(counters).unwrap_err();
    match &error {
        Error::Core(refused @ CoreError::Store { step: StoreStep::Confirm, .. }) => {
            refused.source().unwrap().to_string()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn claims_are_applied_once_they_are_on_the_disk() {
    let on_disk = &["--appendonly", "yes", "--appendfsync", "everysec"];
    let setting = Setting::with_postgres(valkey(on_disk));
    let counters = careful(&setting, 0);
    counters.increment(post(1), "views", 5).unwrap();
    counters.increment(post(2), "views", 7).unwrap();
    setting.claim_and_die(&post(1));
    let _ = sync_cleanly(&counters);
    counters.set(post(2), "views", 9).unwrap();
    assert_eq!(views(&counters), [5, 9]);
}

#[test]
fn claims_on_a_server_that_writes_nothing_to_its_disk_are_not_applied() {
    let setting = Setting::with_postgres(valkey(&[]));
    let counters = careful(&setting, 0);
    counters.increment(post(1), "views", 5).unwrap();
    let why = why_not_confirmed(&counters);
    assert!(why.contains("appendonly"), "{why}");
    assert_eq!(views(&counters), [0]);
    assert_eq!(counters.get(post(1), "views").unwrap(), 5);
}

#[test]
fn a_server_that_does_not_know_waitaof_says_so() {
    let setting = Setting::with_mariadb(RedisServer::start());
    let counters = careful(&setting, 0);
    counters.increment(post(1), "views", 5).unwrap();
    let why = why_not_confirmed(&counters);
    assert!(why.contains("unknown command") && why.contains("WAITAOF"), "{why}");
    assert_eq!(views(&counters), [0]);
}

#[test]
fn the_disks_of_replicas_are_waited_for_too() {
    let setting = Setting::with_mariadb(valkey(&["--appendonly", "yes"]));
    let short = Confirmation::by_disk_and_replicas(1).within(Duration::from_millis(50));
    let store = store_on(&setting.redis).confirm_claims(short).build().unwrap();
    let counters = setting.counters_over(store, impatient());
    counters.increment(post(1), "views", 5).unwrap();
    let why = why_not_confirmed(&counters);
    assert!(why.contains("disk"), "{why}");
    assert_eq!(views(&counters), [0]);
}
