//! Processes with stores of their own in memory, one database: each gives out sequences without
//! knowing of the others', and still nothing is lost, doubled or misread.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use counter_core::{Claimed, Config, DeltaStore, ManualClock, MemoryStore};
use counter_diesel::ledger::Ledger;
use counter_diesel::{Counters, SyncOptions};
use counter_tests::faults::{Fault, Faults, FaultyLedger, FaultyStore};
use counter_tests::fixtures::{counter_of, post};
use counter_tests::suite::{self, Case};
use counter_tests::world::{PAIRS, World};

fn main() -> ExitCode {
    suite::run(PAIRS, CASES)
}

const CASES: &[Case<World>] = &[
    ("a read during the first sync after a restart does not dip", |world| {
        let before = process(world);
        before.increment(post(1), "views", 10).unwrap();
        sync(&before);
        let store = Arc::new(MemoryStore::new());
        let claiming = Arc::clone(&store);
        // The read has looked; before it reads the row the worker claims, for the first time.
        let faults = Faults::calling_once_before("baselines", move || {
            let claimed = claiming.claim(&[counter_of(&post(1), "views")], Duration::MAX).unwrap();
            assert!(matches!(claimed[0], Claimed::Fresh(_)));
        });
        let after = process_on(store, behind(world, &faults));
        after.increment(post(1), "views", 5).unwrap();
        assert_eq!(after.get(post(1), "views").unwrap(), 15);
    }),
    ("a read does not dip because another process has synced", |world| {
        let (ours, theirs) = (Arc::new(MemoryStore::new()), process(world));
        let claiming = Arc::clone(&ours);
        let faults = Faults::calling_once_before("baselines", move || {
            claiming.increment(&counter_of(&post(1), "other"), 1).unwrap();
            claiming.claim(&[counter_of(&post(1), "other")], Duration::MAX).unwrap();
        });
        let process = process_on(ours, behind(world, &faults));
        process.increment(post(1), "views", 5).unwrap();
        theirs.increment(post(1), "views", 100).unwrap();
        sync(&theirs);
        assert_eq!(process.get(post(1), "views").unwrap(), 105);
    }),
    ("one that finds the row locked by another loses nothing to it", |world| {
        let theirs = process(world);
        let tries = AtomicUsize::new(0);
        let faults = Faults::deciding(move |step| {
            let is_first = step == "lock_number" && tries.fetch_add(1, SeqCst) == 0;
            is_first.then(|| {
                theirs.increment(post(1), "views", 100).unwrap();
                sync(&theirs);
                Fault::Refused
            })
        });
        let ours = process_on(Arc::new(MemoryStore::new()), behind(world, &faults));
        ours.increment(post(1), "views", 5).unwrap();
        sync(&ours);
        assert_eq!(ours.get(post(1), "views").unwrap(), 105);
    }),
    ("one whose database was away is not overtaken for good", |world| {
        let (ours, theirs) = (Arc::new(MemoryStore::new()), process(world));
        let away = AtomicUsize::new(0);
        let faults = Faults::deciding(move |step| {
            let is_of_database = ["begin", "ask_writes"].contains(&step);
            (is_of_database && away.fetch_add(1, SeqCst) < 2).then_some(Fault::Before)
        });
        let process = process_on(ours, behind(world, &faults));
        process.increment(post(1), "views", 5).unwrap();
        assert!(process.sync(&SyncOptions::default()).unwrap().stopped.is_some());
        theirs.increment(post(1), "views", 100).unwrap();
        sync(&theirs);
        sync(&process);
        assert_eq!(process.baseline(post(1), "views").unwrap(), 105);
    }),
    ("a commit of unknown outcome counts once, also when another process overtakes it", |world| {
        let theirs = process(world);
        let commits = AtomicUsize::new(0);
        let faults = Faults::deciding(move |step| match step {
            "commit" if commits.fetch_add(1, SeqCst) == 0 => Some(Fault::RefusedAfter),
            // The claim was committed, and its row is overtaken before the retry.
            "begin" if commits.load(SeqCst) == 1 => {
                commits.store(2, SeqCst);
                theirs.increment(post(1), "views", 100).unwrap();
                sync(&theirs);
                None
            }
            _ => None,
        });
        let ours = process_on(Arc::new(MemoryStore::new()), behind(world, &faults));
        ours.increment(post(1), "views", 5).unwrap();
        let report = ours.sync(&SyncOptions::default()).unwrap();
        assert!(report.is_clean() && report.applied == 1, "{report}");
        assert_eq!(ours.baseline(post(1), "views").unwrap(), 105);
    }),
    ("one that could not acknowledge what another has overtaken counts it once", |world| {
        let theirs = process(world);
        let acks = AtomicUsize::new(0);
        let faults = Faults::deciding(move |step| {
            (step == "ack" && acks.fetch_add(1, SeqCst) == 0).then_some(Fault::Before)
        });
        let store = FaultyStore::new(Arc::new(MemoryStore::new()), &faults);
        let ours = process_on(Arc::new(store), Arc::clone(&world.ledger));
        ours.increment(post(1), "views", 5).unwrap();
        assert!(ours.sync(&SyncOptions::default()).unwrap().stopped.is_some());
        theirs.increment(post(1), "views", 100).unwrap();
        sync(&theirs);
        sync(&ours);
        assert_eq!(ours.get(post(1), "views").unwrap(), 105);
    }),
    ("two that count and sync at once have exact totals", |world| {
        const EACH: i64 = 2_000;
        std::thread::scope(|scope| {
            for _ in 0..2 {
                let process = process(world);
                scope.spawn(move || {
                    let worker = process.spawn_sync(Duration::from_millis(1)).unwrap();
                    for n in 0..EACH {
                        process.increment(post(n % 3), "views", 1).unwrap();
                    }
                    let report = worker.stop().unwrap().last_report.unwrap();
                    assert!(report.is_clean(), "{report}");
                });
            }
        });
        let total = (0..3).map(|n| process(world).baseline(post(n), "views").unwrap());
        assert_eq!(total.sum::<i64>(), 2 * EACH);
    }),
    ("two whose clocks show the same time lose nothing to each other", |world| {
        let processes = [5, 100].map(|by| {
            let store = MemoryStore::with_clock(ManualClock::at_micros(1_000_000));
            let process = process_on(Arc::new(store), Arc::clone(&world.ledger));
            process.increment(post(1), "views", by).unwrap();
            process
        });
        processes.iter().for_each(sync);
        assert_eq!(process(world).baseline(post(1), "views").unwrap(), 105);
    }),
];

fn process(world: &World) -> Counters {
    process_on(Arc::new(MemoryStore::new()), Arc::clone(&world.ledger))
}

fn process_on(store: Arc<dyn DeltaStore>, ledger: Arc<dyn Ledger>) -> Counters {
    Counters::from_parts(Config::default(), store, ledger)
}

fn behind(world: &World, faults: &Arc<Faults>) -> Arc<dyn Ledger> {
    Arc::new(FaultyLedger { inner: Arc::clone(&world.ledger), faults: Arc::clone(faults) })
}

fn sync(process: &Counters) {
    let report = process.sync(&SyncOptions::default()).unwrap();
    assert!(report.is_clean(), "{report:?}");
}
