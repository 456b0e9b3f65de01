use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::time::Duration;

use counter_core::{
    Claim, ClaimOp, ClaimSeq, Claimed, CounterId, Cursor, DeltaStore, Error, Pattern, Replacement,
    StoreGeneration as _,
};
use counter_tests::fixtures::downloads_of;

use super::{LONG, Setting};

/// Everything that the server holds, byte for byte.
fn everything(setting: &mut Setting) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let names = setting.names();
    let dump = |name: Vec<u8>| {
        let dumped = redis::cmd("DUMP").arg(&name).query(&mut setting.bare).unwrap();
        (name, dumped)
    };
    names.into_iter().map(dump).collect()
}

/// Under the prefix, but not names that the library would write.
const NAMES: [&[u8]; 6] = [
    b"counter:x",
    b"counter:user:9223372036854775808:d",
    b"counter:user:1:%64",
    b"counter:user:1:a:b",
    b"counter:{user:1:d}",
    b"counter:user:1:\xff",
];

/// Values in a counter's place that are no counts.
const VALUES: [&str; 8] = ["abc", "007", "-0", "99999999999999999999", "", " 1", "1.0", "+1"];

/// Values in a claim's place that are no claims.
const CLAIMS: [&str; 8] =
    ["junk", "7", "07:add:5", "0:add:5", "7:add:05", "7:inc:5", "7:del:1", "7:add:5:"];

fn counter(kind: &str, number: usize) -> CounterId {
    CounterId::new(kind, i64::try_from(number).unwrap(), "z").unwrap()
}

/// Plants all of the above, lists in the places of counts and claims, and counts beside bad claims.
fn plant(setting: &mut Setting) -> Vec<CounterId> {
    let mut ids = Vec::new();
    for name in NAMES {
        setting.set(name, "5");
    }
    for (number, value) in VALUES.iter().enumerate() {
        setting.set(format!("counter:value:{number}:z"), value);
        ids.push(counter("value", number));
    }
    for (number, claim) in CLAIMS.iter().enumerate() {
        setting.set(format!("counter:{{counter:claim:{number}:z}}"), claim);
        setting.set(format!("counter:claim:{number}:z"), 5);
        ids.push(counter("claim", number));
    }
    let () = setting.run("RPUSH counter:list:1:z a b");
    let () = setting.run("RPUSH counter:{counter:list:2:z} a b");
    let () = setting.run("SET counter:list:2:z 5");
    ids.extend([counter("list", 1), counter("list", 2)]);
    ids
}

#[test]
fn what_is_not_ours_survives_everything_byte_for_byte() {
    let mut setting = Setting::new();
    let ids = plant(&mut setting);
    let before = everything(&mut setting);
    for claim_timeout in [Duration::ZERO, LONG] {
        for claimed in setting.store.claim(&ids, claim_timeout).unwrap() {
            assert!(matches!(claimed, Claimed::Foreign(_)), "{claimed:?}");
        }
    }
    for id in &ids {
        for replacement in [Replacement::Set(1), Replacement::Delete] {
            assert_refused(setting.store.replace(id, replacement), id);
        }
    }
    for id in ids.iter().filter(|id| id.owner_type() == "value").chain([&counter("list", 1)]) {
        let error = setting.store.increment(id, 1).unwrap_err();
        assert!(matches!(error, Error::NotCounted { .. }), "{error:?}");
    }
    let made_up =
        |id: &CounterId| Claim { id: id.clone(), seq: ClaimSeq::new(7), op: ClaimOp::Add(5) };
    let made_up: Vec<_> = ids.iter().map(made_up).collect();
    setting.store.verify(&made_up, LONG).unwrap();
    setting.store.ack(&made_up).unwrap();
    assert_eq!(everything(&mut setting), before);
}

/// Refused, for something that is named, in the counter's place or in its claim's.
fn assert_refused(outcome: Result<Claim, Error>, id: &CounterId) {
    match outcome {
        Err(Error::NotCounted { source, .. }) => {
            assert!(source.to_string().contains(id.as_str()), "{source}");
        }
        other => panic!("{id}: {other:?}"),
    }
}

#[test]
fn names_that_are_not_ours_are_reported_by_a_scan() {
    let mut setting = Setting::new();
    plant(&mut setting);
    setting.store.ensure_generation("database", ClaimSeq::ZERO).unwrap();
    setting.fresh(&downloads_of(1), 5);
    let count = NonZeroUsize::new(1000).unwrap();
    let page = setting.store.scan(&Pattern::all(), Cursor::default(), count).unwrap();
    assert_eq!(page.next, None);
    let mut names: Vec<_> = page.foreign.into_iter().map(|foreign| foreign.name).collect();
    names.sort();
    let mut expected = NAMES.map(|name| String::from_utf8_lossy(name).into_owned());
    expected.sort();
    assert_eq!(names, expected);
    assert!(page.ids.contains(&downloads_of(1)) && page.ids.contains(&counter("list", 2)));
}

