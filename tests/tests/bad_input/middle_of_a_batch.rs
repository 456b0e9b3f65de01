//! Bad names and values among good ones.

use std::num::NonZeroUsize;

use counter_core::{InputKind, Prefix};
use counter_diesel::SyncOptions;
use counter_tests::suite::Case;
use counter_tests::world::World;

use super::refused::{REFUSED_COUNTS, refused};
use super::{dump, owner, redis, set};

/// Names that this library does not write, after the prefix.
fn names() -> Vec<Vec<u8>> {
    [texts_of(InputKind::CounterId), vec![b"user:1:\xff".to_vec()]].concat()
}

/// Values that are no pending counts.
fn values() -> Vec<Vec<u8>> {
    let texts = REFUSED_COUNTS.iter().map(|text| text.as_bytes().to_vec());
    texts.chain([b"\xff\xfe".to_vec()]).collect()
}

/// Values that are no claims.
fn claims() -> Vec<Vec<u8>> {
    [texts_of(InputKind::Claim), vec![b"\xff:add:5".to_vec()]].concat()
}

fn texts_of(kind: InputKind) -> Vec<Vec<u8>> {
    let texts = refused().into_iter().filter(|(of, _)| *of == kind);
    texts.map(|(_, text)| text.into_bytes()).collect()
}

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
            assert_eq!(before.len(), planted());
            let batch_size = NonZeroUsize::new([7, 100, 1000][round - 1]).unwrap();
            let options = SyncOptions::default().batch_size(batch_size);
            let report = counters.sync(&options).unwrap();
            assert_eq!(report.applied, 300, "{report:?}");
            assert!(report.stopped.is_none() && report.failed.is_empty(), "{report:?}");
            assert_eq!(report.foreign.count(), findings() as u64, "{:#?}", report.foreign);
            assert_eq!(foreign(&mut redis, &world.prefix), before);
            assert_eq!(dump(&mut redis, &world.prefix), before, "nothing else is left");
        }
        let counted = counters.get_many((0..300).map(|n| (owner("good", n), "views"))).unwrap();
        assert_eq!(counted, [3; 300]);
        for n in 0..values().len() as i64 {
            assert_eq!(counters.baseline(owner("value", n), "z").unwrap(), 0);
            assert!(counters.get(owner("value", n), "z").is_err(), "never a guess");
        }
    }),
    ("an increment of what is no count is refused, and says so", |world| {
        let mut redis = redis();
        plant(&mut redis, &world.prefix);
        let counters = world.counters();
        let before = dump(&mut redis, &world.prefix);
        for n in 0..values().len() as i64 {
            let error = counters.increment(owner("value", n), "z", 1).unwrap_err();
            assert!(!error.is_outcome_unknown(), "{error:?}");
            assert!(counters.set(owner("value", n), "z", 1).is_err());
            assert!(counters.delete(owner("value", n), "z").is_err());
        }
        for n in 0..claims().len() as i64 {
            assert!(counters.set(owner("claim", n), "z", 1).is_err());
            assert!(counters.get(owner("claim", n), "z").is_err());
        }
        assert_eq!(dump(&mut redis, &world.prefix), before);
    }),
];

/// Returns how many names are planted. Values that INCRBY would read as a number are not among
/// them: Redis decides on those by itself.
fn planted() -> usize {
    names().len() + values().len() + 2 * claims().len() + 3
}

/// Returns how many findings that is. A bad claim hides the good delta beside it, and both are one.
fn findings() -> usize {
    names().len() + values().len() + claims().len() + 2
}

fn plant(redis: &mut ::redis::Connection, prefix: &Prefix) {
    let name = |rest: &[u8]| [prefix.as_str().as_bytes(), rest].concat();
    for rest in names() {
        set(redis, name(&rest), "5");
    }
    for (n, value) in values().into_iter().enumerate() {
        set(redis, format!("{prefix}value:{n}:z"), value);
    }
    for (n, claim) in claims().into_iter().enumerate() {
        set(redis, format!("{prefix}{{{prefix}claim:{n}:z}}"), claim);
        set(redis, format!("{prefix}claim:{n}:z"), 5);
    }
    for (command, rest, value) in [("RPUSH", "list:1:z", "a"), ("SADD", "{PREFIXlist:2:z}", "a")] {
        let name = format!("{prefix}{}", rest.replace("PREFIX", prefix.as_str()));
        ::redis::cmd(command).arg(name).arg(value).exec(redis).unwrap();
    }
    set(redis, format!("{prefix}list:2:z"), 5);
}

/// Everything but the good counters.
fn foreign(redis: &mut ::redis::Connection, prefix: &Prefix) -> Vec<(Vec<u8>, Vec<u8>)> {
    let good = format!("{prefix}good:");
    let mut all = dump(redis, prefix);
    all.retain(|(name, _)| !name.starts_with(good.as_bytes()));
    all
}
