//! What a sync does where store and database contradict each other.

use std::sync::Arc;

use counter_core::{Claim, ClaimOp, ClaimSeq, Config, DeltaStore, Generation, MemoryStore};
use counter_diesel::ledger::LockWait;
use counter_diesel::{Counters, Error, SyncOptions};
use counter_tests::faults::{Faults, FaultyStore};
use counter_tests::fixtures::{counter_of, post};
use counter_tests::suite::Case;
use counter_tests::world::World;

use super::claim;

pub(crate) const CASES: &[Case<World>] = &[
    ("a claim older than its row is a conflict, and no guess is made", |world| {
        let counters = world.impatient_counters();
        counters.increment(post(1), "views", 5).unwrap();
        let claim = claim(world, "views");
        apply_from_the_future(world, "views", 100);
        if world.store.private().is_some() {
            // No commit of it was ever asked for, which the store knows.
            assert_eq!(counters.get(post(1), "views").unwrap(), 105);
            let report = counters.sync(&SyncOptions::default()).unwrap();
            assert!(report.is_clean() && report.applied == 1, "{report:?}");
            assert_eq!(counters.baseline(post(1), "views").unwrap(), 105);
            return;
        }
        let error = counters.get(post(1), "views").unwrap_err();
        assert!(matches!(error, Error::Core(counter_core::Error::Conflict { .. })), "{error:?}");
        let report = counters.sync(&SyncOptions::default()).unwrap();
        let conflict = report.conflicts.iter().next().expect("a conflict");
        assert_eq!((&conflict.claim, conflict.row), (&claim, FUTURE));
        assert!(!report.is_clean());
        assert_eq!(counters.baseline(post(1), "views").unwrap(), 100);
        assert_eq!(
            world.store.look(&[counter_of(&post(1), "views")]).unwrap().held[0]
                .as_ref()
                .unwrap()
                .claim,
            Some(claim)
        );
    }),
    ("processes with stores of their own in memory lose nothing to each other", |world| {
        let process = || {
            let store: Arc<dyn DeltaStore> = Arc::new(MemoryStore::new());
            Counters::from_parts(Config::default(), store, Arc::clone(&world.ledger))
        };
        let (ahead, behind) = (process(), process());
        apply_from_the_future(world, "views", 100);
        for counters in [&ahead, &behind] {
            counters.increment(post(1), "views", 5).unwrap();
            assert_eq!(
                counters.get(post(1), "views").unwrap(),
                counters.baseline(post(1), "views").unwrap() + 5
            );
            let report = counters.sync(&SyncOptions::default()).unwrap();
            assert_eq!((report.applied, report.conflicts.count()), (1, 0), "{report:?}");
        }
        assert_eq!(behind.get(post(1), "views").unwrap(), 110);
        assert_eq!(ahead.get(post(1), "views").unwrap(), 110);
    }),
    ("a store that was replaced is reported and its sequences go on above the old ones", |world| {
        let counters = with_generation(world, "old", 500);
        assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
        let state = world.ledger.state(&world.prefix).unwrap();
        assert_eq!(
            state.recorded.map(|known| (known.store_id, known.seq.get())),
            Some(("old".into(), 500))
        );
        let counters = with_generation(world, "new", 100);
        counters.increment(post(1), "views", 1).unwrap();
        let report = counters.sync(&SyncOptions::default()).unwrap();
        assert_eq!(report.store_replaced.as_ref().map(|known| known.seq.get()), Some(500));
        assert!(!report.is_clean());
        assert_eq!(report.applied, 1, "the sync goes on");
        assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean(), "said once");
    }),
    ("a store that came back from an old copy is left alone", |world| {
        assert!(
            with_generation(world, "same", 500).sync(&SyncOptions::default()).unwrap().is_clean()
        );
        let counters = with_generation(world, "same", 499);
        counters.increment(post(1), "views", 1).unwrap();
        let error = counters.sync(&SyncOptions::default()).unwrap_err();
        assert!(error.to_string().contains("499") && error.to_string().contains("500"), "{error}");
        assert_eq!(counters.pending(post(1), "views").unwrap().pending, 1, "nothing was claimed");
    }),
    ("a prefix that is synced into another database too is reported each time", |world| {
        let mut store = FaultyStore::new(Arc::clone(&world.store), &Faults::none());
        store.generation = Some(generation("id", "another database", 1));
        let ledger = Arc::clone(&world.ledger);
        let counters = Counters::from_parts(config_of(world), Arc::new(store), ledger);
        for _ in 0..2 {
            counters.increment(post(1), "views", 1).unwrap();
            let report = counters.sync(&SyncOptions::default()).unwrap();
            assert!(
                report.shared_prefix && !report.is_clean() && report.applied == 1,
                "{report:?}"
            );
        }
    }),
];

/// The counters of a process whose store claims to be of this generation.
fn with_generation(world: &World, store_id: &str, high_water: i64) -> Counters {
    let mut store = FaultyStore::new(Arc::clone(&world.store), &Faults::none());
    let database = world.ledger.state(&world.prefix).unwrap().database;
    assert!(database.len() >= 32, "{database:?} is no random id");
    store.generation = Some(generation(store_id, &database, high_water));
    Counters::from_parts(config_of(world), Arc::new(store), Arc::clone(&world.ledger))
}

fn config_of(world: &World) -> Config {
    let mut config = Config::default();
    config.prefix = world.prefix.clone();
    config
}

fn generation(store_id: &str, database: &str, high_water: i64) -> Generation {
    let (store_id, database) = (store_id.to_owned(), database.to_owned());
    let high_water = ClaimSeq::new(high_water);
    Generation::new(store_id, database, high_water)
}

/// A sequence that no store gives out while these tests run.
const FUTURE: ClaimSeq = ClaimSeq::new(i64::MAX / 2);

fn apply_from_the_future(world: &World, key: &str, count: i64) {
    let claim = Claim { id: counter_of(&post(1), key), seq: FUTURE, op: ClaimOp::Set(count) };
    let mut transaction = world.ledger.begin(LockWait::Usual).unwrap();
    transaction.upsert(&[claim]).unwrap();
    transaction.commit().unwrap();
}
