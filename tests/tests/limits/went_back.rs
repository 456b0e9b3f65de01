//! Redis comes back with less than it had.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread;

use counter_core::{Error as CoreError, Holding};
use counter_diesel::check::FindingCode;
use counter_diesel::sync::{Conflicts, OnConflict, SyncEvent};
use counter_diesel::{Counters, Error, SyncOptions};
use counter_tests::effort::load;
use counter_tests::faults::{Fault, Faults, FaultyStore};
use counter_tests::fixtures::post;
use counter_tests::process::wait_for;
use counter_tests::servers::RedisServer;
use tempfile::TempDir;

use super::setting::{Setting, impatient, store_on, sync, sync_cleanly, views};

const ON_DISK: &[&str] = &["--appendonly", "yes", "--appendfsync", "always"];

/// What a server can go back to.
enum Memory {
    Copy(TempDir),
    Length(u64),
    Replica(Box<RedisServer>),
}

/// A way in which Redis comes to hold less than it did.
struct Way {
    name: &'static str,
    start: fn() -> RedisServer,
    remember: fn(&RedisServer) -> Memory,
}

const WAYS: [Way; 4] = [
    Way {
        name: "a restart from an old copy of the append-only file",
        start: || RedisServer::start_with(ON_DISK),
        remember: |redis| Memory::Copy(redis.copy_of_disk()),
    },
    Way {
        name: "a restart from an old snapshot",
        start: RedisServer::start,
        remember: |redis| {
            redis::cmd("SAVE").exec(&mut redis.bare()).unwrap();
            Memory::Copy(redis.copy_of_disk())
        },
    },
    Way {
        name: "an append-only file that was cut in the middle of a command",
        start: || RedisServer::start_with(ON_DISK),
        remember: |redis| Memory::Length(redis.length_of_log() + 5),
    },
    Way {
        name: "a replica that lagged",
        start: RedisServer::start,
        remember: |redis| {
            let replica = redis.start_replica(&[]);
            replica.promote();
            Memory::Replica(Box::new(replica))
        },
    },
];

impl Setting {
    fn go_back(&mut self, memory: Memory) {
        match memory {
            Memory::Copy(copy) => self.redis.go_back_to(&copy),
            Memory::Length(length) => self.redis.cut_log(length),
            Memory::Replica(replica) => {
                self.redis = *replica;
            }
        }
    }
}

/// Four posts. Of each but the last the store holds something again that the table has counted
/// already, in another way; and 2 views of the first, which the table has not seen, are gone.
fn gone_back(way: &Way) -> Setting {
    let mut setting = Setting::with_postgres((way.start)());
    let counters = setting.counters();
    for (number, views) in [(1, 5), (2, 4), (3, 7)] {
        counters.increment(post(number), "views", views).unwrap();
    }
    for number in [2, 3] {
        setting.claim_and_die(&post(number));
    }
    let _ = sync_cleanly(&counters);
    counters.increment(post(1), "views", 3).unwrap();

    let memory = (way.remember)(&setting.redis);
    let _ = sync_cleanly(&setting.impatient_counters());
    counters.increment(post(2), "views", 1).unwrap();
    let _ = sync_cleanly(&counters);
    assert_eq!(views(&counters), [8, 5, 7, 0], "{}", way.name);
    counters.increment(post(1), "views", 2).unwrap();
    setting.go_back(memory);
    setting
}

fn assert_went_back(result: Result<counter_diesel::SyncReport, Error>, way: &Way) {
    let is_told = matches!(result, Err(Error::Core(CoreError::StoreWentBack { .. })));
    assert!(is_told, "{}: {result:?}", way.name);
}

fn held_again(conflicts: &Conflicts) -> Vec<(i64, i64, i64)> {
    let counters = conflicts.conflicts.iter();
    let mut held: Vec<_> = counters
        .map(|both| {
            let claimed = both.held.claim.as_ref().map_or(0, |claim| match claim.op {
                counter_core::ClaimOp::Add(by) => by,
                other => panic!("{other:?}"),
            });
            (
                both.id.owner_id().to_string().parse().unwrap(),
                both.held.pending + claimed,
                both.row.count,
            )
        })
        .collect();
    held.sort_unstable();
    held
}

