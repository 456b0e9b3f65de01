//! Merges while others count, read and sync: every count is in the table in the end, once.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use counter_diesel::query::OwnerType;
use counter_diesel::{Counters, Owner, SyncOptions};
use counter_tests::effort::load_time;
use counter_tests::suite::Case;
use counter_tests::world::World;

pub(super) const CASES: &[Case<World>] = &[
    ("merges are exact while four threads count, two sync and two read", |world| {
        under_load(world, |counters, id| {
            let merged = counters.merge(owner("old", id), owner("new", id)).unwrap();
            assert!(merged.failed.is_empty() && merged.unanswered == 0, "{merged:?}");
        });
    }),
    ("renames are exact while four threads count, two sync and two read", |world| {
        under_load(world, |counters, _| {
            let [old, new] = ["old", "new"].map(|name| OwnerType::new(name).unwrap());
            let go_on = &mut |_: &counter_diesel::sync::Merged| ControlFlow::Continue(());
            let merged = counters.rename_owner_type_observed(&old, &new, go_on).unwrap();
            assert!(merged.failed.is_empty() && merged.unanswered == 0, "{merged:?}");
        });
    }),
];

const OWNERS: i64 = 5;

/// Writers count half under the old name and half under the new one.
fn under_load(world: &World, merge: fn(&Counters, i64)) {
    let is_over = AtomicBool::new(false);
    let counters = world.counters();
    let goes_on = || !is_over.load(Ordering::Relaxed);
    let end = Instant::now() + load_time(Duration::from_secs(2));
    let counted = thread::scope(|scope| {
        let writers = (0..4).map(|number| {
            let (counters, goes_on) = (&counters, &goes_on);
            scope.spawn(move || write(counters, number, goes_on))
        });
        let writers = writers.collect::<Vec<_>>();
        for _ in 0..2 {
            let (syncing, goes_on) = (world.counters(), &goes_on);
            scope.spawn(move || sync(&syncing, goes_on));
            let (reading, goes_on) = (world.counters(), goes_on);
            scope.spawn(move || read(&reading, goes_on));
        }
        let mut merges = 0;
        while Instant::now() < end {
            merge(&counters, merges % OWNERS);
            merges += 1;
        }
        is_over.store(true, Ordering::Relaxed);
        let counted = writers.into_iter().map(|writer| writer.join().unwrap()).sum::<i64>();
        println!("{counted} counted during {merges} merges");
        counted
    });
    (0..OWNERS).for_each(|id| merge(&world.impatient_counters(), id));
    let report = world.impatient_counters().sync(&SyncOptions::default()).unwrap();
    assert!(report.is_clean(), "{report}");
    (0..OWNERS).for_each(|id| merge(&counters, id));
    let baseline = |name, id| counters.baseline(owner(name, id), "views").unwrap();
    let total = (0..OWNERS).map(|id| baseline("new", id)).sum::<i64>();
    assert_eq!(total, counted);
    for id in 0..OWNERS {
        assert_eq!(world.ledger.rows_of(&owner("old", id)).unwrap(), [], "{id}");
        assert_eq!(counters.get(owner("old", id), "views").unwrap(), 0);
    }
}

fn write(counters: &Counters, number: i64, goes_on: &impl Fn() -> bool) -> i64 {
    let mut counted = 0;
    while goes_on() {
        let name = if (counted + number) % 2 == 0 { "old" } else { "new" };
        counters.increment(owner(name, counted % OWNERS), "views", 1).unwrap();
        counted += 1;
    }
    counted
}

fn sync(counters: &Counters, goes_on: &impl Fn() -> bool) {
    while goes_on() {
        let report = counters.sync(&SyncOptions::default()).unwrap();
        assert!(report.failed.is_empty() && report.conflicts.is_empty(), "{report}");
    }
}

/// The new owner only gains, so what is read of it never falls.
fn read(counters: &Counters, goes_on: &impl Fn() -> bool) {
    let mut before = [0; OWNERS as usize];
    while goes_on() {
        let all = (0..OWNERS).map(|id| (owner("new", id), "views"));
        let values = counters.get_many(all).unwrap();
        for (before, value) in before.iter_mut().zip(values) {
            assert!(value >= *before, "{value} after {before}");
            *before = value;
        }
    }
}

fn owner(name: &'static str, id: i64) -> Owner {
    Owner::new(name, id).unwrap()
}
