//! Claims that wait until replicas have them, and what a failover does to those that do and do not.

use std::time::Duration;

use counter_core::{Config, Confirmation, Error as CoreError, Prefix, RedisStore, StoreStep};
use counter_diesel::{Counters, Error, SyncReport};
use counter_tests::fixtures::{post, views_of};
use counter_tests::process::wait_for;
use counter_tests::servers::RedisServer;

use super::setting::{Setting, impatient, store_on, sync, sync_cleanly, views};

const SHORT: Duration = Duration::from_millis(50);

fn confirmed_by_a_replica(redis: &RedisServer, within: Duration) -> RedisStore {
    let confirmation = Confirmation::by_replicas(1).within(within);
    store_on(redis).confirm_claims(confirmation).build().unwrap()
}

/// A process whose claims wait for a replica. It takes every claim for one that was left behind.
fn careful(setting: &Setting, within: Duration) -> Counters {
    setting.counters_over(confirmed_by_a_replica(&setting.redis, within), impatient())
}

fn assert_not_confirmed(result: Result<SyncReport, Error>) {
    let error = match result {
        Ok(report) => report.stopped.expect("it was stopped"),
        Err(error) => error,
    };
    let is_told = matches!(error, Error::Core(CoreError::Store { step: StoreStep::Confirm, .. }));
    assert!(is_told, "{error:?}");
    let source = std::error::Error::source(&error).expect("it says why").to_string();
    assert!(source.contains("0 of 1") && source.contains("replicas"), "{source}");
}

#[test]
fn claims_are_applied_once_a_replica_has_them() {
    for setting in [Setting::with_postgres, Setting::with_mariadb] {
        let setting = setting(RedisServer::start());
        let replica = setting.redis.start_replica(&[]);
        let counters = careful(&setting, Duration::from_secs(30));
        for number in 1..=2 {
            counters.increment(post(number), "views", number).unwrap();
        }
        setting.claim_and_die(&post(1));
        let report = sync_cleanly(&counters);
        assert_eq!((report.applied, report.recovered), (2, 1), "{report:?}");
        counters.set(post(1), "views", 9).unwrap();
        assert_eq!(views(&counters), [9, 2]);
        drop(replica);
    }
}

/// Recovered ones too: newer servers take a connection that has written nothing for one that has
/// nothing to wait for.
#[test]
fn claims_that_no_replica_has_are_not_applied_and_reads_stay_right() {
    let servers = ["redis-server", "valkey-server"];
    for (server, is_recovered) in servers.into_iter().flat_map(|it| [(it, false), (it, true)]) {
        let setting = Setting::with_postgres(RedisServer::start_program(&[server], &[]));
        let replica = setting.redis.start_replica(&[]);
        // Writes what only the first sync does.
        let _ = sync_cleanly(&setting.counters());
        let counters = careful(&setting, SHORT);
        counters.increment(post(1), "views", 5).unwrap();
        if is_recovered {
            setting.claim_and_die(&post(1));
            wait_for_replica(&setting.redis);
        }
        replica.freeze();
        for _ in 0..2 {
            assert_not_confirmed(sync(&counters));
            assert_eq!(views(&counters), [0], "recovered: {is_recovered}");
            assert_eq!(counters.get(post(1), "views").unwrap(), 5);
        }
        // No new claim waits.
        counters.increment(post(1), "views", 2).unwrap();
        replica.thaw();
        let _ = sync_cleanly(&careful(&setting, Duration::from_secs(30)));
        assert_eq!(views(&counters), [7], "recovered: {is_recovered}");
    }
}

/// Waits until the replica has everything, so that it later confirms only what is written later.
pub(crate) fn wait_for_replica(redis: &RedisServer) {
    let mut bare = redis.bare();
    let () = redis::cmd("SET").arg("unrelated").arg(1).query(&mut bare).unwrap();
    let have: i64 = redis::cmd("WAIT").arg(1).arg(0).query(&mut bare).unwrap();
    assert_eq!(have, 1);
}

#[test]
fn without_a_replica_every_sync_says_that_nobody_confirms() {
    let setting = Setting::with_postgres(RedisServer::start());
    let counters = careful(&setting, SHORT);
    counters.increment(post(1), "views", 5).unwrap();
    assert_not_confirmed(sync(&counters));
    assert_eq!(views(&counters), [0]);
    // A sync that has nothing to claim has nothing to wait for.
    let patient =
        setting.counters_over(confirmed_by_a_replica(&setting.redis, SHORT), Config::default());
    assert_eq!(sync_cleanly(&patient).busy, 1);
}

#[test]
fn the_outcome_of_a_set_that_no_replica_has_is_unknown() {
    let setting = Setting::with_postgres(RedisServer::start());
    let counters = careful(&setting, SHORT);
    counters.increment(post(1), "views", 5).unwrap();
    let outcome = counters.set(post(1), "views", 9);
    assert!(outcome.as_ref().is_err_and(Error::is_outcome_unknown), "{outcome:?}");
    assert_eq!(views(&counters), [0]);
    assert_eq!(counters.get(post(1), "views").unwrap(), 9);
    let _ = sync_cleanly(&setting.impatient_counters());
    assert_eq!(views(&counters), [9]);
}

