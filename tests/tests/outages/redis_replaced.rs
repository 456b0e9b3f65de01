//! Redis loses everything between two syncs.

use chrono::{TimeDelta, Utc};
use counter_tests::fixtures::post;
use counter_tests::site::Site;

use super::{sync, sync_cleanly};

#[test]
fn a_flush_between_syncs_is_reported_and_sequences_go_on_above() {
    let site = Site::with_postgres();
    let counters = site.counters();
    // A clock that went back since: only what is recorded in the table can tell what comes next.
    let ahead = (Utc::now() + TimeDelta::hours(1)).timestamp_micros();
    set(&site, "counter:{seq}", ahead);
    counters.increment(post(1), "views", 5).unwrap();
    let before = Utc::now().naive_utc();
    drop(sync_cleanly(&counters));
    let after = Utc::now().naive_utc();
    counters.increment(post(1), "views", 1).unwrap();
    site.redis().flush();

    counters.increment(post(1), "views", 2).unwrap();
    let report = sync(&counters).unwrap();
    assert!(!report.is_clean() && report.stopped.is_none(), "{report:?}");
    assert_eq!((report.applied, report.conflicts.count()), (1, 0), "{report:?}");
    let replaced = report.store_replaced.as_ref().expect("it was replaced");
    assert!(replaced.seq.get() > ahead, "{replaced:?}");
    let time = replaced.synced_at.unwrap();
    assert!(before <= time && time <= after, "{before} {time} {after}");
    // What goes into a log names it too.
    let line = report.to_string();
    assert!(line.contains(&replaced.store_id), "{line}");
    assert!(line.contains(&time.format("%Y-%m-%d %H:%M:%S").to_string()), "{line}");

    let high_water = get(&site, "counter:{seq}");
    assert!(high_water > replaced.seq.get(), "{high_water} after {replaced:?}");
    assert_eq!(counters.baseline(post(1), "views").unwrap(), 7);
    assert_eq!(counters.get(post(1), "views").unwrap(), 7);
    counters.increment(post(1), "views", 1).unwrap();
    drop(sync_cleanly(&counters));
    site.last_sync();
    assert_eq!(counters.baseline(post(1), "views").unwrap(), 8);
}

fn set(site: &Site, name: &str, value: i64) {
    redis::cmd("SET").arg(name).arg(value).exec(&mut site.redis().bare()).unwrap();
}

fn get(site: &Site, name: &str) -> i64 {
    redis::cmd("GET").arg(name).query(&mut site.redis().bare()).unwrap()
}
