//! What a sync that follows the index finds and removes.

use std::collections::BTreeMap;
use std::time::Duration;

use counter_core::{Claimed, DeltaStore as _, Replacement};
use counter_diesel::SyncOptions;
use counter_diesel::sync::Reach;
use counter_tests::fixtures::{post, views_of};

use super::{LONG, Setting, baseline, count, follow, follow_index, sync};

#[test]
fn what_a_process_counted_is_found_and_the_index_is_empty_then() {
    let mut setting = Setting::scanned();
    let counters = setting.counters();
    for round in 1..=3 {
        count(&counters, 1..=500);
        counters.increment(post(1), "views", 1).unwrap();
        assert_eq!(follow_index(&counters).applied, 500);
        assert_eq!((baseline(&counters, 1), baseline(&counters, 500)), (2 * round, round));
        assert_eq!(setting.named(), [""; 0]);
    }
    assert_eq!(follow_index(&counters).scanned, 0);
    assert_eq!(setting.calls().get("scan"), None);
}

#[test]
fn what_other_processes_counted_is_found_once_they_have_ended() {
    let setting = Setting::scanned();
    count(&setting.counters(), 1..=5);
    let store = setting.store();
    store.increment(&views_of(6), 1).unwrap();
    drop(store);
    assert_eq!(follow_index(&setting.counters()).applied, 6);
}

#[test]
fn a_sync_of_everything_empties_the_index_too() {
    let mut setting = Setting::new();
    let counters = setting.counters();
    count(&counters, 1..=50);
    assert_eq!(sync(&counters).applied, 50);
    assert_eq!(setting.named(), [""; 0]);
}

#[test]
fn a_sync_of_everything_finds_what_is_named_and_what_is_not_once_each() {
    let mut setting = Setting::new();
    let counters = setting.counters();
    count(&counters, 1..=50);
    (26..=75).for_each(|number| setting.count_bare(number));
    let report = sync(&counters);
    assert_eq!((report.scanned, report.applied, report.busy), (75, 75, 0), "{report}");
    assert_eq!((baseline(&counters, 1), baseline(&counters, 50)), (1, 2));
    assert_eq!(setting.named(), [""; 0]);
}

#[test]
fn sets_resets_and_deletes_of_a_process_without_a_database_are_found() {
    let mut setting = Setting::scanned();
    let counters = setting.counters();
    count(&counters, 1..=3);
    let _ = follow_index(&counters);
    let store = setting.store();
    store.replace(&views_of(1), Replacement::Set(7)).unwrap();
    store.replace(&views_of(2), Replacement::Delete).unwrap();
    drop(store);
    assert_eq!(setting.named().len(), 2);
    let _ = follow_index(&setting.counters_after(Duration::ZERO));
    assert_eq!((1..=3).map(|n| baseline(&counters, n)).collect::<Vec<_>>(), [7, 0, 1]);
    assert_eq!(setting.named(), [""; 0]);
}

#[test]
fn a_set_that_is_in_the_table_already_is_no_longer_named_after_a_sync() {
    let mut setting = Setting::scanned();
    let counters = setting.counters();
    counters.set(post(1), "views", 7).unwrap();
    assert_eq!(follow_index(&counters).scanned, 0);
    assert_eq!((setting.named(), baseline(&counters, 1)), (vec![], 7));
}

/// A pass that died has left a claim, beside which more was counted.
#[test]
fn what_a_dead_pass_has_left_stays_named_until_all_of_it_is_in_the_table() {
    let mut setting = Setting::scanned();
    let store = setting.store();
    store.increment(&views_of(1), 5).unwrap();
    let claimed = store.claim(&[views_of(1)], LONG).unwrap();
    assert!(matches!(claimed.as_slice(), [Claimed::Fresh(_)]), "{claimed:?}");
    store.increment(&views_of(1), 2).unwrap();
    drop(store);
    let busy = follow_index(&setting.counters());
    assert_eq!((busy.busy, busy.applied, setting.named().len()), (1, 0, 1));
    let counters = setting.counters_after(Duration::ZERO);
    let report = follow_index(&counters);
    assert_eq!((report.recovered, report.applied), (1, 2), "{report}");
    assert_eq!((baseline(&counters, 1), setting.named()), (7, vec![]));
}

#[test]
fn a_counter_of_zero_is_no_longer_named() {
    let mut setting = Setting::scanned();
    let counters = setting.counters();
    counters.increment(post(1), "views", 1).unwrap();
    counters.decrement(post(1), "views", 1).unwrap();
    assert_eq!((follow_index(&counters).zeros, setting.named()), (1, vec![]));
}

#[test]
fn a_sync_with_a_pattern_scans_and_leaves_what_does_not_match_in_the_index() {
    let mut setting = Setting::scanned();
    let counters = setting.counters();
    count(&counters, [1, 2]);
    let options = SyncOptions::default().follow_index(true).pattern("post:1:*".parse().unwrap());
    let report = counters.sync(&options).unwrap();
    assert_eq!((report.reach, report.applied), (Reach::Everything, 1));
    assert_eq!(setting.named(), ["post:2:views"]);
    assert_eq!(follow_index(&counters).applied, 1);
}

#[test]
fn all_counters_of_an_owner_have_undeclared_ones_before_their_first_sync() {
    let setting = Setting::scanned();
    let counters = setting.counters();
    counters.increment(post(1), "un:declared", 3).unwrap();
    counters.increment(post(2), "views", 1).unwrap();
    let all = |of| counters.all(of).unwrap().into_iter().collect::<BTreeMap<_, _>>();
    assert_eq!(all(post(1)), BTreeMap::from([("un:declared".to_owned(), 3)]));
    // A deleted counter may still be named, but is not shown.
    counters.delete(post(1), "un:declared").unwrap();
    assert_eq!(all(post(1)), BTreeMap::new());
}

#[test]
fn a_rehearsal_removes_nothing_from_the_index() {
    let mut setting = Setting::scanned();
    let counters = setting.counters();
    count(&counters, [1]);
    drop(setting.store());
    let rehearsal = SyncOptions::default().follow_index(true).dry_run(true);
    assert_eq!(counters.sync(&rehearsal).unwrap().applied, 1);
    assert_eq!(follow(&counters).applied, 1);
    assert_eq!(setting.named(), [""; 0]);
}
