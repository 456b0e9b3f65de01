//! Merges while others count, read and sync: every count is in the table in the end, once.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use counter_diesel::query::OwnerType;
use counter_diesel::sync::Merged;
use counter_diesel::{Counters, Owner, SyncOptions};
use counter_tests::effort::load_time;
use counter_tests::suite::Case;
use counter_tests::world::World;

pub(super) const CASES: &[Case<World>] = &[
    ("merges are exact while four threads count, two sync and two read", |world| {
        under_load(world, &[merge], &[]);
    }),
    ("renames are exact while four threads count, two sync and two read", |world| {
        under_load(world, &[rename], &[]);
    }),
    ("merges by two at once are exact while four threads count, two sync and two read", |world| {
        under_load(world, &[merge, rename], &[]);
    }),
    (CROSSING, |world| {
        under_load(world, &[merge, merge], &[merge_back, merge_back]);
    }),
];

pub(super) const CROSSING: &str =
    "merges that cross are exact while four threads count, two sync and two read";

const OWNERS: i64 = 5;

/// Merges one of the owners, or all.
type Merge = fn(&Counters, i64);

fn merge(counters: &Counters, id: i64) {
    assert_moved(&counters.merge(owner("old", id), owner("new", id)).unwrap());
}

fn merge_back(counters: &Counters, id: i64) {
    assert_moved(&counters.merge(owner("new", id), owner("old", id)).unwrap());
}

fn rename(counters: &Counters, _: i64) {
    let [old, new] = ["old", "new"].map(|name| OwnerType::new(name).unwrap());
    let go_on = &mut |_: &Merged| ControlFlow::Continue(());
    assert_moved(&counters.rename_owner_type_observed(&old, &new, go_on).unwrap());
}

fn assert_moved(merged: &Merged) {
    assert!(merged.failed.is_empty() && merged.unanswered == 0, "{merged:?}");
}

/// Writers count half under the old name and half under the new one.
fn under_load(world: &World, forth: &[Merge], back: &[Merge]) {
    let is_over = AtomicBool::new(false);
    let goes_on = &|| !is_over.load(Ordering::Relaxed);
    let counted = thread::scope(|scope| {
        let writers = (0..4).map(|number| {
            let counters = world.counters();
            scope.spawn(move || write(&counters, number, goes_on))
        });
        let writers = writers.collect::<Vec<_>>();
        for _ in 0..2 {
            let (syncing, reading) = (world.counters(), world.counters());
            scope.spawn(move || sync(&syncing, goes_on));
            scope.spawn(move || read(&reading, back.is_empty(), goes_on));
        }
        let mergers = forth.iter().chain(back).map(|merge| {
            let counters = world.counters();
            scope.spawn(move || {
                let ids = (0..).take_while(|_| goes_on());
                ids.inspect(|merges| merge(&counters, merges % OWNERS)).count()
            })
        });
        let mergers = mergers.collect::<Vec<_>>();
        thread::sleep(load_time(Duration::from_millis(500)));
        is_over.store(true, Ordering::Relaxed);
        let counted = writers.into_iter().map(|writer| writer.join().unwrap()).sum::<i64>();
        let merges = mergers.into_iter().map(|merger| merger.join().unwrap()).sum::<usize>();
        println!("{counted} counted during {merges} merges");
        counted
    });
    assert_all_counted(world, forth[0], counted);
}

fn assert_all_counted(world: &World, merge: Merge, counted: i64) {
    let counters = world.counters();
    (0..OWNERS).for_each(|id| merge(&world.impatient_counters(), id));
    let report = world.impatient_counters().sync(&SyncOptions::default()).unwrap();
    assert!(report.is_clean(), "{report}");
    (0..OWNERS).for_each(|id| merge(&counters, id));
    world.age_rows();
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

/// No counter is ever negative, because no move takes more than there is. If nothing is moved back,
/// the new owner only gains, so what is read of it never falls.
fn read(counters: &Counters, only_gains: bool, goes_on: &impl Fn() -> bool) {
    let mut before = [0; OWNERS as usize];
    while goes_on() {
        let all =
            ["new", "old"].into_iter().flat_map(|name| (0..OWNERS).map(move |id| owner(name, id)));
        let values = counters.get_many(all.map(|owner| (owner, "views"))).unwrap();
        assert!(values.iter().all(|value| *value >= 0), "{values:?}");
        for (before, value) in before.iter_mut().zip(values) {
            assert!(!only_gains || value >= *before, "{value} after {before}");
            *before = value;
        }
    }
}

fn owner(name: &'static str, id: i64) -> Owner {
    Owner::new(name, id).unwrap()
}
