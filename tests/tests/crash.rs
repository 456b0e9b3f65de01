//! G1 and G3: whatever happens at whichever step of a pass, of a set or of a delete, the next pass
//! makes the table right.

use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use chrono::{DateTime, Utc};
use counter_core::{ClaimOp, Config, CounterId, Cursor, ManualClock, Pattern};
use counter_diesel::{Counters, HasCounters, Owner, SyncOptions};
use counter_tests::faults::{Fault, Faults};
use counter_tests::fixtures::{bucket_of, counter_of, post};
use counter_tests::suite::{self, MakingCase};
use counter_tests::world::{SHARING_PAIRS, World, cluster_x_postgres, impatient};

fn main() -> ExitCode {
    let mut trials = suite::making_trials(SHARING_PAIRS, CASES);
    let specific = suite::specific(CASES, &[]);
    let cluster = [("cluster_x_postgres", cluster_x_postgres as fn() -> World)];
    trials.extend(suite::making_trials(&cluster, &specific));
    if specific.is_empty() {
        trials.extend(suite::making_trials(&cluster, CLUSTER_CASES));
    }
    suite::run_trials(trials)
}

const CASES: &[MakingCase<World>] = &[
    ("a pass may stop at any step", |make| {
        at_every_step(make, &ADD, sync_all);
    }),
    ("a pass that claims ahead of the database may stop at any step", |make| {
        let batches = SyncOptions::default().batch_size(NonZeroUsize::new(2).unwrap());
        at_every_step(make, &ADD, move |process, _| drop(process.sync(&batches)));
    }),
    ("a set may stop at any step", |make| {
        at_every_step(make, &SET, set_to_1000);
    }),
    ("a set of many may stop at any step", |make| {
        at_every_step(make, &SET, |process, owner| {
            let sets = ["other", "present", "another"].map(|key| (owner, key, 1000));
            drop(process.set_many(sets));
        });
    }),
    ("a reading of a gauge may stop at any step", |make| {
        at_every_step(make, &RECORD, |process, owner| {
            let noon = "2026-11-28T12:00:00Z".parse::<DateTime<Utc>>().unwrap();
            let clock = ManualClock::at_micros(noon.timestamp_micros());
            let owner = Post::counter_owner(owner.id().clone()).unwrap();
            drop(process.clone().with_clock(clock).record(&owner, PostGauge::Present, 1000));
        });
    }),
    ("a delete may stop at any step", |make| {
        at_every_step(make, &DELETE, delete);
    }),
    ("a process that lives finishes its own claims with its next pass", own_claims),
    ("an operation after a lost answer is not undone by what is finished later", |make| {
        for fault in [Fault::Before, Fault::After, Fault::Kill, Fault::KillAfter] {
            increments_after_a_fault_count(make, fault);
        }
    }),
];

/// Each step on a cluster takes long.
const CLUSTER_CASES: &[MakingCase<World>] =
    &[("a process may die after what a pass does on a cluster alone", dies_after_specific_steps)];

/// The slots are asked what they remember at the pass's start, and again by the transaction if
/// there are claims. The store notes the row before claims are acknowledged.
fn dies_after_specific_steps(make_world: fn() -> World) {
    let world = make_world();
    for (owner, (name, nth)) in (1..).zip([("recall_parts", 1), ("recall_parts", 2), ("ack", 1)]) {
        let owner = post(owner);
        prepare(&world, &owner);
        let met = AtomicU32::new(0);
        let faults = Faults::deciding(move |step| {
            let is_it = step == name && met.fetch_add(1, Ordering::Relaxed) + 1 == nth;
            is_it.then_some(Fault::KillAfter)
        });
        let process = process(&world, &faults);
        assert!(Faults::survive(|| process.sync(&all())).is_none(), "no {name} in a pass");
        let next = world.impatient_counters();
        check_reads(&next, &owner, &ADD, name);
        recover(&world, &next, name);
        check_table(&world, &owner, &ADD, name);
    }
}

fn sync_all(process: &Counters, _: &Owner) {
    drop(process.sync(&all()));
}

/// The owners, of which `present` is a gauge.
#[derive(HasCounters)]
#[counters(gauges(present(every(day))))]
struct Post {
    id: i64,
}

/// What an operation does to the counter `present`, whose value is 105 before it.
struct Effect {
    /// Its value if the operation took effect.
    done: i64,
    /// Whether it may also not have taken effect.
    may_fail: bool,
    /// Whether its bucket has the same value.
    sets_bucket: bool,
}

const ADD: Effect = Effect { done: 105, may_fail: false, sets_bucket: false };
const SET: Effect = Effect { done: 1000, may_fail: true, sets_bucket: false };
const DELETE: Effect = Effect { done: 0, may_fail: true, sets_bucket: false };
const RECORD: Effect = Effect { done: 1000, may_fail: true, sets_bucket: true };

