//! An index that is wrong delays counts, and loses none.

use std::collections::BTreeMap;

use counter_core::{DeltaStore as _, Prefix, RedisStore};
use counter_diesel::sync::Reach;
use counter_diesel::{Counters, sqlite_pool};
use counter_tests::effort::load;
use counter_tests::fixtures::views_of;

use super::{Setting, baseline, count, follow, follow_index, sync, write_gathered};

#[test]
fn what_a_lost_index_named_waits_for_a_scan() {
    let mut setting = Setting::scanned();
    let (counters, store) = (setting.counters(), setting.store());
    store.increment(&views_of(1), 5).unwrap();
    write_gathered(&store);
    for name in Prefix::default().dirty_names() {
        let _: i64 = setting.run(&format!("DEL {name}"));
    }
    store.increment(&views_of(1), 1).unwrap();
    assert_eq!((follow_index(&counters).applied, baseline(&counters, 1)), (0, 0));
    assert_eq!((sync(&counters).applied, baseline(&counters, 1)), (1, 6));
}

#[test]
fn where_a_hash_is_of_another_type_each_pass_scans_everything() {
    let mut setting = Setting::scanned();
    let counters = setting.counters();
    let name = Prefix::default().dirty_name(&views_of(1));
    let _: i64 = setting.run(&format!("RPUSH {name} a b"));
    count(&counters, 1..=100);
    let report = follow(&counters);
    assert_eq!((report.reach, report.applied), (Reach::Everything, 100), "{report}");
    let foreign = report.foreign.iter().map(|foreign| &foreign.name).collect::<Vec<_>>();
    assert_eq!(foreign, [&name]);
    assert_eq!(baseline(&counters, 1), 1);
    assert_eq!(setting.run::<Vec<String>>(&format!("LRANGE {name} 0 -1")), ["a", "b"]);
    let _: i64 = setting.run(&format!("DEL {name}"));
    count(&counters, [1]);
    assert_eq!(follow_index(&counters).applied, 1);
}

#[test]
fn where_the_user_may_not_read_the_index_each_pass_scans_everything() {
    let mut setting = Setting::scanned();
    let () = setting.run("ACL SETUSER app on >secret ~* +@all -hlen");
    let url = setting.redis.url().replace("redis://", "redis://app:secret@");
    let path = setting.folder.path().join("counters.sqlite");
    let pool = sqlite_pool(path.to_str().unwrap(), 4).unwrap();
    let counters = Counters::builder(pool).redis_with(RedisStore::builder(url)).build().unwrap();
    count(&counters, [1]);
    let report = follow(&counters);
    assert_eq!((report.reach, report.applied), (Reach::Everything, 1), "{report}");
    assert!(report.is_clean());
}

#[test]
fn fields_that_are_no_counters_of_a_hash_are_reported_and_stay() {
    let mut setting = Setting::scanned();
    let counters = setting.counters();
    let name = Prefix::default().dirty_name(&views_of(1));
    let elsewhere = (2..).find(|n| Prefix::default().dirty_name(&views_of(*n)) != name).unwrap();
    for field in ["post:1:views@day:2026-02-31".to_owned(), format!("post:{elsewhere}:views")] {
        let _: i64 = setting.run(&format!("HSET {name} {field} x"));
        count(&counters, [1]);
        let report = follow(&counters);
        assert_eq!((report.reach, report.applied), (Reach::Index, 1), "{report}");
        let foreign = report.foreign.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert!(matches!(foreign.as_slice(), [one] if one.contains(&field)), "{foreign:?}");
        assert_eq!(setting.named(), [field.as_str()]);
        let _: i64 = setting.run(&format!("HDEL {name} {field}"));
    }
}

#[test]
fn a_token_may_be_anything() {
    let mut setting = Setting::scanned();
    let name = Prefix::default().dirty_name(&views_of(1));
    for token in [&b""[..], b"\xff\x00", &[b'x'; 100_000]] {
        let field = "post:1:views";
        redis::cmd("HSET").arg(&name).arg(field).arg(token).exec(&mut setting.bare).unwrap();
        let _ = follow_index(&setting.counters());
        assert_eq!(setting.named(), [""; 0]);
    }
}

/// A name without anything pending costs one claim, once.
#[test]
fn an_index_of_very_many_names_is_read_in_pages_and_emptied() {
    let mut setting = Setting::scanned();
    let prefix = Prefix::default();
    let counters = setting.counters();
    let named = load(100_000);
    let mut fields = BTreeMap::<String, Vec<(String, &str)>>::new();
    for number in 1..=named {
        let id = views_of(number);
        fields.entry(prefix.dirty_name(&id)).or_default().push((id.as_str().to_owned(), "stale"));
    }
    for (name, fields) in fields {
        redis::cmd("HSET").arg(name).arg(fields).exec(&mut setting.bare).unwrap();
    }
    setting.count_bare(named / 2);
    count(&counters, [named + 1]);
    let report = follow_index(&counters);
    assert_eq!((report.scanned, report.applied), (2, 2), "{report}");
    assert_eq!((baseline(&counters, named / 2), baseline(&counters, named + 1)), (1, 1));
    assert_eq!(setting.named(), [""; 0]);
}

#[test]
fn a_store_that_was_emptied_is_scanned() {
    let mut setting = Setting::scanned();
    let counters = setting.counters();
    count(&counters, [1]);
    let _ = follow_index(&counters);
    let () = setting.run("FLUSHALL");
    setting.count_bare(1);
    let report = follow(&counters);
    assert_eq!((report.reach, report.applied), (Reach::Everything, 1), "{report}");
    assert!(report.store_replaced.is_some());
}

#[test]
fn a_store_without_an_index_names_nothing_and_scans_in_each_pass() {
    let mut setting = Setting::scanned();
    let path = setting.folder.path().join("counters.sqlite");
    let pool = sqlite_pool(path.to_str().unwrap(), 4).unwrap();
    let store = RedisStore::builder(setting.redis.url()).without_index();
    let counters = Counters::builder(pool).redis_with(store).build().unwrap();
    count(&counters, [1]);
    let report = follow(&counters);
    assert_eq!((report.reach, report.applied), (Reach::Everything, 1), "{report}");
    assert_eq!(setting.calls().get("hlen"), None);
    assert_eq!(setting.named(), [""; 0]);
}
