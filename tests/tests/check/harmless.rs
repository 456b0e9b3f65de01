//! That a check-up changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use counter_core::Config;
use counter_diesel::SyncOptions;
use counter_tests::database::{self, Database};
use counter_tests::faults::Faults;
use counter_tests::fixtures::{post, views_of};
use counter_tests::servers::RedisServer;
use counter_tests::servers::redis::is_of_index;

use super::{CheckSite, DURABLE};

/// Everything that the server holds, byte for byte.
fn everything(site: &CheckSite) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut bare = site.redis.bare();
    let mut names: Vec<Vec<u8>> = redis::cmd("KEYS").arg("*").query(&mut bare).unwrap();
    names.retain(|name| !is_of_index(name));
    let dump = |name: Vec<u8>| {
        let dumped = redis::cmd("DUMP").arg(&name).query(&mut bare).unwrap();
        (name, dumped)
    };
    names.into_iter().map(dump).collect()
}

#[test]
fn a_check_up_of_an_empty_store_leaves_it_empty() {
    let site = CheckSite::new();
    let _ = site.check();
    assert_eq!(site.redis::<i64>("DBSIZE"), 0, "not even an id is made");
}

#[test]
fn a_check_up_leaves_every_byte_in_the_store_and_every_row_as_it_was() {
    let databases: [fn() -> Box<dyn Database>; 3] =
        [database::sqlite, database::postgres, database::mariadb];
    for make_database in databases {
        let site = CheckSite::with(RedisServer::start_with(&DURABLE), make_database());
        let counters = site.counters();
        for number in 1..=3 {
            counters.increment(post(number), "views", 1).unwrap();
        }
        assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
        counters.increment(post(1), "views", 1).unwrap();
        counters.increment(post(2), "views", 0).unwrap();
        let store = site.store_at(&site.redis.url(), &Config::default());
        store.claim(&[views_of(1)], Duration::MAX).unwrap();
        counters.increment(post(1), "views", 1).unwrap();
        let () = site.redis("SET counter:x 1");
        let _: i64 = site.redis("RPUSH counter:user:1:y a");
        let rows = || {
            let rows = (1..=3).map(|number| site.ledger.rows_of(&post(number)).unwrap());
            let state = site.ledger.state(&Config::default().prefix).unwrap();
            (rows.collect::<Vec<_>>(), state)
        };
        let (in_store, in_table) = (everything(&site), rows());
        for _ in 0..2 {
            assert!(!counters.check().findings.is_empty());
        }
        assert_eq!(everything(&site), in_store);
        assert_eq!(rows(), in_table);
        assert_eq!(counters.get(post(1), "views").unwrap(), 3);
    }
}

#[test]
fn only_commands_that_read_are_sent_to_redis() {
    let site = CheckSite::new();
    // Not through the store, because its thread writes the index at some later time.
    let _: i64 = site.redis("INCRBY counter:post:1:views 1");
    let _: i64 = site.redis("RPUSH counter:user:1:y a");
    let () = site.redis("CONFIG RESETSTAT");
    let _ = site.check();
    let info: String = site.redis("INFO commandstats");
    let sent = info.lines().filter_map(|line| {
        let (name, _) = line.strip_prefix("cmdstat_")?.split_once(':')?;
        Some(name.to_owned())
    });
    let reading =
        ["client|setinfo", "config|get", "get", "info", "mget", "pttl", "scan", "time", "type"];
    // A script that only asks what is allowed.
    let asking = ["evalsha", "script|load", "script"];
    let others = ["config|resetstat", "client"];
    let allowed =
        reading.into_iter().chain(asking).chain(others).map(str::to_owned).collect::<BTreeSet<_>>();
    // The check-up tries one increment, by a value that is not a number.
    let increments = info.lines().find_map(|line| line.strip_prefix("cmdstat_incrby:")).unwrap();
    assert!(increments.starts_with("calls=1,"), "{increments}");
    assert!(increments.contains(",failed_calls=1"), "{increments}");
    let sent = sent.filter(|name| name != "incrby").collect::<BTreeSet<_>>();
    assert!(sent.is_subset(&allowed), "{sent:?}");
    assert!(sent.contains("scan") && sent.contains("type"), "{sent:?}");
}

#[test]
fn nothing_that_writes_is_asked_of_the_store_or_the_ledger() {
    let world = counter_tests::world::memory_x_sqlite();
    let steps = Arc::new(std::sync::Mutex::new(BTreeSet::new()));
    let seen = Arc::clone(&steps);
    let faults = Faults::calling(move |step| {
        seen.lock().unwrap().insert(step.to_owned());
    });
    let counters = world.counters_behind(&faults, Config::default());
    counters.increment(post(1), "views", 1).unwrap();
    let _ = counters.check();
    let expected = ["expiring", "inspect", "inspect_ledger", "look", "misplaced", "scan", "state"];
    assert_eq!(*steps.lock().unwrap(), expected.map(str::to_owned).into());
}