fn decide(counters: &Counters, decision: OnConflict) -> counter_diesel::SyncReport {
    let report = counters.sync(&SyncOptions::default().on_conflict(decision)).unwrap();
    assert!(report.is_clean(), "{report:?}");
    report
}

#[test]
fn a_store_that_came_back_is_left_alone_by_every_sync_and_both_sides_are_shown() {
    for way in &WAYS {
        let setting = gone_back(way);
        let processes = [setting.counters(), setting.impatient_counters()];
        for counters in &processes {
            assert_went_back(sync(counters), way);
            // A part of it does not go back alone, either.
            let part = SyncOptions::default()
                .pattern("post:4:*".parse().unwrap())
                .on_conflict(OnConflict::Apply);
            assert_went_back(counters.sync(&part), way);
            let conflicts = counters.conflicts().unwrap();
            let went_back = conflicts.went_back.as_ref().expect("it is known to have gone back");
            let recorded = went_back.recorded.as_ref().expect("a sync has recorded it");
            assert!(went_back.found < recorded.seq, "{went_back:?}");
            assert_eq!(held_again(&conflicts), [(1, 3, 8), (2, 4, 5), (3, 7, 7)], "{}", way.name);
        }
        assert_eq!(views(&processes[0]), [8, 5, 7, 0], "{}", way.name);
    }
}

/// A claim that nothing followed is known to be in the table, without a guess.
#[test]
fn an_operator_applies_what_a_store_that_came_back_holds() {
    for way in &WAYS {
        let setting = gone_back(way);
        let counters = setting.impatient_counters();
        counters.increment(post(4), "views", 6).unwrap();
        let _ = decide(&counters, OnConflict::Apply);
        assert_eq!(views(&counters), [11, 9, 7, 6], "{}", way.name);
        goes_on(&setting, &counters, [11, 9, 7, 6]);
    }
}

#[test]
fn an_operator_discards_what_a_store_that_came_back_holds() {
    for way in &WAYS {
        let setting = gone_back(way);
        let counters = setting.impatient_counters();
        counters.increment(post(4), "views", 6).unwrap();
        let report = decide(&counters, OnConflict::Discard);
        assert_eq!(report.discarded, 4, "{report:?}");
        assert_eq!(views(&counters), [8, 5, 7, 0], "{}", way.name);
        goes_on(&setting, &counters, [8, 5, 7, 0]);
    }
}

/// The process that an operator used, and one that saw newer sequences before the store went back.
fn goes_on(setting: &Setting, counters: &Counters, before: [i64; 4]) {
    assert!(counters.conflicts().unwrap().is_empty());
    for process in [counters, &setting.counters()] {
        process.increment(post(1), "views", 1).unwrap();
        let _ = sync_cleanly(process);
        assert_eq!(process.pending(post(1), "views").unwrap(), Holding::default());
    }
    assert_eq!(views(counters), [before[0] + 2, before[1], before[2], before[3]]);
    assert_eq!(counters.get(post(1), "views").unwrap(), before[0] + 2);
}

/// The process has seen sequences that no transaction recorded.
#[test]
fn a_process_that_knows_more_than_was_recorded_goes_on_after_a_decision_too() {
    let mut setting = Setting::with_postgres(RedisServer::start_with(ON_DISK));
    let counters = setting.counters();
    counters.increment(post(1), "views", 5).unwrap();
    let _ = sync_cleanly(&counters);
    let copy = setting.redis.copy_of_disk();
    // A set gives out a sequence without a pass.
    counters.set(post(1), "views", 9).unwrap();
    setting.redis.go_back_to(&copy);
    wait_for("the server to count again", || counters.increment(post(1), "views", 1).ok());
    let result = sync(&counters);
    let is_told = matches!(result, Err(Error::Core(CoreError::StoreWentBack { .. })));
    assert!(is_told, "{result:?}");
    assert!(counters.conflicts().unwrap().went_back.is_some());
    let _ = decide(&counters, OnConflict::Apply);
    let _ = sync_cleanly(&counters);
    assert_eq!(views(&counters), [10]);
}

