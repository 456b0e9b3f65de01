//! Stores that hold anything.

use std::collections::{BTreeMap, BTreeSet};

use counter_core::{Claim, ClaimOp, CounterId, StoreName};
use counter_tests::world::{PAIRS, World};
use proptest::prelude::*;
use proptest::test_runner::{Config as Cases, TestRunner};

use super::{dump, redis, set, sync};

/// Something that another program has written under the name of a delta or a claim.
#[derive(Debug, Clone)]
struct Planted {
    name: String,
    is_claim: bool,
    /// Of a bucket, or of what looks like one.
    period: Option<&'static str>,
    value: Vec<u8>,
}

/// Mostly names of a few counters, so that deltas and claims meet, and names that nearly are.
fn any_name() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[ab]:[12]:[xy]",
        1 => "[ab]:(0?[12]|-0|-1|\\+1):%?[x:6]{1,3}",
        1 => "[ab0-9:%{}-]{1,8}",
        1 => any::<String>().prop_filter("NUL and the store's own", |name| !["{seq}", "{id}", "{given}"].contains(&name.as_str())),
    ]
}

fn any_value() -> impl Strategy<Value = Vec<u8>> {
    let number = prop_oneof![
        4 => -1000..1000_i64,
        1 => prop::sample::select(vec![0, i64::MIN, i64::MAX]),
    ];
    prop_oneof![
        6 => number.prop_map(|number| number.to_string().into_bytes()),
        1 => "[-+ 0-9]{0,4}".prop_map(String::into_bytes),
        1 => prop::collection::vec(any::<u8>(), 0..6),
    ]
}

fn any_claim() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        6 => (1..1000_i64, prop::sample::select(vec!["add", "set"]), -1000..1000_i64)
            .prop_map(|(seq, op, value)| format!("{seq}:{op}:{value}").into_bytes()),
        1 => (1..1000_i64).prop_map(|seq| format!("{seq}:del:0").into_bytes()),
        1 => "[0-9:a-d-]{0,8}".prop_map(String::into_bytes),
        1 => any_value(),
    ]
}

fn anything() -> impl Strategy<Value = Planted> {
    let pending = (any_name(), any_value());
    let claim = (any_name(), any_claim());
    let planted = prop_oneof![
        3 => pending.prop_map(|(name, value)| (name, false, value)),
        2 => claim.prop_map(|(name, value)| (name, true, value)),
    ];
    let periods =
        ["day:2026-11-28", "hour:2026-11-28T00", "day:2026-02-31", "week:2026-W54", "day", ""];
    let period = prop::option::of(prop::sample::select(periods.to_vec()));
    (planted, period).prop_map(|((name, is_claim, value), period)| Planted {
        name,
        is_claim,
        period,
        value,
    })
}

/// Computes, by the rules alone and without a store, what the table gets and which names are left.
#[derive(Default)]
struct Expected {
    counts: BTreeMap<String, i64>,
    left: BTreeSet<Vec<u8>>,
}

fn expect(world: &World, held: &BTreeMap<Vec<u8>, Vec<u8>>) -> Expected {
    let mut expected = Expected::default();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
    let mut ids = BTreeSet::new();
    for name in held.keys() {
        match text(name).and_then(|name| world.prefix.parse_name(&name)) {
            Some(StoreName::Pending(id) | StoreName::Claim(id)) => drop(ids.insert(id)),
            _ => drop(expected.left.insert(name.clone())),
        }
    }
    for id in ids {
        let pending_name = world.prefix.pending_name(&id).into_bytes();
        let claim_name = world.prefix.claim_name(&id).into_bytes();
        let (pending, claim) = (held.get(&pending_name), held.get(&claim_name));
        let parsed = claim
            .map(|claim| text(claim).and_then(|text| Claim::from_text(id.clone(), &text).ok()));
        // A claim that is not known to be ours hides the pending delta.
        if parsed == Some(None) {
            expected.left.extend([claim_name]);
            expected.left.extend(pending.map(|_| pending_name));
            continue;
        }
        let claimed = parsed.flatten().map(|claim| claim.op);
        let base = claimed.map(|op| match op {
            ClaimOp::Add(value) | ClaimOp::Set(value) => value,
            ClaimOp::Delete => 0,
        });
        let delta = pending.map(|pending| text(pending).and_then(|text| number(&text)));
        if delta == Some(None) {
            expected.left.extend([pending_name]);
        }
        let delta = delta.flatten();
        // A sum that does not fit stays claimed.
        let sum = match base.unwrap_or(0).checked_add(delta.unwrap_or(0)) {
            Some(sum) => sum,
            None => {
                expected.left.extend([claim_name]);
                base.unwrap_or(0)
            }
        };
        expected.counts.insert(id.as_str().to_owned(), sum);
    }
    expected
}

/// By another rule than the library's own: what Rust writes of a number that it has read.
fn number(text: &str) -> Option<i64> {
    text.parse::<i64>().ok().filter(|number| number.to_string() == text)
}

/// What the store holds, according to its names.
fn names_left(world: &World) -> BTreeSet<Vec<u8>> {
    dump(&mut redis(), &world.prefix).into_iter().map(|(name, _)| name).collect()
}

pub(super) fn the_table_gets_what_is_ours() {
    let in_sqlite = PAIRS.iter().find(|(name, _)| *name == "redis_x_sqlite").unwrap().1;
    let mut runner =
        TestRunner::new(Cases { cases: 150, failure_persistence: None, ..Cases::default() });
    let stores = prop::collection::vec(anything(), 1..25);
    let result = runner.run(&stores, |planted| {
        let world = in_sqlite();
        let mut redis = redis();
        let mut held = BTreeMap::new();
        for Planted { name, is_claim, period, value } in planted {
            let prefix = &world.prefix;
            let name = match (period, is_claim) {
                (None, false) => format!("{prefix}{name}"),
                (None, true) => format!("{prefix}{{{prefix}{name}}}"),
                (Some(period), false) => format!("{prefix}{{{prefix}{name}}}:{period}"),
                (Some(period), true) => format!("{prefix}{{{prefix}{name}}}:{period}:claim"),
            };
            set(&mut redis, name.as_bytes(), value.as_slice());
            held.insert(name.into_bytes(), value);
        }
        let expected = expect(&world, &held);
        let counters = world.impatient_counters();
        let report = sync(&counters);
        prop_assert!(report.stopped.is_none(), "{report:?}");
        prop_assert_eq!(names_left(&world), expected.left.clone());
        for (id, count) in &expected.counts {
            let id: CounterId = id.parse().unwrap();
            let row = world.ledger.baselines(std::slice::from_ref(&id)).unwrap()[0];
            prop_assert_eq!(row.count, *count, "{}", id);
        }
        // The rest is unchanged, except that sums which do not fit are claimed now.
        for (name, value) in held.iter().filter(|(name, _)| expected.left.contains(*name)) {
            let now: Vec<u8> = ::redis::cmd("GET").arg(name).query(&mut redis).unwrap();
            let is_claim_now = now.windows(5).any(|part| part == b":add:");
            prop_assert!(&now == value || is_claim_now, "{:?}", name);
        }
        Ok(())
    });
    result.unwrap();
}