/// One world serves all steps of a fault. Each step has its own owner.
fn at_every_step(make_world: fn() -> World, effect: &Effect, operate: impl Fn(&Counters, &Owner)) {
    for fault in Fault::ALL {
        let world = make_world();
        let steps = (0..).take_while(|step| stops_at(*step, fault, &world, effect, &operate));
        assert!(steps.count() >= 5, "{fault:?}");
    }
}

/// Whether there was such a step.
fn stops_at(
    step: usize,
    fault: Fault,
    world: &World,
    effect: &Effect,
    operate: impl Fn(&Counters, &Owner),
) -> bool {
    let owner = owner_of(step);
    prepare(world, &owner);
    let faults = Faults::at(step, fault);
    let process = process(world, &faults);
    let survived = Faults::survive(|| operate(&process, &owner)).is_some();
    let was_reached = faults.steps() > step;
    let place = format!("{fault:?} at step {step}");
    // Either the same process goes on or another one takes over.
    let goes_on = survived && was_reached && step.is_multiple_of(2);
    let next = if goes_on { process } else { world.impatient_counters() };
    check_reads(&next, &owner, effect, &place);
    recover(world, &next, &place);
    check_table(world, &owner, effect, &place);
    was_reached
}

fn owner_of(step: usize) -> Owner {
    post(i64::try_from(step).unwrap() + 1)
}

fn set_to_1000(process: &Counters, owner: &Owner) {
    drop(process.set(owner, "present", 1000));
}

fn delete(process: &Counters, owner: &Owner) {
    drop(process.delete(owner, "present"));
}

fn process(world: &World, faults: &Arc<Faults>) -> Counters {
    world.counters_behind(faults, impatient())
}

/// A bit of everything: a counter with a row, one without, one whose pass died before it applied
/// its claim, one whose pass died after, one that is zero, and a set that no sync has applied.
fn prepare(world: &World, owner: &Owner) {
    let counters = world.counters();
    let increment = |key: &str, by| counters.increment(owner, key, by).unwrap();
    let bucket = bucket_of_present(owner);
    increment("present", 100);
    world.store.increment(&bucket, 100).unwrap();
    increment("unacknowledged", 30);
    drop(counters.sync(&all()).unwrap());
    increment("unacknowledged", 3);
    dies_before(world, "ack");
    increment("unapplied", 20);
    dies_before(world, "begin");
    let set =
        world.store.replace(&counter_of(owner, "set"), counter_core::Replacement::Set(50)).unwrap();
    assert_eq!(set.op, ClaimOp::Set(50));
    increment("present", 5);
    world.store.increment(&bucket, 5).unwrap();
    increment("absent", 7);
    increment("unapplied", 2);
    increment("unacknowledged", 4);
    increment("set", 1);
    increment("zero", 1);
    increment("zero", -1);
}

/// A process dies in its pass before the first step of this name.
fn dies_before(world: &World, step: &'static str) {
    let faults = Faults::deciding(move |name| (name == step).then_some(Fault::Kill));
    let process = world.counters_behind(&faults, Config::default());
    assert!(Faults::survive(|| process.sync(&all())).is_none(), "no {step} in a pass");
}

const TRUTH: [(&str, i64); 5] =
    [("absent", 7), ("unapplied", 22), ("unacknowledged", 37), ("set", 51), ("zero", 0)];

fn check_reads(counters: &Counters, owner: &Owner, effect: &Effect, place: &str) {
    for (key, expected) in TRUTH {
        assert_eq!(counters.get(owner, key).unwrap(), expected, "{key} read after {place}");
    }
    check_present(counters.get(owner, "present").unwrap(), effect, place);
}

fn check_present(value: i64, effect: &Effect, place: &str) {
    let is_right = value == effect.done || (effect.may_fail && value == 105);
    assert!(is_right, "present is {value} after {place}");
}

fn recover(world: &World, counters: &Counters, place: &str) {
    let report = counters.sync(&all()).unwrap();
    assert!(report.is_clean(), "{report:?} after {place}");
    check_nothing_is_held(world, place);
}

/// In a cluster, thousands of names belong to the store itself.
const PAGE: NonZeroUsize = NonZeroUsize::new(1000).unwrap();

fn check_nothing_is_held(world: &World, place: &str) {
    let mut next = Some(Cursor::default());
    while let Some(from) = next {
        let page = world.store.scan(&Pattern::all(), from, PAGE).unwrap();
        assert_eq!(page.ids, [], "left in the store after {place}");
        next = page.next;
    }
}

