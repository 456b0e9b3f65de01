//! Redis makes room by dropping keys, which no operator of counters should let it do.

use std::sync::Arc;

use counter_core::Config;
use counter_diesel::{Counters, SyncOptions};
use counter_tests::faults::{Faults, FaultyStore};
use counter_tests::fixtures::post;
use counter_tests::servers::RedisServer;

use super::setting::{Setting, store_on, sync, sync_cleanly, views};

/// A pass during which its claims are evicted, after they were made and before they are verified.
fn evicted_before_verify(setting: &Setting) -> Counters {
    let url = setting.redis.url();
    let faults = Faults::calling_once_before("verify", move || {
        let mut bare = redis::Client::open(url.as_str()).unwrap().get_connection().unwrap();
        let claims: Vec<String> =
            redis::cmd("KEYS").arg("counter:{counter:post:*").query(&mut bare).unwrap();
        assert_eq!(claims.len(), 2);
        redis::cmd("DEL").arg(claims).exec(&mut bare).unwrap();
    });
    let inner = Arc::new(store_on(&setting.redis).build().unwrap());
    setting.counters_over(FaultyStore::new(inner, &faults), Config::default())
}

#[test]
fn a_claim_evicted_before_it_was_applied_is_applied_to_its_row_or_reported() {
    for setting in [Setting::with_postgres, Setting::with_mariadb] {
        let setting = setting(RedisServer::start());
        let counters = setting.counters();
        counters.increment(post(1), "views", 100).unwrap();
        let _ = sync_cleanly(&counters);

        for number in 1..=2 {
            counters.increment(post(number), "views", 5).unwrap();
        }
        let report = sync(&evicted_before_verify(&setting)).unwrap();
        let mut lost: Vec<_> = report
            .lost
            .iter()
            .map(|lost| (lost.claim.id.owner_id().to_string(), lost.applied))
            .collect();
        lost.sort_unstable();
        // If there is no row, a delete may have removed both.
        assert_eq!(lost, [("1".to_owned(), true), ("2".to_owned(), false)], "{report:?}");
        assert_eq!(views(&counters), [105, 0]);
        let _ = sync_cleanly(&counters);
        assert_eq!(views(&counters), [105, 0]);
    }
}

/// What was evicted cannot be known, but everything in the table was counted, and only once.
#[test]
fn a_server_that_evicts_as_it_likes_loses_counts_but_makes_up_none() {
    let redis = RedisServer::start_with(&["--maxmemory-policy", "allkeys-random"]);
    let setting = Setting::with_postgres(redis);
    let counters = setting.counters();
    let mut bare = setting.redis.bare();
    redis::cmd("CONFIG").arg("SET").arg("maxmemory").arg("1500kb").exec(&mut bare).unwrap();
    let (counters_in_all, rounds) = (2_000, 4);
    for _ in 0..rounds {
        let views = (1..=counters_in_all).map(|number| (post(number), "views", 1));
        // Increments that fail are not counted; which ones does not matter.
        let _ = counters.increment_many(views);
        // Whatever it finds: the high water and the identity may be among what is gone.
        let _ = counters.sync(&SyncOptions::default());
    }
    let info: String = redis::cmd("INFO").arg("stats").query(&mut bare).unwrap();
    let evicted = info.lines().find_map(|line| line.strip_prefix("evicted_keys:")).unwrap();
    assert!(evicted.trim().parse::<i64>().unwrap() > 100, "{evicted} keys were evicted");
    for number in 1..=counters_in_all {
        let value = counters.baseline(post(number), "views").unwrap();
        assert!((0..=rounds).contains(&value), "{value} of {rounds}");
    }
}
