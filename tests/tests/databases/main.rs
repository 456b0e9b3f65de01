//! G4 and G6 where the database is not the one that the store was synced into: it was restored from
//! an older backup, or copied, or another one is behind the same prefix. And that no crash looks
//! like that.

mod copies;
mod decisions;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::{Duration, Instant};

use counter_core::{Kinship, NotedRow};
use counter_diesel::check::FindingCode;
use counter_diesel::error::DatabaseMismatch;
use counter_diesel::ledger::{Ledger, LockWait, StoreRecord};
use counter_diesel::{Counters, Error, SyncOptions, SyncReport};
use counter_tests::faults::{Fault, Faults};
use counter_tests::fixtures::post;
use counter_tests::process::wait_for;
use counter_tests::suite::{self, Case};
use counter_tests::world::{PAIRS_AND_POOLER, World, impatient};
use libtest_mimic::Trial;

fn main() -> ExitCode {
    let shared = &PAIRS_AND_POOLER[1..];
    let mut trials = suite::trials(shared, &[CASES, decisions::CASES].concat());
    for (name, copies) in copies::CASES {
        trials.push(Trial::test(format!("postgres::{}", name.replace(' ', "_")), || {
            copies();
            Ok(())
        }));
    }
    suite::run_trials(trials)
}

