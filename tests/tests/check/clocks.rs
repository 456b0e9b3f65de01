//! Clocks that differ.

use counter_core::MemoryStore;
use counter_diesel::check::FindingCode as Code;
use counter_diesel::check::Severity::Warning;
use counter_diesel::{Counters, SyncOptions};
use counter_tests::fixtures::{post, views_of};
use counter_tests::servers::SteppingClock;
use counter_tests::world;

use super::{Site, found};

fn told(seconds_ahead: i64) -> Option<String> {
    let clock = SteppingClock::new();
    clock.set(seconds_ahead * 1_000_000);
    let check_up = Site::with_redis(clock.start_redis(&[])).check();
    let finding = check_up.findings.iter().find(|finding| finding.code == Code::StoreClock)?;
    assert_eq!(finding.severity, Warning);
    Some(finding.message.clone())
}

#[test]
fn a_clock_that_is_ahead_or_behind_is_told_with_its_seconds() {
    let ahead = told(7200).unwrap();
    assert!(ahead.contains("720") || ahead.contains("719"), "{ahead}");
    assert!(ahead.contains("ahead of"), "{ahead}");
    let behind = told(-7200).unwrap();
    assert!(behind.contains("behind"), "{behind}");
    assert_eq!(told(0), None);
}

#[test]
fn claims_are_as_old_as_the_clock_of_the_server_says() {
    // Made just now by a server that is two hours behind.
    let clock = SteppingClock::new();
    clock.set(-7_200_000_000);
    let site = Site::with_redis(clock.start_redis(&[]));
    site.counters().increment(post(1), "views", 1).unwrap();
    let store = site.store_at(&site.redis.url(), &Default::default());
    store.claim(&[views_of(1)], std::time::Duration::MAX).unwrap();
    let codes = found(&site.check());
    assert!(!codes.iter().any(|(_, code)| *code == Code::ClaimsLeftBehind), "{codes:?}");
}

#[test]
fn a_store_in_memory_has_nothing_to_be_found() {
    let world = world::memory_x_sqlite();
    let ledger = std::sync::Arc::clone(&world.ledger);
    let store = std::sync::Arc::new(MemoryStore::new());
    let counters = Counters::from_parts(Default::default(), store, ledger);
    counters.increment(post(1), "views", 1).unwrap();
    assert_eq!(found(&counters.check()), []);
    assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
    let check_up = counters.check();
    assert_eq!(check_up.store, None);
    assert!(check_up.to_string().starts_with("SQLite 3."), "{check_up}");
}