#[test]
fn a_claim_below_its_row_is_applied_or_discarded_by_an_operator() {
    for (decision, expected) in [(OnConflict::Apply, 105), (OnConflict::Discard, 100)] {
        let setting = Setting::with_mariadb(RedisServer::start());
        let counters = setting.impatient_counters();
        counters.increment(post(1), "views", 100).unwrap();
        let _ = sync_cleanly(&counters);
        let name = "counter:{counter:post:1:views}";
        redis::cmd("SET").arg(name).arg("7:add:5").exec(&mut setting.redis.bare()).unwrap();
        counters.increment(post(2), "views", 1).unwrap();

        let report = sync(&counters).unwrap();
        assert_eq!((report.applied, report.conflicts.count()), (1, 1), "{report:?}");
        let conflicts = counters.conflicts().unwrap();
        assert!(conflicts.went_back.is_none());
        assert_eq!(held_again(&conflicts), [(1, 5, 100)]);
        let rehearsal = SyncOptions::default().on_conflict(decision).dry_run(true);
        let _ = counters.sync(&rehearsal).unwrap();
        assert_eq!(held_again(&counters.conflicts().unwrap()), [(1, 5, 100)]);

        let report = decide(&counters, decision);
        assert_eq!(report.discarded, u64::from(decision == OnConflict::Discard), "{report:?}");
        assert_eq!(views(&counters), [expected, 1]);
        assert!(counters.conflicts().unwrap().is_empty());
        assert_eq!(counters.get(post(1), "views").unwrap(), expected);
    }
}

#[test]
fn a_decision_changes_nothing_where_there_is_no_conflict() {
    for decision in [OnConflict::Apply, OnConflict::Discard] {
        let setting = Setting::with_postgres(RedisServer::start());
        let counters = setting
            .counters_over(super::setting::store_on(&setting.redis).build().unwrap(), impatient());
        counters.increment(post(1), "views", 5).unwrap();
        setting.claim_and_die(&post(1));
        counters.increment(post(1), "views", 2).unwrap();
        counters.increment(post(2), "views", 1).unwrap();
        let report = decide(&counters, decision);
        assert_eq!((report.applied, report.discarded), (3, 0), "{report:?}");
        assert_eq!(views(&counters), [7, 1]);
    }
}

/// An operator who knows that a prefix belongs to this database alone ends the warning.
#[test]
fn a_store_of_another_database_is_reported_until_it_gets_another_identity() {
    let setting = Setting::with_postgres(RedisServer::start());
    let other = Setting::with_mariadb(RedisServer::start());
    let _ = sync_cleanly(&other.counters_on(&setting.redis));
    let counters = setting.counters();
    for _ in 0..2 {
        counters.increment(post(1), "views", 5).unwrap();
        let report = sync(&counters).unwrap();
        assert!(report.shared_prefix && !report.is_clean(), "{report:?}");
    }
    assert_eq!(views(&counters), [10]);
    redis::cmd("DEL").arg("counter:{id}").exec(&mut setting.redis.bare()).unwrap();
    counters.increment(post(1), "views", 5).unwrap();
    let report = sync(&counters).unwrap();
    assert!(!report.shared_prefix && report.store_replaced.is_some(), "{report:?}");
    counters.increment(post(1), "views", 5).unwrap();
    let _ = sync_cleanly(&counters);
    assert_eq!(views(&counters), [20]);
}

/// Raised first, the rest of what was to be dropped would count from then on.
#[test]
fn a_decision_to_discard_that_fails_halfway_leaves_the_store_to_be_decided_about() {
    let way = &WAYS[1];
    let setting = gone_back(way);
    let faults = Faults::deciding(|step| (step == "raise").then_some(Fault::Before));
    let inner = Arc::new(store_on(&setting.redis).build().unwrap());
    let failing = setting.counters_over(FaultyStore::new(inner, &faults), impatient());
    let report = failing.sync(&SyncOptions::default().on_conflict(OnConflict::Discard)).unwrap();
    assert!(report.discarded == 3 && report.stopped.is_some(), "{report:?}");
    assert_went_back(sync(&setting.counters()), way);
    let counters = setting.impatient_counters();
    let _ = decide(&counters, OnConflict::Discard);
    goes_on(&setting, &counters, [8, 5, 7, 0]);
}