fn check_table(world: &World, owner: &Owner, effect: &Effect, place: &str) {
    let counters = world.counters();
    for (key, expected) in TRUTH {
        assert_eq!(counters.baseline(owner, key).unwrap(), expected, "{key} after {place}");
    }
    check_present(counters.baseline(owner, "present").unwrap(), effect, place);
    let present = counters.baseline(owner, "present").unwrap();
    let expected = if effect.sets_bucket { present } else { 105 };
    let bucket = world.ledger.baselines(&[bucket_of_present(owner)]).unwrap();
    assert_eq!(bucket[0].count, expected, "the bucket of present after {place}");
}

/// A set and a delete of a total leave its buckets as they are. A reading sets both.
fn bucket_of_present(owner: &Owner) -> CounterId {
    bucket_of(&counter_of(owner, "present"), "day:2026-11-28")
}

type Operation = (&'static str, fn(&Counters, &Owner), Effect);

/// Operations during which an answer may be lost, and the value of `present` afterwards. Before, it
/// is 105, of which 5 are pending.
const OPERATIONS: [Operation; 4] = [
    ("a pass", |process, _| drop(process.sync(&all())), ADD),
    ("a set", set_to_1000, SET),
    ("a reset", |process, owner| drop(process.reset(owner, "present")), DELETE),
    ("a delete", delete, DELETE),
];

/// Whatever answer was lost, no pass waits until the claims of a living process look abandoned.
fn own_claims(make_world: fn() -> World) {
    for (operation, operate, effect) in OPERATIONS {
        let world = make_world();
        let names = names_of_steps(&world, operate);
        let mut owners = (2..).map(post);
        assert!(names.iter().any(|name| name == "commit"), "{names:?}");
        for fault in [Fault::Before, Fault::After, Fault::Refused, Fault::RefusedAfter] {
            for (step, name) in names.iter().enumerate() {
                let owner = owners.next().unwrap();
                count_two(&world, &owner);
                let process = world.counters_behind(&Faults::at(step, fault), Config::default());
                let place = format!("{fault:?} at {name}, step {step} of {operation}");
                operate(&process, &owner);
                finishes(&world, &process, &owner, &effect, &place);
            }
        }
    }
}

/// One pass leaves nothing to other syncs and nothing in the store.
fn finishes(world: &World, process: &Counters, owner: &Owner, effect: &Effect, place: &str) {
    let report = process.sync(&all()).unwrap();
    assert!(report.is_clean() && report.busy == 0, "{report} after {place}");
    assert_eq!(process.baseline(owner, "absent").unwrap(), 7, "absent after {place}");
    let present = process.baseline(owner, "present").unwrap();
    check_present(present, effect, place);
    assert_eq!(process.get(owner, "present").unwrap(), present, "present after {place}");
    check_nothing_is_held(world, place);
}

fn count_two(world: &World, owner: &Owner) {
    let counters = world.counters();
    counters.increment(owner, "present", 100).unwrap();
    assert!(counters.sync(&all()).unwrap().is_clean());
    counters.increment(owner, "present", 5).unwrap();
    counters.increment(owner, "absent", 7).unwrap();
}

/// The names of the steps that an operation takes.
fn names_of_steps(world: &World, operate: fn(&Counters, &Owner)) -> Vec<String> {
    count_two(world, &post(1));
    let names = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&names);
    let faults = Faults::calling(move |step| seen.lock().unwrap().push(step.to_owned()));
    operate(&world.counters_behind(&faults, Config::default()), &post(1));
    recover(world, &world.counters(), "counting the steps");
    let names = names.lock().unwrap();
    names.clone()
}

/// A process loses the answer to a set, counts on, and only then the claims are finished.
fn increments_after_a_fault_count(make_world: fn() -> World, fault: Fault) {
    let world = make_world();
    for step in 0.. {
        let owner = owner_of(step);
        prepare(&world, &owner);
        let faults = Faults::at(step, fault);
        let process = process(&world, &faults);
        let survived = Faults::survive(|| set_to_1000(&process, &owner)).is_some();
        let was_reached = faults.steps() > step;
        if !was_reached {
            assert!(step >= 5, "{step} steps");
            break;
        }
        let place = format!("{fault:?} at step {step}");
        let before = world.counters().get(&owner, "present").unwrap();
        world.counters().increment(&owner, "present", 1).unwrap();
        recover(&world, &world.impatient_counters(), &place);
        if survived {
            // And the process that lost the answer finishes what it remembers.
            recover(&world, &process, &place);
        }
        assert_eq!(world.counters().baseline(&owner, "present").unwrap(), before + 1, "{place}");
    }
}

fn all() -> SyncOptions {
    SyncOptions::default()
}
