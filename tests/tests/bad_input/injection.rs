//! Names that mean something to SQL, to globs, to JSON or to Lua.

use std::collections::BTreeMap;

use counter_core::{CounterId, Pattern};
use counter_diesel::SyncOptions;
use counter_diesel::check::FindingCode;
use counter_tests::ledger_contract::names::NAMES;
use counter_tests::suite::Case;
use counter_tests::world::World;

use super::{dump, owner, redis, set, sync, with_prefix};

/// Names beyond those that every database is put through by itself.
const GLOBS: &[&str] = &["*", "[a-z]", "[^a]", "\\*", "a*b", "**", "[", "]", "{*}", "%2A"];

fn names() -> impl Iterator<Item = (i64, &'static str)> {
    (1..).zip(NAMES.iter().chain(GLOBS).copied())
}

pub(super) const CASES: &[Case<World>] = &[
    ("a key of any meaning is a key, from the increment to the row", |world| {
        let counters = world.counters();
        for (n, key) in names() {
            counters.increment(owner("post", 1), key, n).unwrap();
        }
        let expected = names().map(|(n, key)| (key.to_owned(), n)).collect::<BTreeMap<_, _>>();
        let report = sync(&counters);
        assert!(report.is_clean() && report.applied == expected.len() as u64, "{report:?}");
        assert_eq!(counters.all(owner("post", 1)).unwrap(), expected);
        let keys = names().map(|(_, key)| (owner("post", 1), key));
        let values = counters.get_many(keys).unwrap();
        assert_eq!(values, names().map(|(n, _)| n).collect::<Vec<_>>());
        for (n, key) in names() {
            assert_eq!(counters.baseline(owner("post", 1), key).unwrap(), n);
            counters.delete(owner("post", 1), key).unwrap();
            assert_eq!(counters.get(owner("post", 1), key).unwrap(), 0);
        }
        assert_eq!(counters.all(owner("post", 1)).unwrap(), BTreeMap::new());
    }),
    ("an owner type of any meaning is an owner type", |world| {
        let counters = world.counters();
        for (n, owner_type) in names() {
            counters.increment(owner(owner_type, 1), "views", n).unwrap();
        }
        assert!(sync(&counters).is_clean());
        for (n, owner_type) in names() {
            counters.set(owner(owner_type, 1), "views", -n).unwrap();
            let all = counters.all(owner(owner_type, 1)).unwrap();
            assert_eq!(all, BTreeMap::from([("views".to_owned(), -n)]), "{owner_type:?}");
        }
    }),
    ("a pattern that is made of a name means that name alone", |world| {
        let counters = world.counters();
        for (n, key) in names() {
            counters.increment(owner("post", 1), key, n).unwrap();
        }
        for (n, key) in names() {
            let id = CounterId::new("post", 1, key).unwrap();
            let pattern = Pattern::escape(id.as_str());
            let report =
                counters.sync(&SyncOptions::default().pattern(pattern.parse().unwrap())).unwrap();
            assert_eq!((report.scanned, report.applied), (1, 1), "{key:?}: {report:?}");
            assert_eq!(counters.baseline(owner("post", 1), key).unwrap(), n);
        }
    }),
    ("a prefix of any meaning keeps to itself", |world| {
        let mut redis = redis();
        let test = world.prefix.as_str().trim_end_matches(':');
        let foreign = format!("{test}xb:post:1:views");
        set(&mut redis, &foreign, "7");
        let of_others = dump(&mut redis, &world.prefix);
        let prefixes = [
            "*:",
            "x*:",
            "?b:",
            "[xy]b:",
            "\\:",
            "'; DROP TABLE model_counters; --:",
            "\":",
            "`:",
            "$1:",
            "%s:",
            "é 👍:",
            "{tag}:",
            ":",
        ];
        for (n, rest) in (1..).zip(prefixes) {
            let prefix = format!("{test}{rest}");
            let counters = counters_under(world, &prefix);
            counters.increment(owner("post", 1), "views", n).unwrap();
            let report = sync(&counters);
            assert!(report.is_clean() && report.applied == 1, "{prefix}: {report:?}");
            let state = world.ledger.state(&prefix.parse().unwrap()).unwrap();
            assert!(state.recorded.is_some(), "{prefix}");
            let found = counters.check().findings;
            assert!(found.iter().all(|finding| finding.code != FindingCode::ForeignNames));
        }
        let sum = (1..=prefixes.len() as i64).sum::<i64>();
        assert_eq!(
            counters_under(world, world.prefix.as_str()).get(owner("post", 1), "views").unwrap(),
            sum
        );
        assert_eq!(dump(&mut redis, &world.prefix), of_others);
        let left: i64 = ::redis::cmd("GETDEL").arg(&foreign).query(&mut redis).unwrap();
        assert_eq!(left, 7);
        forget(&mut redis, test);
    }),
];

fn counters_under(world: &World, prefix: &str) -> counter_diesel::Counters {
    let config = with_prefix(prefix);
    let builder = counter_core::RedisStore::builder(counter_tests::servers::redis::shared_url());
    let builder =
        builder.prefix(config.prefix.clone()).timeouts(counter_tests::store_worlds::patient());
    let store = std::sync::Arc::new(builder.build().unwrap());
    counter_diesel::Counters::from_parts(config, store, std::sync::Arc::clone(&world.ledger))
}

/// Removes what the prefixes of this test have left.
fn forget(redis: &mut ::redis::Connection, test: &str) {
    let names: Vec<Vec<u8>> = ::redis::cmd("KEYS").arg(format!("{test}*")).query(redis).unwrap();
    ::redis::cmd("UNLINK").arg(names).exec(redis).unwrap();
}
