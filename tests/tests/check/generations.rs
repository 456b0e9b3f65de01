//! Whether the store is the one that was synced last.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use counter_core::Config;
use counter_diesel::check::FindingCode as Code;
use counter_diesel::check::Severity::{Error, Warning};
use counter_diesel::{Counters, SyncOptions};
use counter_tests::database;
use counter_tests::faults::{Faults, FaultyLedger, FaultyStore};
use counter_tests::fixtures::post;

use super::{CheckSite, found, only};

fn synced() -> CheckSite {
    let site = CheckSite::new();
    let counters = site.counters();
    counters.increment(post(1), "views", 1).unwrap();
    assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
    assert_eq!(found(&site.check()), []);
    site
}

#[test]
fn a_store_that_lost_its_data_is_an_error_until_the_next_sync() {
    let site = synced();
    site.redis.flush();
    let finding = only(&site.check(), Error, Code::StoreReplaced);
    assert!(finding.message.contains("lost its id") && finding.message.contains(" UTC"));
    let report = site.counters().sync(&SyncOptions::default()).unwrap();
    assert!(report.store_replaced.is_some());
    assert_eq!(found(&site.check()), []);
}

#[test]
fn a_store_that_went_back_is_an_error() {
    let site = synced();
    let newest: String = site.redis("GET counter:{seq}");
    let () = site.redis("SET counter:{seq} 5");
    let finding = only(&site.check(), Error, Code::StoreWentBack);
    assert!(finding.message.contains(" 5,") && finding.message.contains(&newest), "{finding}");
}

#[test]
fn a_store_that_lost_its_high_water_alone_is_a_warning_until_the_next_sync() {
    let site = synced();
    let () = site.redis("DEL counter:{seq}");
    only(&site.check(), Warning, Code::HighWaterLost);
    let report = site.counters().sync(&SyncOptions::default()).unwrap();
    assert!(report.high_water_lost && report.stopped.is_none(), "{report}");
    assert_eq!(found(&site.check()), []);
}

/// The sequence that a sync records only rises. So it must be read before the store's sequence,
/// with which it is compared.
#[test]
fn a_sync_that_runs_meanwhile_does_not_make_the_store_look_old() {
    let site = synced();
    let other = site.counters();
    let faults = Faults::calling(move |step| {
        if ["inspect", "state"].contains(&step) {
            other.increment(post(1), "views", 1).unwrap();
            assert!(other.sync(&SyncOptions::default()).unwrap().is_clean());
        }
    });
    let config = Config::default();
    let store = FaultyStore::new(site.store_at(&site.redis.url(), &config), &faults);
    let ledger = FaultyLedger { inner: Arc::clone(&site.ledger), faults };
    let counters = Counters::from_parts(config, Arc::new(store), Arc::new(ledger));
    assert_eq!(found(&counters.check()), []);
}

#[test]
fn two_databases_behind_one_prefix_are_an_error_for_both_that_meet_the_other() {
    let site = synced();
    let other = database::sqlite();
    let ledger = other.ledger("model_counters");
    ledger.run_pending_migrations().unwrap();
    let config = Config::default();
    let store = site.store_at(&site.redis.url(), &config);
    let counters = Counters::from_parts(config, store, Arc::clone(&ledger));
    let finding = only(&counters.check(), Error, Code::OtherDatabase);
    assert!(finding.message.contains("another database, under the same prefix"), "{finding}");
    let error = counters.sync(&SyncOptions::default()).unwrap_err();
    assert!(error.is_other_database(), "{error:?}");
    only(&counters.check(), Error, Code::OtherDatabase);
}

#[test]
fn counts_that_wait_for_a_sync_that_does_not_come_are_a_warning() {
    let site = CheckSite::new();
    let two_hours_pass =
        || site.sql("UPDATE model_counters_state SET synced_at = datetime('now', '-2 hours')");
    site.counters().increment(post(1), "views", 1).unwrap();
    assert_eq!(found(&site.check()), [], "the tables were made just now");
    two_hours_pass();
    let finding = only(&site.check(), Warning, Code::SyncOverdue);
    assert!(finding.message.contains("no sync has run since"), "{finding}");
    assert!(site.counters().sync(&SyncOptions::default()).unwrap().is_clean());
    two_hours_pass();
    assert_eq!(found(&site.check()), [], "nothing is pending");
    site.counters().increment(post(1), "views", 1).unwrap();
    let finding = only(&site.check(), Warning, Code::SyncOverdue);
    assert!(finding.message.contains("the last good sync"), "{finding}");
}

#[test]
fn a_name_of_the_store_s_own_that_holds_something_else_is_an_error() {
    let site = CheckSite::new();
    for (take, name) in [
        ("SET counter:{seq} abc", "counter:{seq}"),
        ("SET counter:{seq} 9007199254740993", "counter:{seq}"),
        ("RPUSH counter:{seq} a", "counter:{seq}"),
        ("SET counter:{id} abc", "counter:{id}"),
        ("SET counter:{id} :abc", "counter:{id}"),
        ("RPUSH counter:{id} a", "counter:{id}"),
    ] {
        site.redis.flush();
        let _: redis::Value = site.redis(take);
        let check_up = site.check();
        let taken = check_up.findings.iter().find(|found| found.code == Code::StoreNameTaken);
        let taken = taken.unwrap_or_else(|| panic!("{take}: {check_up}"));
        assert_eq!(taken.severity, Error);
        assert!(taken.message.contains(name), "{take}: {taken}");
        assert!(site.counters().sync(&SyncOptions::default()).is_err(), "{take}");
    }
}

#[test]
fn a_store_that_was_only_set_and_lost_its_data_is_replaced_by_one_that_was_set_first() {
    let site = CheckSite::new();
    site.counters().set(post(1), "views", 5).unwrap();
    let () = site.redis("FLUSHALL");
    site.counters().set(post(2), "views", 7).unwrap();
    let counters = site.counters();
    let finding = only(&counters.check(), Error, Code::StoreReplaced);
    assert!(finding.message.contains(" was there before"), "{finding}");
    let report = counters.sync(&SyncOptions::default()).unwrap();
    assert!(report.store_replaced.is_some_and(|replaced| replaced.synced_at.is_none()));
    assert!(counters.sync(&SyncOptions::default()).unwrap().store_replaced.is_none());
    assert_eq!(found(&counters.check()), []);
}

#[test]
fn a_read_asks_the_database_what_it_has_recorded_only_where_the_store_may_be_an_old_copy() {
    let site = synced();
    let asked = Arc::new(AtomicUsize::new(0));
    let asks = Arc::clone(&asked);
    let faults = Faults::deciding(move |step| {
        asks.fetch_add(usize::from(step == "state"), SeqCst);
        None
    });
    let ledger = FaultyLedger { inner: Arc::clone(&site.ledger), faults };
    let store = site.store_at(&site.redis.url(), &Config::default());
    let counters = Counters::from_parts(Config::default(), store, Arc::new(ledger));
    let value = counters.get(post(1), "views").unwrap();
    let () = site.redis("FLUSHALL");
    for (seq, is_asked) in [(None, false), (Some(7), true)] {
        if let Some(seq) = seq {
            let () = site.redis(&format!("SET counter:{{seq}} {seq}"));
        }
        assert_eq!(counters.get(post(1), "views").unwrap(), value);
        assert_eq!(asked.load(SeqCst) > 0, is_asked, "{seq:?}");
    }
}
