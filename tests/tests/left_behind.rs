//! What a process has claimed and could not settle, it finishes itself with its next pass, without
//! waiting until the claims look abandoned.

use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use counter_core::Config;
use counter_diesel::sync::OnConflict;
use counter_diesel::{Counters, Error, SyncOptions, SyncReport};
use counter_tests::faults::{Fault, Faults};
use counter_tests::fixtures::{counter_of, post};
use counter_tests::suite::{self, Case};
use counter_tests::world::{PAIRS, World, impatient};

fn main() -> ExitCode {
    suite::run(PAIRS, CASES)
}

const CASES: &[Case<World>] = &[
    ("new claims are remembered when older ones fail", |world| {
        // A pass died with this claim. To others it looks abandoned, but the new one does not.
        world.counters().increment(post(1), "old", 1).unwrap();
        world.store.claim(&[counter_of(&post(1), "old")], Duration::MAX).unwrap();
        let switch = Switch::new("begin", Fault::Before);
        let process = world.counters_behind(&switch.faults(), impatient());
        process.increment(post(1), "new", 7).unwrap();
        stopped(&process);
        switch.off();
        let _ = sync_cleanly(&process);
        assert_eq!(baselines(world, ["old", "new"]), [1, 7]);
    }),
    ("every batch of them is remembered when the first fails", |world| {
        let switch = Switch::new("begin", Fault::Before);
        let mut config = Config::default();
        config.sync_batch_size = NonZeroUsize::MIN.into();
        let process = world.counters_behind(&switch.faults(), config);
        for (key, value) in [("a", 1), ("b", 2), ("c", 3)] {
            process.set(post(1), key, value).unwrap();
        }
        stopped(&process);
        switch.off();
        let report = sync_cleanly(&process);
        assert_eq!((report.applied, report.busy), (3, 0), "{report}");
        assert_eq!(baselines(world, ["a", "b", "c"]), [1, 2, 3]);
    }),
    ("a panic in a pass leaves nothing to wait for", |world| {
        let panicking = AtomicBool::new(true);
        let faults = Faults::calling(move |step| {
            assert!(step != "upsert" || !panicking.swap(false, SeqCst), "a planned panic");
        });
        let process = world.counters_behind(&faults, Config::default());
        process.increment(post(1), "views", 5).unwrap();
        let worker = process.spawn_sync(Duration::from_secs(3600)).unwrap();
        worker.sync_now();
        assert!(worker.wait_until(Duration::from_secs(20), |status| status.passes == 1));
        assert_eq!(worker.stop().unwrap().applied, 1);
        assert_eq!(baselines(world, ["views"]), [5]);
    }),
    ("a refused row is reported by every pass", |world| {
        let process = world.counters();
        process.set(post(1), "full", i64::MAX).unwrap();
        process.increment(post(1), "full", 1).unwrap();
        for _ in 0..3 {
            let report = process.sync(&SyncOptions::default()).unwrap();
            assert_eq!((report.failed.count(), report.busy), (1, 0), "{report}");
        }
        process.decrement(post(1), "full", 1).unwrap();
        process.set(post(1), "full", 3).unwrap();
        let _ = sync_cleanly(&process);
    }),
    ("commits that are all refused cost a batch a few tries and end no pass", |world| {
        let commits = Arc::new(AtomicUsize::new(0));
        let switch = Switch::counting("commit", Fault::Refused, &commits);
        let process = world.counters_behind(&switch.faults(), Config::default());
        process.increment_many((0..500).map(|n| (post(n), "views", 1))).unwrap();
        let report = process.sync(&SyncOptions::default()).unwrap();
        assert!(report.stopped.is_none(), "{report}");
        // At four places, eight of each, and perhaps the neighbour of the last.
        let (failed, postponed) = (report.failed.count(), report.postponed.count());
        assert!([32, 33].contains(&failed) && failed + postponed == 500, "{report}");
        assert!(commits.load(SeqCst) <= 260, "{commits:?} commits");
        switch.off();
        let _ = sync_cleanly(&process);
        assert_eq!(process.baseline(post(7), "views").unwrap(), 1);
    }),
    ("what the database refuses a few times is applied by the same pass, undivided", |world| {
        for (round, step) in (1..).zip(["begin", "upsert", "commit"]) {
            let upserts = Arc::new(AtomicUsize::new(0));
            let process = refused_twice_at(world, step, &upserts);
            process.increment_many((0..16).map(|n| (post(n), "views", 1))).unwrap();
            let report = sync_cleanly(&process);
            assert_eq!((report.applied, report.recovered), (16, 0), "{step}: {report}");
            assert_eq!(process.baseline(post(7), "views").unwrap(), round, "{step}");
            assert!(upserts.load(SeqCst) <= 3, "{step}: {upserts:?} upserts");
        }
    }),
    ("a claim is reported as applied once however late its acknowledgement", |world| {
        let switch = Switch::new("ack", Fault::Before);
        let process = world.counters_behind(&switch.faults(), Config::default());
        process.increment(post(1), "views", 5).unwrap();
        let first = process.sync(&SyncOptions::default()).unwrap();
        assert!(first.applied == 1 && first.stopped.is_some(), "{first}");
        switch.off();
        let second = sync_cleanly(&process);
        assert_eq!((second.applied, second.busy), (0, 0), "{second}");
        assert_eq!(baselines(world, ["views"]), [5]);
    }),
    ("a loss is reported even if the pass then fails", |world| {
        let (away, deaf) =
            (Switch::new("begin", Fault::Before), Switch::new("claim", Fault::Before));
        deaf.off();
        let process = world.counters_behind(&both(&away, &deaf), Config::default());
        process.increment(post(1), "views", 5).unwrap();
        stopped(&process);
        let held =
            world.store.look(&[counter_of(&post(1), "views")]).unwrap().held.remove(0).unwrap();
        world.store.ack(&[held.claim.unwrap()]).unwrap(); // as an eviction would
        away.off();
        deaf.on();
        let report = process.sync(&SyncOptions::default()).unwrap();
        assert_eq!((report.lost.count(), report.stopped.is_some()), (1, true), "{report}");
    }),
    ("more refused rows than a report lists are each reported once", |world| {
        let process = world.impatient_counters();
        for n in 0..110 {
            process.set(post(n), "full", i64::MAX).unwrap();
        }
        // One accepted counter beside each refused one. Otherwise the rest would be left alone
        // after a few.
        let increments = (0..110).flat_map(|n| [(post(n), "full", 1), (post(n), "views", 1)]);
        process.increment_many(increments).unwrap();
        let report = process.sync(&SyncOptions::default()).unwrap();
        assert_eq!((report.failed.count(), report.failed.iter().count()), (110, 100), "{report}");
    }),
    ("a set does not wait for a database that refuses it", |world| {
        let begins = Arc::new(AtomicUsize::new(0));
        let switch = Switch::counting("upsert", Fault::Refused, &begins);
        let process = world.counters_behind(&switch.faults(), Config::default());
        process.set(post(1), "views", 9).unwrap();
        assert_eq!(begins.load(SeqCst), 1, "one attempt");
        assert_eq!(process.get(post(1), "views").unwrap(), 9);
        switch.off();
        let _ = sync_cleanly(&process);
        assert_eq!(baselines(world, ["views"]), [9]);
    }),
    ("a delete without an answer is finished though its process had an older claim", |world| {
        without_an_answer(world, |process| process.delete(post(1), "views"), 0);
    }),
    ("a set without an answer is finished though its process had an older claim", |world| {
        without_an_answer(world, |process| process.set(post(1), "views", 70), 70);
    }),
    ("a delete without an answer is finished by the next pass that its counter matches", |world| {
        let deaf = Switch::new("replace", Fault::After);
        let process = world.counters_behind(&deaf.faults(), Config::default());
        world.counters().increment(post(1), "views", 5).unwrap();
        assert!(world.counters().sync(&SyncOptions::default()).unwrap().is_clean());
        let _ = process.delete(post(1), "views").unwrap_err();
        let of = |pattern: &str| SyncOptions::default().pattern(pattern.parse().unwrap());
        for _ in 0..3 {
            assert_eq!(process.sync(&of("user:*")).unwrap().scanned, 0);
        }
        assert_eq!(baselines(world, ["views"]), [5]);
        let report = process.sync(&of("post:1:*")).unwrap();
        assert!(report.is_clean() && (report.busy, report.recovered) == (0, 1), "{report}");
        assert_eq!(baselines(world, ["views"]), [0]);
    }),
    ("a claim that gets a new sequence without an answer is finished by the next pass", |world| {
        let (away, deaf) =
            (Switch::new("begin", Fault::Before), Switch::new("renumber", Fault::After));
        let process = world.counters_behind(&both(&away, &deaf), Config::default());
        world.counters().increment(post(1), "views", 10).unwrap();
        assert!(world.counters().sync(&SyncOptions::default()).unwrap().is_clean());
        process.increment(post(1), "views", 5).unwrap();
        stopped(&process);
        let claim = process.pending(post(1), "views").unwrap().claim.unwrap();
        let newer = claim.seq.get() + 10_000_000;
        world.database.execute(&format!("UPDATE model_counters SET claim_seq = {newer}")).unwrap();
        away.off();
        let options = SyncOptions::default().on_conflict(OnConflict::Apply);
        let report = process.sync(&options);
        assert!(report.is_err() || report.unwrap().stopped.is_some());
        assert_ne!(process.pending(post(1), "views").unwrap().claim, Some(claim));
        deaf.off();
        let _ = sync_cleanly(&process);
        assert_eq!(baselines(world, ["views"]), [15]);
    }),
];