const CASES: &[Case<World>] = &[
    ("of a database and its copy one goes on, and every count is in it", |world| {
        let original = world.impatient_counters();
        synced(&original, 5);
        let copy = world.counters_over(copy_of(world));
        synced(&copy, 7);
        assert_refused(&original, |mismatch| matches!(mismatch, DatabaseMismatch::WentBack { .. }));
        original.increment(post(1), "views", 11).unwrap();
        assert_refused(&original, |_| true);
        synced(&copy, 13);
        assert_eq!((baseline(&original), baseline(&copy)), (5, 36));
    }),
    ("a copy that is passed by the original is refused", |world| {
        let original = world.impatient_counters();
        synced(&original, 5);
        let copy = world.counters_over(copy_of(world));
        for by in [1, 2, 3] {
            synced(&original, by);
            copy.increment(post(1), "views", 10).unwrap();
            assert_refused(&copy, |mismatch| matches!(mismatch, DatabaseMismatch::WentBack { .. }));
        }
        synced(&original, 0);
        assert_eq!((baseline(&original), baseline(&copy)), (41, 5));
    }),
    ("a copy that recorded something by itself is found by its words", |world| {
        let original = world.impatient_counters();
        synced(&original, 5);
        let copied = copy_of(world);
        original.increment(post(1), "views", 1).unwrap();
        // The store notes none of its commits, so the original keeps a mark for each.
        for _ in 0..3 {
            let dies = Faults::deciding(|step| (step == "ack").then_some(Fault::Kill));
            let dying = world.counters_behind(&dies, impatient());
            assert!(Faults::survive(|| dying.sync(&SyncOptions::default())).is_none());
        }
        let copy = world.counters_over(copied);
        synced(&copy, 0);
        assert_refused(&original, |mismatch| *mismatch == DatabaseMismatch::Copied);
        assert_eq!((baseline(&original), baseline(&copy)), (6, 6));
    }),
    (
        "a database that was restored is refused with the range that is gone, until it is adopted",
        |world| {
            let counters = world.impatient_counters();
            synced(&counters, 5);
            let backup = Backup::of(world);
            synced(&counters, 7);
            let newest = newest_recorded(world);
            backup.restore(world);
            counters.increment(post(1), "views", 11).unwrap();
            let older = newest_recorded(world);
            let expected = DatabaseMismatch::WentBack { recorded: older, noted: newest };
            assert_refused(&counters, |mismatch| *mismatch == expected);
            assert_eq!(counters.database_adoption().unwrap().mismatch, Some(expected.clone()));
            assert!(counters.adopt_database().unwrap().is_adopted);
            assert_eq!(counters.database_adoption().unwrap().mismatch, None);
            synced(&counters, 13);
            assert_eq!(baseline(&counters), 5 + 11 + 13);
            assert!(!finds_other_database(&counters));
        },
    ),
    ("another database behind the prefix is refused until it is adopted", |world| {
        let counters = world.impatient_counters();
        synced(&counters, 5);
        let other = world.database.ledger("others");
        other.run_pending_migrations().unwrap();
        let other = world.counters_over(other);
        other.increment(post(1), "views", 7).unwrap();
        assert_refused(&other, |mismatch| *mismatch == DatabaseMismatch::Other);
        other.adopt_database().unwrap();
        assert_eq!(synced_cleanly(&other), 1, "and the prefix is not shared");
        assert_refused(&counters, |mismatch| *mismatch == DatabaseMismatch::Other);
        assert_eq!((baseline(&counters), baseline(&other)), (5, 7));
    }),
    (
        "a set is refused before it is made, by a process that has not synced and by one that has",
        |world| {
            let known = world.impatient_counters();
            synced(&known, 5);
            let backup = Backup::of(world);
            known.set(post(1), "views", 50).unwrap();
            synced(&known, 1);
            let unaware = world.impatient_counters();
            unaware.set(post(1), "views", 55).unwrap();
            let since = Instant::now();
            backup.restore(world);
            let fresh = world.impatient_counters();
            let refused = |set: Result<(), Error>| {
                let error = set.unwrap_err();
                assert!(error.is_other_database() && error.is_not_counted(), "{error:?}");
            };
            refused(fresh.set(post(1), "views", 60));
            refused(fresh.delete(post(1), "views"));
            assert_eq!(fresh.pending(post(1), "views").unwrap(), counter_core::Holding::default());
            wait_for("the time in which sets do not ask again", || {
                (since.elapsed() > Duration::from_secs(1)).then_some(())
            });
            refused(unaware.set(post(1), "views", 65));
            assert_refused(&known, |_| true);
            refused(known.set(post(1), "views", 70));
            let is_away = Arc::new(AtomicBool::new(false));
            let away = Arc::clone(&is_away);
            let faults = Faults::deciding(move |step| {
                (away.load(SeqCst) && step == "state").then_some(Fault::Before)
            });
            let cut_off = world.counters_behind(&faults, impatient());
            refused(cut_off.set(post(1), "views", 71));
            is_away.store(true, SeqCst);
            refused(cut_off.set(post(1), "views", 72));
            assert_eq!(fresh.pending(post(1), "views").unwrap(), counter_core::Holding::default());
            known.adopt_database().unwrap();
            fresh.set(post(1), "views", 80).unwrap();
            assert_eq!(baseline(&fresh), 80);
        },
    ),
    (
        "a process that dies seventy times before the store notes anything is refused nothing",
        |world| {
            let counters = world.impatient_counters();
            synced(&counters, 5);
            for _ in 0..70 {
                let dies = Faults::deciding(|step| (step == "ack").then_some(Fault::Kill));
                let dying = world.counters_behind(&dies, impatient());
                dying.increment(post(1), "views", 1).unwrap();
                // From the second on, an earlier claim is taken over, and changes no row.
                assert!(Faults::survive(|| dying.sync(&SyncOptions::default())).is_none());
            }
            let most = world.ledger.state(&world.prefix).unwrap().stores;
            assert!(most.iter().all(|row| row.marks.iter().count() <= 64), "{most:?}");
            assert_noted_is_kept(world, &most);
            while synced_cleanly(&counters) > 0 {}
            assert_eq!(baseline(&counters), 75);
        },
    ),
    ("what the store has noted is noted again if it lost only that, and it is reported", |world| {
        let counters = world.impatient_counters();
        [3, 2, 1].iter().for_each(|by| synced(&counters, *by));
        let Some(generation) = world.store.generation() else { return };
        let present = generation.present_generation().unwrap().unwrap();
        assert!(generation.adopt(&present.store_id, &present.database, &[]).unwrap());
        let report = sync(&counters).unwrap();
        assert!(report.marks_lost && report.stopped.is_none(), "{report}");
        synced(&counters, 2);
        assert_eq!(baseline(&counters), 8);
    }),
    ("rows of the record that no transaction takes any more are noted again, too", |world| {
        let counters = world.impatient_counters();
        [3, 2, 1].iter().for_each(|by| synced(&counters, *by));
        let Some(generation) = world.store.generation() else { return };
        let present = generation.present_generation().unwrap().unwrap();
        // Many transactions at a time took one each, as busy processes do.
        let rows = if world.database.url().contains("://") { 2..=9 } else { 1..=1 };
        for writer in rows {
            let mut row = NotedRow { writer, ..NotedRow::default() };
            for word in 1..=3 {
                row.marks = row.marks.after(row.marks.newest(), word);
            }
            let mut transaction = world.ledger.begin(LockWait::Usual).unwrap();
            transaction.record(&world.prefix, &present.store_id, &row).unwrap();
            transaction.commit().unwrap();
        }
        assert!(generation.adopt(&present.store_id, &present.database, &[]).unwrap());
        assert!(sync(&counters).unwrap().marks_lost);
        synced(&counters, 2);
        assert_eq!(baseline(&counters), 8);
    }),
    ("a database that is restored in the middle of a pass takes nothing", |world| {
        let counters = world.impatient_counters();
        synced(&counters, 5);
        let backup = Backup::of(world);
        synced(&counters, 7);
        let process = world.impatient_counters();
        process.increment(post(1), "views", 1).unwrap();
        let mut restored = false;
        let report = process.sync_observed(&SyncOptions::default(), &mut |_| {
            if !std::mem::replace(&mut restored, true) {
                backup.restore(world);
            }
            std::ops::ControlFlow::Continue(())
        });
        let stopped = match report {
            Ok(report) => report.stopped.expect("the database went back"),
            Err(error) => error,
        };
        assert!(stopped.is_other_database(), "{stopped:?}");
        assert_eq!(baseline(&counters), 5);
        counters.adopt_database().unwrap();
        synced(&counters, 0);
        assert_eq!(baseline(&counters), 6);
    }),
];

