//! Clocks that differ.

use counter_core::MemoryStore;
use counter_diesel::check::FindingCode as Code;
use counter_diesel::check::Severity::Warning;
use counter_diesel::{Counters, SyncOptions};
use counter_tests::fixtures::{post, views_of};
use counter_tests::servers::SteppingClock;
use counter_tests::world;

use super::{CheckSite, DURABLE, found, only};

#[test]
fn a_clock_that_is_two_hours_ahead_is_a_warning() {
    let clock = SteppingClock::new();
    clock.set(7_200_000_000);
    let finding = only(
        &CheckSite::with_redis(clock.start_redis(&DURABLE)).check(),
        Warning,
        Code::StoreClock,
    );
    let (_, seconds) = finding.message.split_once("clock is ").unwrap();
    let seconds = seconds.split(' ').next().unwrap().parse::<u64>().unwrap();
    // The machine may be slow.
    assert!((7000..=7201).contains(&seconds), "{finding}");
    assert!(finding.message.contains("ahead of"), "{finding}");
}

#[test]
fn claims_are_as_old_as_the_clock_of_the_server_says() {
    // Made just now by a server that is two hours behind.
    let clock = SteppingClock::new();
    clock.set(-7_200_000_000);
    let site = CheckSite::with_redis(clock.start_redis(&[]));
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