/// A process replaces a counter, hears no answer, and has in hand a claim that the database did not
/// take. Its next pass leaves nothing to do.
fn without_an_answer(
    world: &World,
    replace: impl Fn(&Counters) -> Result<(), Error>,
    expected: i64,
) {
    let (away, deaf) = (Switch::new("begin", Fault::Before), Switch::new("replace", Fault::After));
    let process = world.counters_behind(&both(&away, &deaf), Config::default());
    process.increment(post(1), "views", 5).unwrap();
    stopped(&process);
    let error = replace(&process).unwrap_err();
    assert!(matches!(error, Error::Core(_)), "{error}");
    // However many passes fail before the older claim is settled.
    for _ in 0..3 {
        stopped(&process);
    }
    away.off();
    let _ = sync_cleanly(&process);
    assert_eq!(process.get(post(1), "views").unwrap(), expected);
    assert_eq!(baselines(world, ["views"]), [expected]);
}

/// A fault at all steps of one name, until it is turned off.
#[derive(Clone)]
struct Switch {
    step: &'static str,
    fault: Fault,
    is_on: Arc<AtomicBool>,
    count: Arc<AtomicUsize>,
}

impl Switch {
    fn new(step: &'static str, fault: Fault) -> Self {
        Self::counting(step, fault, &Arc::default())
    }