fn sync(counters: &Counters) -> Result<SyncReport, Error> {
    counters.sync(&SyncOptions::default())
}

/// Counts something and syncs it.
fn synced(counters: &Counters, by: i64) {
    counters.increment(post(1), "views", by).unwrap();
    synced_cleanly(counters);
}

fn synced_cleanly(counters: &Counters) -> u64 {
    let report = sync(counters).unwrap();
    assert!(report.is_clean(), "{report:?}");
    report.applied
}

fn baseline(counters: &Counters) -> i64 {
    counters.baseline(post(1), "views").unwrap()
}

fn assert_refused(counters: &Counters, is_expected: impl Fn(&DatabaseMismatch) -> bool) {
    let before = baseline(counters);
    let dry_run = stopped(counters.sync(&SyncOptions::default().dry_run(true)));
    assert!(dry_run.is_other_database(), "{dry_run:?}");
    match stopped(sync(counters)) {
        Error::OtherDatabase(mismatch) => assert!(is_expected(&mismatch), "{mismatch:?}"),
        error => panic!("{error:?}"),
    }
    assert_eq!(baseline(counters), before);
    assert!(finds_other_database(counters), "{}", counters.check());
}

/// Why nothing was claimed. A report may say something else beside it.
fn stopped(result: Result<SyncReport, Error>) -> Error {
    result.map_or_else(
        |error| error,
        |report| {
            assert_eq!((report.scanned, report.applied), (0, 0), "{report}");
            report.stopped.expect("it was not stopped")
        },
    )
}

fn finds_other_database(counters: &Counters) -> bool {
    let found = counters.check().findings;
    found.iter().any(|finding| finding.code == FindingCode::OtherDatabase)
}

/// Asserts that each row still has the mark that the store noted last of it.
fn assert_noted_is_kept(world: &World, rows: &[StoreRecord]) {
    let Some(store) = world.store.generation() else { return };
    for row in rows.iter().filter(|row| row.writer > 0) {
        let recall = store.recall(&row.store_id, &[], Duration::from_secs(5)).unwrap();
        let noted = recall.noted_of(row.writer).and_then(|noted| noted.marks.newest());
        assert_eq!(row.marks.kinship(noted), Kinship::Same, "{noted:?} {row:?}");
    }
}

fn newest_recorded(world: &World) -> counter_core::ClaimSeq {
    let state = world.ledger.state(&world.prefix).unwrap();
    state.stores.iter().filter(|row| row.writer > 0).map(|row| row.seq).max().unwrap()
}

/// A copy of the tables as they are now, under other names.
fn copy_of(world: &World) -> Arc<dyn Ledger> {
    let copy = world.database.ledger("copied");
    copy.run_pending_migrations().unwrap();
    fill(world, "copied", "model_counters");
    copy
}

struct Backup;

impl Backup {
    fn of(world: &World) -> Self {
        let _ = copy_of(world);
        Self
    }

    fn restore(&self, world: &World) {
        fill(world, "model_counters", "copied");
    }
}

fn fill(world: &World, into: &str, from: &str) {
    for suffix in ["_state", ""] {
        let into = format!("\"{into}{suffix}\"");
        let copy = format!("INSERT INTO {into} SELECT * FROM \"{from}{suffix}\"");
        for statement in [format!("DELETE FROM {into}"), copy] {
            world.database.execute(&statement).unwrap();
        }
    }
}
