//! Bad names and values among good ones.

use std::num::NonZeroUsize;

use counter_core::Prefix;
use counter_diesel::SyncOptions;
use counter_tests::suite::Case;
use counter_tests::world::World;

use super::{dump, owner, redis, set};

/// Not names that this library writes. After the prefix.
const NAMES: [&[u8]; 16] = [
    b"",
    b"x",
    b"user:1",
    b"user:1:",
    b":1:d",
    b"user::d",
    b"user:07:d",
    b"user:-0:d",
    b"user:+1:d",
    b"user:99999999999999999999:d",
    b"user:1:%64",
    b"user:1:%3a",
    b"user:1:a:b",
    b"user:1:\xff",
    b"user:1:a\nb",
    b"{user:1:d}",
];

/// Not values of a pending delta.
const VALUES: [&[u8]; 14] = [
    b"",
    b"abc",
    b"007",
    b"-0",
    b"+1",
    b" 1",
    b"1 ",
    b"1.0",
    b"1e3",
    b"0x10",
    b"9223372036854775808",
    b"99999999999999999999",
    b"1\0",
    b"\xff\xfe",
];

/// Not values of a claim in flight.
const CLAIMS: [&[u8]; 14] = [
    b"",
    b"junk",
    b"7",
    b"07:add:5",
    b"-7:add:5",
    b"0:add:5",
    b"7:add:05",
    b"7:add:99999999999999999999",
    b"9007199254740992:add:5",
    b"9223372036854775807:set:5",
    b"7:inc:5",
    b"7:del:1",
    b"7:add:5:",
    b"\xff:add:5",
];

pub(super) const CASES: &[Case<World>] = &[
    ("bad names and values keep nothing from the good ones around them", |world| {
        let mut redis = redis();
        let counters = world.impatient_counters();
        for round in 1..=3 {
            let good = (0..300).map(|n| (owner("good", n), "views", 1));
            counters.increment_many(good).unwrap();
            if round == 1 {
                plant(&mut redis, &world.prefix);
            }
            let before = foreign(&mut redis, &world.prefix);
            assert_eq!(before.len(), PLANTED);
            let batch_size = NonZeroUsize::new([7, 100, 1000][round - 1]).unwrap();
            let options = SyncOptions::default().batch_size(batch_size);
            let report = counters.sync(&options).unwrap();
            assert_eq!(report.applied, 300, "{report:?}");
            assert!(report.stopped.is_none() && report.failed.is_empty(), "{report:?}");
            assert_eq!(report.foreign.count(), FINDINGS as u64, "{:#?}", report.foreign);
            assert_eq!(foreign(&mut redis, &world.prefix), before);
            assert_eq!(dump(&mut redis, &world.prefix), before, "nothing else is left");
        }
        let values = counters.get_many((0..300).map(|n| (owner("good", n), "views"))).unwrap();
        assert_eq!(values, [3; 300]);
        for n in 0..VALUES.len() as i64 {
            assert_eq!(counters.baseline(owner("value", n), "z").unwrap(), 0);
            assert!(counters.get(owner("value", n), "z").is_err(), "never a guess");
        }
    }),
    ("an increment of what is no count is refused, and says so", |world| {
        let mut redis = redis();
        plant(&mut redis, &world.prefix);
        let counters = world.counters();
        let before = dump(&mut redis, &world.prefix);
        for n in 0..VALUES.len() as i64 {
            let error = counters.increment(owner("value", n), "z", 1).unwrap_err();
            assert!(!error.is_outcome_unknown(), "{error:?}");
            assert!(counters.set(owner("value", n), "z", 1).is_err());
            assert!(counters.delete(owner("value", n), "z").is_err());
        }
        for n in 0..CLAIMS.len() as i64 {
            assert!(counters.set(owner("claim", n), "z", 1).is_err());
            assert!(counters.get(owner("claim", n), "z").is_err());
        }
        assert_eq!(dump(&mut redis, &world.prefix), before);
    }),
];

/// Values that INCRBY would read as a number are not among them: Redis decides on those by itself.
const PLANTED: usize = NAMES.len() + VALUES.len() + 2 * CLAIMS.len() + 3;

/// A bad claim hides the good delta beside it, and both are one finding.
const FINDINGS: usize = NAMES.len() + VALUES.len() + CLAIMS.len() + 2;

fn plant(redis: &mut ::redis::Connection, prefix: &Prefix) {
    let name = |rest: &[u8]| [prefix.as_str().as_bytes(), rest].concat();
    for rest in NAMES {
        set(redis, name(rest), "5");
    }
    for (n, value) in VALUES.iter().enumerate() {
        set(redis, format!("{prefix}value:{n}:z"), *value);
    }
    for (n, claim) in CLAIMS.iter().enumerate() {
        set(redis, format!("{prefix}{{{prefix}claim:{n}:z}}"), *claim);
        set(redis, format!("{prefix}claim:{n}:z"), 5);
    }
    for (command, rest, value) in [("RPUSH", "list:1:z", "a"), ("SADD", "{PREFIXlist:2:z}", "a")] {
        let name = format!("{prefix}{}", rest.replace("PREFIX", prefix.as_str()));
        ::redis::cmd(command).arg(name).arg(value).exec(redis).unwrap();
    }
    set(redis, format!("{prefix}list:2:z"), 5);
}

/// What is there and is none of the good ones.
fn foreign(redis: &mut ::redis::Connection, prefix: &Prefix) -> Vec<(Vec<u8>, Vec<u8>)> {
    let good = format!("{prefix}good:");
    let mut all = dump(redis, prefix);
    all.retain(|(name, _)| !name.starts_with(good.as_bytes()));
    all
}