    fn counting(step: &'static str, fault: Fault, count: &Arc<AtomicUsize>) -> Self {
        Self { step, fault, is_on: Arc::new(AtomicBool::new(true)), count: Arc::clone(count) }
    }

    fn at(&self, step: &str) -> Option<Fault> {
        // A database that is away answers no question either.
        let is_away = self.step == "begin" && step == "ask_writes";
        let is_here = (step == self.step || is_away) && self.is_on.load(SeqCst);
        is_here.then(|| {
            self.count.fetch_add(1, SeqCst);
            self.fault
        })
    }

    fn faults(&self) -> Arc<Faults> {
        let switch = self.clone();
        Faults::deciding(move |step| switch.at(step))
    }

    fn off(&self) {
        self.is_on.store(false, SeqCst);
    }

    fn on(&self) {
        self.is_on.store(true, SeqCst);
    }
}

/// The faults of two switches.
fn both(one: &Switch, other: &Switch) -> Arc<Faults> {
    let (one, other) = (one.clone(), other.clone());
    Faults::deciding(move |step| one.at(step).or_else(|| other.at(step)))
}

/// A process that meets a deadlock or the like at its first two steps of this name, and counts
/// upserts.
fn refused_twice_at(world: &World, step: &'static str, upserts: &Arc<AtomicUsize>) -> Counters {
    let (refusals, upserts) = (AtomicUsize::new(2), Arc::clone(upserts));
    let faults = Faults::deciding(move |name| {
        upserts.fetch_add(usize::from(name == "upsert"), SeqCst);
        let is_left = |left: usize| left.checked_sub(1);
        let is_refused = name == step && refusals.fetch_update(SeqCst, SeqCst, is_left).is_ok();
        is_refused.then_some(Fault::Refused)
    });
    world.counters_behind(&faults, Config::default())
}

/// A sync that cannot begin is an error, and one that cannot go on says so in its report.
fn stopped(process: &Counters) {
    let report = process.sync(&SyncOptions::default());
    let error = report.map_or_else(Some, |report| report.stopped);
    assert!(matches!(error, Some(Error::Unreachable { .. })), "{error:?}");
}

fn sync_cleanly(process: &Counters) -> SyncReport {
    let report = process.sync(&SyncOptions::default()).unwrap();
    assert!(report.is_clean() && report.busy == 0, "{report:?}");
    report
}

fn baselines<const N: usize>(world: &World, keys: [&str; N]) -> [i64; N] {
    keys.map(|key| world.counters().baseline(post(1), key).unwrap())
}