#[test]
fn of_many_sets_that_no_replica_has_those_that_were_refused_are_certainly_not_made() {
    let setting = Setting::with_postgres(RedisServer::start());
    let counters = careful(&setting, SHORT);
    let name = Prefix::default().pending_name(&views_of(2));
    let () = redis::cmd("SET").arg(name).arg("text").query(&mut setting.redis.bare()).unwrap();
    let outcomes = counters.set_many([1, 2].map(|id| (post(id), "views", id))).unwrap();
    let [unconfirmed, refused] = &outcomes[..] else { panic!("{outcomes:?}") };
    assert!(unconfirmed.as_ref().is_err_and(Error::is_outcome_unknown), "{unconfirmed:?}");
    assert!(refused.as_ref().is_err_and(Error::is_not_counted), "{refused:?}");
}

/// Only what the replica has when the link is cut remains, and each increment of it is counted
/// once.
#[test]
fn after_a_failover_nothing_is_counted_twice_where_claims_wait() {
    let mut setting = Setting::with_postgres(RedisServer::start());
    let replica = setting.redis.start_replica(&[]);
    let counters = careful(&setting, Duration::from_secs(30));
    for number in 1..=3 {
        counters.increment(post(number), "views", number).unwrap();
    }
    let _ = sync_cleanly(&counters);
    for number in 1..=3 {
        counters.increment(post(number), "views", 10 * number).unwrap();
    }
    wait_for_replica(&setting.redis);
    replica.cut_link(&setting.redis);
    assert_not_confirmed(sync(&careful(&setting, SHORT)));
    setting.redis.kill();
    replica.promote();

    let counters = setting.counters_on(&replica);
    let _ = sync_cleanly(&counters);
    assert_eq!(views(&counters), [11, 22, 33]);
}

/// A process whose claims were not confirmed, and which finds the replica where the primary was.
#[test]
fn a_process_that_lives_through_a_failover_goes_on_where_claims_wait() {
    let mut setting = Setting::with_postgres(RedisServer::start());
    let mut replica = setting.redis.start_replica(&[]);
    let counters = careful(&setting, SHORT);
    counters.increment(post(1), "views", 1).unwrap();
    let _ = sync_cleanly(&careful(&setting, Duration::from_secs(30)));
    counters.increment(post(1), "views", 10).unwrap();
    wait_for_replica(&setting.redis);
    replica.cut_link(&setting.redis);
    assert_not_confirmed(sync(&counters));
    assert_eq!(counters.get(post(1), "views").unwrap(), 11);
    setting.redis.kill();
    replica.take_over(&setting.redis);

    // The server has no replica, but it has not gone back either: no sync has applied what is
    // missing.
    wait_for("the process to find the replica", || match sync(&counters) {
        Err(Error::Core(CoreError::StoreWentBack { .. })) => panic!("it is taken for an old copy"),
        Err(Error::Core(CoreError::Store { step: StoreStep::Confirm, .. })) => Some(()),
        _ => None,
    });
    let _ = sync_cleanly(&setting.counters_over(store_on(&replica).build().unwrap(), impatient()));
    assert_eq!(views(&counters), [11]);
}

/// A failover if claims do not wait: they were applied, and the replica still has them as pending.
#[test]
fn a_failover_that_would_count_twice_is_noticed_before_anything_is_claimed() {
    let mut setting = Setting::with_postgres(RedisServer::start());
    let replica = setting.redis.start_replica(&[]);
    let counters = setting.counters();
    counters.increment(post(1), "views", 1).unwrap();
    let _ = sync_cleanly(&counters);
    counters.increment(post(1), "views", 10).unwrap();
    wait_for_replica(&setting.redis);
    replica.cut_link(&setting.redis);
    let _ = sync_cleanly(&counters);
    setting.redis.kill();
    replica.promote();

    let counters = setting.counters_on(&replica);
    let result = sync(&counters);
    let is_told = matches!(result, Err(Error::Core(CoreError::StoreWentBack { .. })));
    assert!(is_told, "{result:?}");
    assert_eq!(views(&counters), [11]);
}

/// The primary lives, but its link to the replica does not, and then comes back.
#[test]
fn a_cut_link_delays_claims_and_loses_none() {
    let setting = Setting::with_mariadb(RedisServer::start());
    let replica = setting.redis.start_replica(&[]);
    let counters = careful(&setting, SHORT);
    counters.increment(post(1), "views", 5).unwrap();
    replica.cut_link(&setting.redis);
    assert_not_confirmed(sync(&counters));
    replica.mend_link(&setting.redis);
    let _ = sync_cleanly(&careful(&setting, Duration::from_secs(30)));
    assert_eq!(views(&counters), [5]);
}