#[test]
fn values_that_are_not_ours_are_named_by_a_claim_and_keep_nothing_from_the_others() {
    let mut setting = Setting::new();
    let planted = plant(&mut setting);
    // A good one after each bad one.
    let good = |number: usize| downloads_of(i64::try_from(number).unwrap());
    let ids: Vec<_> =
        planted.iter().enumerate().flat_map(|(number, bad)| [bad.clone(), good(number)]).collect();
    for number in 0..planted.len() {
        setting.store.increment(&good(number), 3).unwrap();
    }
    let claimed = setting.store.claim(&ids, LONG).unwrap();
    for (pair, bad) in claimed.chunks(2).zip(&planted) {
        let [Claimed::Foreign(foreign), Claimed::Fresh(claim)] = pair else {
            panic!("{pair:?}");
        };
        assert!(foreign.name.contains(bad.as_str()), "{foreign}");
        assert_eq!(claim.op, ClaimOp::Add(3));
    }
}

#[test]
fn a_foreign_value_is_described() {
    let mut setting = Setting::new();
    plant(&mut setting);
    let describe = |id: CounterId| match setting.claim(&id, LONG) {
        Claimed::Foreign(foreign) => foreign.to_string(),
        other => panic!("{other:?}"),
    };
    let shown = describe(counter("value", 0));
    assert!(shown.contains("counter:value:0:z") && shown.contains("\"abc\""), "{shown}");
    let shown = describe(counter("claim", 0));
    assert!(shown.contains("{counter:claim:0:z}") && shown.contains("\"junk\""), "{shown}");
    let shown = describe(counter("list", 1));
    assert!(shown.contains("counter:list:1:z") && shown.contains("list"), "{shown}");
    let shown = describe(counter("list", 2));
    assert!(shown.contains("{counter:list:2:z}") && shown.contains("list"), "{shown}");
}

#[test]
fn a_look_names_strings_that_are_not_ours_and_reads_the_others() {
    let mut setting = Setting::new();
    let bad = plant(&mut setting);
    setting.store.increment(&downloads_of(1), 3).unwrap();
    let strings: Vec<_> = bad.into_iter().filter(|id| id.owner_type() != "list").collect();
    for bad in strings {
        let look = setting.store.look(&[bad.clone(), downloads_of(1)]).unwrap();
        let foreign = look.held[0].as_ref().unwrap_err();
        assert!(foreign.name.contains(bad.as_str()), "{foreign}");
        assert_eq!(look.held[1].as_ref().unwrap().pending, 3);
    }
}

#[test]
fn a_high_water_that_is_none_is_named_and_stops_claims_and_sets_but_not_counting() {
    let mut setting = Setting::new();
    for garbage in ["abc", "-5", "007", "", "9007199254740993", "99999999999999999999", "list"] {
        let () = setting.run("FLUSHALL");
        match garbage {
            "list" => setting.run("RPUSH counter:{seq} a"),
            _ => setting.set("counter:{seq}", garbage),
        }
        setting.store.increment(&downloads_of(1), 5).unwrap();
        let before = everything(&mut setting);
        let error = setting.store.claim(&[downloads_of(1)], LONG).unwrap_err();
        assert_names_high_water(&error);
        let error = setting.store.replace(&downloads_of(1), Replacement::Set(1)).unwrap_err();
        assert!(matches!(error, Error::NotCounted { .. }), "{error:?}");
        assert_names_high_water(&error);
        let error = setting.store.ensure_generation("database", ClaimSeq::ZERO).unwrap_err();
        assert_names_high_water(&error);
        assert_eq!(everything(&mut setting), before, "{garbage}");
    }
}

/// A look remembers the newest sequence that it has seen, for claims to be compared with.
#[test]
fn a_high_water_that_is_none_is_not_remembered_once_it_is_mended() {
    for garbage in ["9007199254000001", "9223372036854775807"] {
        let mut setting = Setting::new();
        setting.store.ensure_generation("database", ClaimSeq::ZERO).unwrap();
        let newest = setting.fresh(&downloads_of(1), 5).seq;
        setting.set("counter:{seq}", garbage);
        assert_names_high_water(&setting.store.look(&[downloads_of(1)]).unwrap_err());
        setting.set("counter:{seq}", newest.get());
        assert!(setting.fresh(&downloads_of(2), 5).seq > newest);
    }
}

fn assert_names_high_water(error: &Error) {
    let source = std::error::Error::source(error).unwrap().to_string();
    assert!(source.contains("counter:{seq}"), "{error}: {source}");
}
