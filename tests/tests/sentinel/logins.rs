//! The logins of connections to sentinels and masters, and their transport.

use std::sync::Arc;

use counter_core::{Config, DeltaStore, Error, RedisCredentials, RedisStore};
use counter_diesel::{Counters, SyncOptions};
use counter_tests::database;
use counter_tests::fixtures::{post, views_of};
use counter_tests::process::wait_for;
use counter_tests::servers::redis::RIGHTS;
use counter_tests::servers::{RedisServer, TlsRedis, Watch, built, start_sentinels, url_of};
use counter_tests::store_worlds::patient;

fn assert_counts(store: &RedisStore) {
    store.increment(&views_of(1), 1).unwrap();
    let held = store.look(&[views_of(1)]).unwrap().held.remove(0).unwrap();
    assert_eq!(held.pending, 1);
    store.ack(&[]).unwrap();
}

/// Waits until a store is not built for this reason, and not because a busy machine was too slow.
fn wait_for_failure(url: &str, expected: &str) {
    wait_for(expected, || {
        let error = RedisStore::builder(url).build().unwrap_err();
        let why = std::error::Error::source(&error).unwrap().to_string();
        why.contains(expected).then_some(())
    });
}

/// TLS with the one, and with both: everything but the certificate is in the URL.
#[test]
fn tls_is_spoken_to_the_master_and_to_the_sentinels_as_the_url_says() {
    let master = TlsRedis::start();
    for tls in [true, false] {
        let watch = Watch { master: Some(&master), tls, ..Watch::default() };
        let sentinels = start_sentinels(std::slice::from_ref(master.plain()), 1, &watch);
        let url = url_of(&sentinels).replace("redis+", "rediss+").replace("127.0.0.1", "localhost");
        let right = if tls { "yes" } else { "no" };
        let at = |tls| {
            let url = format!("{url}?sentinel_tls={tls}");
            RedisStore::builder(url).ca_file(master.certificate())
        };
        let store = built(|| at(right));
        assert_counts(&store);
        master.plain().flush();
        let wrong = if tls { "no" } else { "yes" };
        assert!(matches!(at(wrong).build(), Err(Error::Store { .. })));
    }
}

#[test]
fn the_master_and_the_sentinels_each_have_a_password_of_their_own() {
    let master = RedisServer::start();
    let requires = ["requirepass inner".to_owned(), "sentinel sentinel-pass inner".to_owned()];
    let watch = Watch { lines: &requires, ..Watch::default() };
    let sentinels = start_sentinels(std::slice::from_ref(&master), 1, &watch);
    redis::cmd("CONFIG").arg(&["SET", "requirepass", "outer"]).exec(&mut master.bare()).unwrap();
    let url = url_of(&sentinels);
    let with_both = url.replace("://", "://:outer@") + "?sentinel_password=inner";
    assert_counts(&built(|| RedisStore::builder(&with_both)));

    let swapped = url.replace("://", "://:inner@") + "?sentinel_password=outer";
    let without = url.replace("://", "://:outer@");
    for refused in [&swapped, &without] {
        let error = RedisStore::builder(refused).build().unwrap_err();
        let why = std::error::Error::source(&error).unwrap().to_string();
        assert!(why.contains("no sentinel names a master mymaster: 127.0.0.1:"), "{why}");
    }
    // The callback is asked for the master's alone.
    let url = format!("{url}?sentinel_password=inner");
    let outer = || Ok(RedisCredentials::password("outer"));
    built(|| RedisStore::builder(&url).credentials(outer)).look(&[]).unwrap();
}

/// What the guide to operation lists is enough for everything, a check-up included, and one right
/// less is missed on the sentinel.
#[test]
fn users_with_limited_rights_count_sync_and_follow() {
    let master = RedisServer::start();
    let _replica = master.start_replica(&[]);
    let may = "sentinel|get-master-addr-by-name";
    let users = [
        format!("user watch on >pw +{may} +sentinel|master"),
        format!("user blind on >pw +{may}"),
        "user deaf on >pw +ping".to_owned(),
    ];
    let watch = Watch { lines: &users, ..Watch::default() };
    let sentinels = start_sentinels(std::slice::from_ref(&master), 1, &watch);
    let mut rights = vec!["SETUSER", "app", "on", ">pw", "~*"];
    rights.extend(RIGHTS.into_iter().chain(["+wait", "+role"]));
    redis::cmd("ACL").arg(&rights).exec(&mut master.bare()).unwrap();

    let url = url_of(&sentinels).replace("://", "://app:pw@");
    let by = |user: &str| format!("{url}?sentinel_user={user}&sentinel_password=pw");
    let store = Arc::new(built(|| RedisStore::builder(by("watch")).timeouts(patient())));
    let database = database::sqlite();
    let ledger = database.ledger("model_counters");
    ledger.run_pending_migrations().unwrap();
    let counters = Counters::from_parts(Config::default(), Arc::clone(&store) as _, ledger);
    wait_for("a sync that the replica confirms", || {
        counters.increment(post(1), "views", 1).unwrap();
        // A sentinel on a busy machine may need longer than it has.
        let report = counters.sync(&SyncOptions::default()).ok()?;
        (report.stopped.is_none() && report.applied > 0 && report.unconfirmed == 0).then_some(())
    });
    let facts = store.inspection().unwrap().inspect().unwrap();
    assert_eq!(facts.sentinel.known().map(|it| (it.known, it.silent.len())), Some((1, 0)));
    assert_eq!(facts.missing_rights.known(), Some(&Ok(Vec::new())));

    // Without the epoch it follows too.
    assert_counts(&built(|| RedisStore::builder(by("blind")).prefix("blind:".parse().unwrap())));
    wait_for_failure(&by("deaf"), "NOPERM");
}

#[test]
fn a_master_without_the_right_to_its_role_is_refused_with_the_right_that_is_missing() {
    let master = RedisServer::start();
    let sentinels = start_sentinels(std::slice::from_ref(&master), 1, &Watch::default());
    redis::cmd("ACL")
        .arg(&["SETUSER", "app", "on", ">pw", "~*", "+@all", "-role"])
        .exec(&mut master.bare())
        .unwrap();
    let url = url_of(&sentinels).replace("://", "://app:pw@");
    wait_for_failure(&url, "NOPERM");
}

#[test]
fn a_master_that_no_sentinel_knows_and_one_that_is_none_are_errors_that_say_so() {
    let master = RedisServer::start();
    let sentinels = start_sentinels(std::slice::from_ref(&master), 1, &Watch::default());
    let url = url_of(&sentinels).replace("mymaster", "another");
    wait_for_failure(&url, "no master of this name");

    // Its sentinel needs ten seconds to put that right.
    let another = RedisServer::start();
    let port = another.port().to_string();
    redis::cmd("REPLICAOF").arg("127.0.0.1").arg(&port).exec(&mut master.bare()).unwrap();
    wait_for_failure(&url_of(&sentinels), "its role is slave");
}
