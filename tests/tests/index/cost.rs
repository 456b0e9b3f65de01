//! What a sync that follows the index asks of the server.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::time::Instant;

use counter_core::{DeltaStore as _, Prefix};

use super::{Setting, count, follow_index, write_gathered};

/// The commands of a sync that finds nothing, besides those that the test itself sends.
fn commands_of_idle_sync(setting: &mut Setting) -> u64 {
    let counters = setting.counters();
    let _ = follow_index(&counters);
    setting.forget_calls();
    let _ = follow_index(&counters);
    let calls = setting.calls();
    assert_eq!(calls.get("scan"), None, "{calls:?}");
    of_sync(&calls)
}

/// The number of these commands that the test itself does not send.
fn of_sync(calls: &BTreeMap<String, u64>) -> u64 {
    let of_test = ["info", "config|resetstat"];
    calls.iter().filter(|(name, _)| !of_test.contains(&name.as_str())).map(|(_, calls)| calls).sum()
}

#[test]
fn a_sync_that_finds_nothing_asks_a_little_whatever_else_the_server_holds() {
    let mut setting = Setting::scanned();
    let alone = commands_of_idle_sync(&mut setting);
    assert!(alone <= 64 + 30, "{alone}");
    setting.populate(50_000);
    (1..=100).for_each(|number| setting.count_bare(number));
    assert_eq!(commands_of_idle_sync(&mut setting), alone);
}

#[test]
fn what_one_worker_has_synced_costs_another_one_no_more_than_nothing_does() {
    let mut setting = Setting::scanned();
    let (one, another) = (setting.counters(), setting.counters());
    count(&one, 1..=1);
    let _ = [&one, &another].map(follow_index);
    let alone = commands_of_idle_sync(&mut setting);
    count(&one, 1..=1000);
    assert_eq!(follow_index(&one).applied, 1000);
    setting.forget_calls();
    assert_eq!(follow_index(&another).scanned, 0);
    let calls = setting.calls();
    assert_eq!(of_sync(&calls), alone, "{calls:?}");
}

#[test]
fn a_sync_of_what_was_counted_asks_no_more_beside_foreign_names() {
    let mut setting = Setting::scanned();
    let counters = setting.counters();
    let mut commands_of_sync = || {
        count(&counters, 1..=10);
        setting.forget_calls();
        assert_eq!(follow_index(&counters).applied, 10);
        let mut calls = setting.calls();
        assert_eq!(calls.get("scan"), None, "{calls:?}");
        // The thread may have written the index before, or write it on a connection of its own.
        calls.retain(|name, _| name != "hset" && name != "hello" && !name.starts_with("client"));
        setting.populate(50_000);
        calls.values().sum::<u64>()
    };
    // The first loads the scripts.
    commands_of_sync();
    assert_eq!(commands_of_sync(), commands_of_sync());
}

#[test]
fn a_hot_counter_costs_an_incrby_and_nothing_else() {
    let mut setting = Setting::scanned();
    let store = setting.store();
    let id = counter_tests::fixtures::views_of(1);
    store.increment(&id, 1).unwrap();
    write_gathered(&store);
    setting.forget_calls();
    for _ in 0..100 {
        store.increment(&id, 1).unwrap();
    }
    write_gathered(&store);
    let calls = setting.calls();
    assert_eq!((calls.get("incrby"), calls.get("hset")), (Some(&100), None), "{calls:?}");
}

#[test]
fn counters_are_written_into_the_index_many_at_a_time() {
    let mut setting = Setting::scanned();
    let counters = setting.counters();
    let start = Instant::now();
    count(&counters, 1..=6400);
    let _ = follow_index(&counters);
    // Of 64 hashes, once for what the thread took first, once for the rest, and once a second.
    let times = 2 + start.elapsed().as_secs();
    let calls = setting.calls();
    assert!(calls.get("hset").is_some_and(|calls| *calls <= times * 64 + 10), "{calls:?}");
}

/// Two syncs that begin at the same time begin with other counters.
#[test]
fn readings_begin_at_different_hashes() {
    let setting = Setting::scanned();
    let store = setting.store();
    let ids = (1..=500).map(counter_tests::fixtures::views_of);
    let increments = ids.map(|id| (id, 1)).collect::<Vec<_>>();
    assert!(store.increment_many(&increments).iter().all(Result::is_ok));
    let index = store.pending_index().unwrap();
    let first = (0..50).map(|_| {
        let page = index.page(&[], NonZeroUsize::MIN).unwrap();
        Prefix::default().dirty_name(&page.entries[0].id)
    });
    assert!(first.collect::<BTreeSet<_>>().len() > 10);
}