#[test]
fn a_store_whose_process_is_busy_is_not_taken_for_one_that_went_back() {
    let setting = Setting::with_postgres(RedisServer::start());
    let counters = setting.counters();
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        for number in 1..=3 {
            let (counters, is_over) = (&counters, &is_over);
            scope.spawn(move || {
                while !is_over.load(SeqCst) {
                    counters.set(post(number), "views", number).unwrap();
                }
            });
        }
        let results =
            (0..load(60)).map(|_| (sync(&counters), counters.conflicts(), counters.check()));
        let found = results.filter_map(|(report, conflicts, check_up)| {
            let codes = check_up.findings.iter().map(|finding| finding.code);
            let is_old = codes.into_iter().any(|code| code == FindingCode::StoreWentBack);
            let is_wrong = report.is_err() || conflicts.unwrap().went_back.is_some() || is_old;
            is_wrong.then_some(())
        });
        let found = found.count();
        is_over.store(true, SeqCst);
        assert_eq!(found, 0);
    });
}

/// A scan goes on in another order then, and misses some.
#[test]
fn a_restart_in_the_middle_of_a_decision_to_discard_does_not_count_what_is_to_be_dropped() {
    const MANY: i64 = 3_000;
    let mut setting = Setting::with_postgres(RedisServer::start_with(ON_DISK));
    let counters = setting.impatient_counters();
    counters.increment_many((1..=MANY).map(|number| (post(number), "views", 1))).unwrap();
    let _ = sync_cleanly(&setting.counters());
    counters.increment_many((1..=MANY).map(|number| (post(number), "views", 1))).unwrap();
    let copy = setting.redis.copy_of_disk();
    let _ = sync_cleanly(&counters);
    setting.redis.go_back_to(&copy);

    let (mut pages, setting) = (0, Mutex::new(setting));
    let fresh = setting.lock().unwrap().impatient_counters();
    let options = SyncOptions::default().on_conflict(OnConflict::Discard);
    let interrupted = fresh.sync_observed(&options, &mut |event| {
        pages += i32::from(matches!(event, SyncEvent::Scanned));
        if pages == 5 {
            pages += 1;
            let redis = &mut setting.lock().unwrap().redis;
            redis.kill();
            redis.start_again();
        }
        ControlFlow::Continue(())
    });
    // Whether or not the restart was noticed.
    drop(interrupted);
    let setting = setting.into_inner().unwrap();
    let counters = setting.impatient_counters();
    let again = counters.sync(&options).unwrap();
    assert!(again.is_clean(), "{again:?}");
    let values = counters.get_many((1..=MANY).map(|number| (post(number), "views"))).unwrap();
    assert_eq!(values.iter().sum::<i64>(), 2 * MANY);
    assert_eq!(views(&counters), [2]);
}

#[test]
fn a_rehearsal_refuses_what_a_sync_would_refuse() {
    let way = &WAYS[1];
    let setting = gone_back(way);
    let counters = setting.counters();
    assert_went_back(counters.sync(&SyncOptions::default().dry_run(true)), way);
    let decided = SyncOptions::default().dry_run(true).on_conflict(OnConflict::Discard);
    assert_eq!(counters.sync(&decided).unwrap().discarded, 0);
    assert_went_back(sync(&counters), way);
}

/// The pass has done its work and is about to remember what it synced.
#[test]
fn a_store_that_is_emptied_at_the_end_of_a_pass_is_reported_by_the_next() {
    let setting = Setting::with_postgres(RedisServer::start());
    let _ = sync_cleanly(&setting.counters());
    let url = setting.redis.url();
    let faults = Faults::calling_once_before("present_generation", move || {
        let mut bare = redis::Client::open(url.as_str()).unwrap().get_connection().unwrap();
        redis::cmd("FLUSHALL").exec(&mut bare).unwrap();
    });
    let inner = Arc::new(store_on(&setting.redis).build().unwrap());
    let counters = setting.counters_over(FaultyStore::new(inner, &faults), impatient());
    counters.increment(post(1), "views", 5).unwrap();
    let _ = sync_cleanly(&counters);
    let report = sync(&counters).unwrap();
    assert!(report.store_replaced.is_some(), "{report:?}");
    let _ = sync_cleanly(&counters);
    assert_eq!(views(&counters), [5]);
}
