use std::time::Duration;

use counter_core::{Claimed, Replacement};
use counter_diesel::{HasCounters, Owner, SyncOptions};
use counter_tests::fixtures::{counter_of, post, user};
use counter_tests::suite::Case;
use counter_tests::world::World;

pub(super) const CASES: &[Case<World>] = &[
    ("all counters of an owner go, wherever they are", |world| {
        let counters = world.counters();
        for key in ["synced", "both", "claimed", "odd:k*y"] {
            counters.increment(post(1), key, 5).unwrap();
        }
        for other in [post(10), post(-1), user(1)] {
            counters.increment(&other, "synced", 7).unwrap();
        }
        assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
        for key in ["both", "claimed", "pending"] {
            counters.increment(post(1), key, 2).unwrap();
        }
        claim(world, "claimed");
        world.store.replace(&counter_of(&post(1), "set"), Replacement::Set(9)).unwrap();
        assert_eq!(counters.delete_all(post(1)).unwrap(), 6);
        assert_eq!(world.ledger.rows_of(&post(1)).unwrap(), []);
        let report = world.impatient_counters().sync(&SyncOptions::default()).unwrap();
        assert!(report.is_clean(), "{report}");
        assert_eq!(world.ledger.rows_of(&post(1)).unwrap(), []);
        assert_eq!(counters.delete_all(post(1)).unwrap(), 0);
        for other in [post(10), post(-1), user(1)] {
            assert_eq!(counters.get(&other, "synced").unwrap(), 7);
        }
        counters.increment(post(1), "both", 1).unwrap();
        assert_eq!(counters.get(post(1), "both").unwrap(), 1);
    }),
    ("declared keys that were never counted make no rows and are not counted", |world| {
        let counters = world.counters();
        assert_eq!(counters.delete_all(Page::counter_owner(1).unwrap()).unwrap(), 0);
        counters.increment(Page::counter_owner(1).unwrap(), PageCounter::Views, 1).unwrap();
        assert_eq!(counters.delete_all(&Page { id: 1 }).unwrap(), 1);
        let owner = Owner::new("page", 1).unwrap();
        assert_eq!(world.ledger.rows_of(&owner).unwrap(), []);
        assert_eq!(counters.get(&owner, "views").unwrap(), 0);
    }),
    ("what is no count is named, and the rest is deleted", |world| {
        if world.store.generation().is_none() {
            return; // Nothing but counts gets into the memory of a process.
        }
        let counters = world.counters();
        counters.increment(post(1), "a", 1).unwrap();
        counters.increment(post(1), "z", 1).unwrap();
        super::merge::put(world, &counter_of(&post(1), "m"), "text");
        let error = counters.delete_all(post(1)).unwrap_err();
        assert!(format!("{error:?}").contains("text"), "{error:?}");
        for key in ["a", "z"] {
            assert_eq!(counters.get(post(1), key).unwrap(), 0);
        }
    }),
];

#[derive(HasCounters)]
#[counters(keys(views, likes))]
struct Page {
    id: i64,
}

/// Another sync has claimed it and is at work.
fn claim(world: &World, key: &str) {
    let claimed = world.store.claim(&[counter_of(&post(1), key)], Duration::from_secs(60)).unwrap();
    assert!(matches!(claimed[0], Claimed::Fresh(_)), "{claimed:?}");
}
