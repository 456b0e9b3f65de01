//! What keeps a merge from removing a row, and from saying that all is in the table.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use counter_core::{Claim, ClaimOp, ClaimSeq};
use counter_diesel::ledger::LockWait;
use counter_diesel::query::OwnerType;
use counter_diesel::sync::Merged;
use counter_diesel::{Config, Counters, SyncOptions};
use counter_tests::faults::{Fault, Faults};
use counter_tests::fixtures::{counter_of, post};
use counter_tests::suite::Case;
use counter_tests::world::World;

pub(super) const CASES: &[Case<World>] = &[
    ("a row whose removal meets a deadlock is removed all the same", |world| {
        prepared(world);
        let merged = refusing(world, 1).merge(post(1), post(2)).unwrap();
        assert_eq!((merged.rows_removed, merged.rows_left), (2, 0), "{merged:?}");
    }),
    ("one whose removal always meets one stays, and what was moved is said to be", |world| {
        prepared(world);
        let merged = refusing(world, usize::MAX).merge(post(1), post(2)).unwrap();
        assert_eq!((merged.rows_removed, merged.rows_left), (0, 2), "{merged:?}");
        assert!(merged.is_complete(), "{merged:?}");
    }),
    ("what is not in the table is named beside a hundred others that are not", |world| {
        if world.store.private().is_some() {
            return; // Its pages are small, and each takes two seconds.
        }
        let counters = world.counters();
        let keys = (0..150).map(|key| format!("key-{key:03}")).collect::<Vec<_>>();
        for key in &keys {
            counters.increment(post(1), key.as_str(), 1).unwrap();
        }
        // Another sync that has died.
        let ids = keys.iter().map(|key| counter_of(&post(1), key)).collect::<Vec<_>>();
        world.store.claim(&ids, Duration::from_secs(600)).unwrap();
        let merged = counters.merge(post(1), post(2)).unwrap();
        assert_eq!((merged.unsynced.count(), merged.is_complete()), (150, false), "{merged:?}");
    }),
    ("a row that others have locked does not keep the others from being removed", |world| {
        if !world.database.url().contains("://") {
            return; // SQLite locks the whole file.
        }
        prepared(world);
        let mut transaction = world.ledger.begin(LockWait::Usual).unwrap();
        let id = counter_of(&post(1), "likes");
        // The row has seen it, and is locked.
        let seen = Claim { id, seq: ClaimSeq::new(1), op: ClaimOp::Add(0) };
        assert_eq!(transaction.upsert(&[seen]).unwrap().len(), 1);
        let merged = world.counters().merge(post(1), post(2)).unwrap();
        assert_eq!((merged.rows_removed, merged.rows_left), (1, 1), "{merged:?}");
        drop(transaction);
        let merged = world.counters().merge(post(1), post(2)).unwrap();
        assert_eq!((merged.rows_removed, merged.rows_left), (1, 0), "{merged:?}");
    }),
    ("one that is interrupted removes nothing", |world| {
        prepared(world);
        world.counters().increment(post(1), "late", 1).unwrap();
        let [old, new] = ["post", "article"].map(|name| OwnerType::new(name).unwrap());
        let stop = &mut |_: &Merged| ControlFlow::Break(());
        let merged = world.counters().rename_owner_type_observed(&old, &new, stop).unwrap();
        assert_eq!((merged.interrupted, merged.rows_removed), (true, 0), "{merged:?}");
    }),
    ("what is moved is in both rows or in none, whatever fits into a batch", |world| {
        let counters = world.counters();
        let keys = (0..9).map(|key| format!("key-{key}")).collect::<Vec<_>>();
        for key in &keys {
            counters.increment(post(1), key.as_str(), 5).unwrap();
        }
        assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
        let (reader, keys_read) = (world.counters(), keys.clone());
        let parted = Arc::new(AtomicUsize::new(0));
        let found = Arc::clone(&parted);
        let faults = Faults::calling(move |step| {
            // Each comes when a transaction is over.
            if matches!(step, "begin" | "ack") {
                for key in &keys_read {
                    let rows = [1, 2].map(|id| reader.baseline(post(id), key.as_str()).unwrap());
                    let is_parted = rows.iter().sum::<i64>() != 5;
                    found.fetch_add(is_parted.into(), Ordering::Relaxed);
                }
            }
        });
        let mut config = Config::default();
        config.sync_batch_size = "3".parse().unwrap();
        let process = world.counters_behind(&faults, config);
        assert!(process.merge(post(1), post(2)).unwrap().is_complete());
        assert_eq!(parted.load(Ordering::Relaxed), 0);
        for key in &keys {
            assert_eq!(counters.baseline(post(2), key.as_str()).unwrap(), 5, "{key}");
        }
    }),
];

/// Two rows that are 0 and have not changed for long.
fn prepared(world: &World) {
    let counters = world.counters();
    for key in ["likes", "views"] {
        counters.increment(post(1), key, 5).unwrap();
    }
    assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
    assert!(counters.merge(post(1), post(2)).unwrap().is_complete());
    world.age_rows();
}

/// A process that meets a deadlock so often when it removes rows.
fn refusing(world: &World, times: usize) -> Counters {
    let met = AtomicUsize::new(0);
    let faults = Faults::deciding(move |step| {
        let is_removal = step == "delete_zeros";
        (is_removal && met.fetch_add(1, Ordering::Relaxed) < times).then_some(Fault::Refused)
    });
    world.counters_behind(&faults, Config::default())
}
