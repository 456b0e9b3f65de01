//! A merge and a rename may stop at any step: no count is lost or doubled, and the same call goes
//! on.

use counter_core::Replacement;
use counter_diesel::query::OwnerType;
use counter_diesel::{Counters, Owner, SyncOptions};
use counter_tests::effort::load;
use counter_tests::faults::{Fault, Faults};
use counter_tests::fixtures::counter_of;
use counter_tests::world::{World, impatient};

pub(super) type MakingCase = (&'static str, fn(fn() -> World));

pub(super) const CASES: &[MakingCase] = &[
    ("a_merge_may_stop_at_any_step", |make| {
        at_every_step(make, |process, step| {
            let _ = process.merge(owner(step, "old"), owner(step, "new"));
        });
    }),
    ("a_rename_may_stop_at_any_step", |make| {
        at_every_step(make, |process, step| {
            let [old, new] = ["old", "new"].map(|name| owner_type(step, name));
            let _ = process.rename_owner_type(&old, &new);
        });
    }),
    ("a_delete_of_everything_may_stop_at_any_step", |make| {
        for (fault, world, steps) in worlds(make) {
            let reached = steps.take_while(|step| delete_stops_at(*step, fault, &world)).last();
            assert!(reached >= Some(9), "{fault:?}: {reached:?}");
        }
    }),
];

/// What both owners have together of each key.
const TOTALS: [(&str, i64); 4] = [("synced", 10), ("both", 8), ("pending", 3), ("set", 51)];

fn at_every_step(make_world: fn() -> World, operate: fn(&Counters, usize)) {
    for (fault, world, steps) in worlds(make_world) {
        let reached = steps.take_while(|step| stops_at(*step, fault, &world, operate)).last();
        assert!(reached >= Some(14), "{fault:?}: {reached:?}");
    }
}

/// A world for each fault, and the steps at which it happens there. Each happens at each step, but
/// on a server two of the six at each: one before the step, one after it.
fn worlds(
    make: fn() -> World,
) -> impl Iterator<Item = (Fault, World, impl Iterator<Item = usize>)> {
    Fault::ALL.into_iter().enumerate().map(move |(place, fault)| {
        let world = make();
        let is_server = world.database.url().contains("://");
        let apart = if is_server && load(1) == 1 { Fault::ALL.len() / 2 } else { 1 };
        (fault, world, (place % apart..).step_by(apart))
    })
}

/// Returns whether there was such a step.
fn stops_at(step: usize, fault: Fault, world: &World, operate: fn(&Counters, usize)) -> bool {
    prepare(world, step);
    let faults = Faults::at(step, fault);
    let process = world.counters_behind(&faults, impatient());
    let survived = Faults::survive(|| operate(&process, step)).is_some();
    let was_reached = faults.steps() > step;
    let place = format!("{fault:?} at step {step}");
    // The same process goes on, or another one.
    let goes_on = survived && was_reached;
    let next = if goes_on { process } else { world.impatient_counters() };
    for (key, total) in TOTALS {
        let both =
            [owner(step, "old"), owner(step, "new")].map(|owner| next.get(owner, key).unwrap());
        assert_eq!(both.iter().sum::<i64>(), total, "{key} after {place}: {both:?}");
    }
    operate(&next, step);
    world.age_rows();
    let merged = next.merge(owner(step, "old"), owner(step, "new")).unwrap();
    assert!(merged.is_complete() && merged.rows_left == 0, "{merged:?} after {place}");
    let report = next.sync(&SyncOptions::default()).unwrap();
    assert!(report.is_clean(), "{report} after {place}");
    assert_eq!(world.ledger.rows_of(&owner(step, "old")).unwrap(), [], "after {place}");
    for (key, total) in TOTALS {
        let baseline = next.baseline(owner(step, "new"), key).unwrap();
        assert_eq!(baseline, total, "{key} after {place}");
    }
    was_reached
}

fn prepare(world: &World, step: usize) {
    let counters = world.counters();
    let [old, new] = ["old", "new"].map(|name| owner(step, name));
    for (key, of_old, of_new) in [("synced", 4, 6), ("both", 1, 0)] {
        counters.increment(&old, key, of_old).unwrap();
        counters.increment(&new, key, of_new).unwrap();
    }
    counters.set(&old, "gone", 0).unwrap();
    assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
    // The row that is 0 is removed at once.
    world.age_rows();
    counters.increment(&old, "both", 7).unwrap();
    counters.increment(&old, "pending", 3).unwrap();
    world.store.replace(&counter_of(&old, "set"), Replacement::Set(50)).unwrap();
    counters.increment(&old, "set", 1).unwrap();
}

fn delete_stops_at(step: usize, fault: Fault, world: &World) -> bool {
    prepare(world, step);
    let faults = Faults::at(step, fault);
    let process = world.counters_behind(&faults, impatient());
    let old = owner(step, "old");
    let survived = Faults::survive(|| drop(process.delete_all(&old))).is_some();
    let was_reached = faults.steps() > step;
    let goes_on = survived && was_reached;
    let next = if goes_on { process } else { world.impatient_counters() };
    next.delete_all(&old).unwrap();
    assert!(next.sync(&SyncOptions::default()).unwrap().is_clean());
    assert_eq!(world.ledger.rows_of(&old).unwrap(), [], "{fault:?} at step {step}");
    for (key, _) in TOTALS {
        assert_eq!(next.get(&old, key).unwrap(), 0, "{key} after {fault:?} at step {step}");
    }
    was_reached
}

/// Each step has owners of its own, and each of them a type of its own.
fn owner(step: usize, name: &str) -> Owner {
    Owner::new(format!("{name}{step}"), 7).unwrap()
}

fn owner_type(step: usize, name: &str) -> OwnerType {
    OwnerType::new(format!("{name}{step}")).unwrap()
}
