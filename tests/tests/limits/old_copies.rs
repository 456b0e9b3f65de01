//! What a store remembers of the sequences that it gave out, and what that proves.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use counter_core::{ClaimSeq, DeltaStore, Error as CoreError, RedisStore, StoreGeneration as _};
use counter_diesel::sync::OnConflict;
use counter_diesel::{Counters, Error, SyncOptions, SyncReport};
use counter_tests::faults::{Faults, FaultyStore};
use counter_tests::fixtures::{post, views_of};
use counter_tests::process::wait_for;
use counter_tests::servers::RedisServer;

use super::replicas::wait_for_replica;
use super::setting::{Setting, impatient, store_on, sync, sync_cleanly, views};

const ON_DISK: &[&str] = &["--appendonly", "yes", "--appendfsync", "always"];
const LONG: Duration = Duration::from_secs(30);

fn went_back(result: Result<SyncReport, Error>) -> bool {
    let error = match result {
        Ok(report) => report.stopped,
        Err(error) => Some(error),
    };
    matches!(error, Some(Error::Core(CoreError::StoreWentBack { .. })))
}

fn count(counters: &Counters, number: i64, by: i64) {
    wait_for("the server to count", || counters.increment(post(number), "views", by).ok());
}

/// After that claim, its newest sequence is no longer lower than the recorded one.
#[test]
fn a_claim_of_another_process_does_not_hide_that_the_store_came_back() {
    let mut setting = Setting::with_postgres(RedisServer::start_with(ON_DISK));
    let counters = setting.counters();
    count(&counters, 1, 5);
    let _ = sync_cleanly(&counters);
    count(&counters, 1, 3);
    let copy = setting.redis.copy_of_disk();
    let _ = sync_cleanly(&counters);
    setting.redis.go_back_to(&copy);
    count(&setting.counters(), 2, 1);
    let claim = setting.claim_and_die(&post(2));

    let state = setting.ledger.state(&Default::default()).unwrap();
    assert!(claim.seq > state.recorded.unwrap().seq);
    for process in [&counters, &setting.counters()] {
        // The process still has connections to the server before.
        wait_for("an answer", || process.pending(post(1), "views").ok());
        assert!(went_back(sync(process)));
        assert!(process.conflicts().unwrap().went_back.is_some());
    }
    assert_eq!(views(&counters), [8, 0]);
    let decided = setting.impatient_counters();
    let report = decided.sync(&SyncOptions::default().on_conflict(OnConflict::Discard)).unwrap();
    assert!(report.is_clean() && report.discarded == 2, "{report:?}");
    for process in [&decided, &counters, &setting.counters()] {
        count(process, 1, 1);
        let _ = sync_cleanly(process);
    }
    assert_eq!(views(&counters), [11, 0]);
}

/// The claimed counts are pending again, and would be counted twice.
#[test]
fn a_claim_that_went_with_an_old_copy_is_not_applied_as_lost() {
    let setting = Setting::with_postgres(RedisServer::start_with(ON_DISK));
    let _ = sync_cleanly(&setting.counters());
    count(&setting.counters(), 1, 5);
    let copy = setting.redis.copy_of_disk();
    let inner = Arc::new(store_on(&setting.redis).build().unwrap());
    let redis = Arc::new(Mutex::new(setting.redis));
    let restored = Arc::clone(&redis);
    let faults = Faults::calling_once_before("verify", move || {
        restored.lock().unwrap().go_back_to(&copy);
    });
    let store = Arc::new(FaultyStore::new(inner, &faults));
    let counters = Counters::from_parts(impatient(), store, Arc::clone(&setting.ledger));
    let mut passes = std::iter::repeat_with(|| sync(&counters)).take(3);
    let first = passes.find(|report| report.as_ref().is_ok_and(|report| report.scanned > 0));
    let first = first.expect("a pass found it").unwrap();
    assert!(first.lost.is_empty() && first.applied == 0, "{first:?}");
    assert!(went_back(Ok(first)));
    assert_eq!(views(&counters), [0]);
    let report = counters.sync(&SyncOptions::default().on_conflict(OnConflict::Apply)).unwrap();
    let lost = report.lost.iter().map(|lost| lost.applied).collect::<Vec<_>>();
    assert_eq!(lost, [false], "{report:?}");
    assert_eq!((views(&counters), counters.get(post(1), "views").unwrap()), ([5], 5));
    let _ = sync_cleanly(&counters);
    assert_eq!(views(&counters), [5]);
}

/// The process claimed it before it knew that the store is old. The decision drops that claim.
#[test]
fn what_was_claimed_of_an_old_copy_is_dropped_with_it() {
    let setting = Setting::with_postgres(RedisServer::start_with(ON_DISK));
    count(&setting.counters(), 1, 5);
    let _ = sync_cleanly(&setting.counters());
    count(&setting.counters(), 1, 3);
    count(&setting.counters(), 2, 1);
    let copy = setting.redis.copy_of_disk();
    let _ = sync_cleanly(&setting.counters());
    let inner = Arc::new(store_on(&setting.redis).build().unwrap());
    let Setting { redis, ledger, .. } = setting;
    let redis = Arc::new(Mutex::new(redis));
    let restored = Arc::clone(&redis);
    // Another process claims first, so that its sequence is not below what this one has seen.
    let faults = Faults::calling_once_before("claim", move || {
        let mut redis = restored.lock().unwrap();
        redis.go_back_to(&copy);
        let other = store_on(&redis).build().unwrap();
        other.claim(&[views_of(2)], Duration::ZERO).unwrap();
    });
    let store = Arc::new(FaultyStore::new(inner, &faults));
    let counters = Counters::from_parts(impatient(), store, Arc::clone(&ledger));
    count(&counters, 1, 1);
    assert!(went_back(sync(&counters)));
    let other = Arc::new(store_on(&redis.lock().unwrap()).build().unwrap());
    let other = Counters::from_parts(impatient(), other, ledger);
    let report = other.sync(&SyncOptions::default().on_conflict(OnConflict::Discard)).unwrap();
    assert_eq!(report.discarded, 2, "{report}");
    let _ = sync(&counters).unwrap();
    let _ = sync_cleanly(&counters);
    assert_eq!(views(&counters), [8, 1]);
}

#[test]
fn a_store_that_was_here_before_another_is_known_again() {
    let mut setting = Setting::with_postgres(RedisServer::start_with(ON_DISK));
    let counters = setting.counters();
    count(&counters, 1, 5);
    let copy = setting.redis.copy_of_disk();
    let _ = sync_cleanly(&counters);
    let older = setting.redis.copy_of_disk();
    count(&counters, 1, 2);
    let with_id = setting.redis.copy_of_disk();
    let _ = sync_cleanly(&counters);
    setting.redis.flush();
    count(&counters, 1, 1);
    assert!(sync(&counters).unwrap().store_replaced.is_some());
    drop((copy, older));
    setting.redis.go_back_to(&with_id);
    count(&counters, 2, 1);
    assert!(went_back(sync(&counters)));
    assert_eq!(views(&counters), [8, 0]);
}

/// The store remembers what the process has seen since, which proves nothing about what it forgot.
#[test]
fn a_process_refuses_in_each_pass_until_an_operator_decides() {
    let mut setting = Setting::with_postgres(RedisServer::start_with(ON_DISK));
    let counters = setting.counters();
    count(&counters, 1, 5);
    let _ = sync_cleanly(&counters);
    let copy = setting.redis.copy_of_disk();
    // A sequence that nothing records.
    counters.set(post(1), "views", 9).unwrap();
    setting.redis.go_back_to(&copy);
    let other = setting.counters();
    wait_for("the server to set", || other.set(post(2), "views", 1).ok());
    for _ in 0..3 {
        // Not at once, because the process still has connections to the server before.
        let answered = wait_for("an answer", || {
            let result = sync(&counters);
            let is_lost = matches!(result, Err(Error::Core(CoreError::Store { .. })));
            (!is_lost).then_some(result)
        });
        assert!(went_back(answered));
    }
    let report = counters.sync(&SyncOptions::default().on_conflict(OnConflict::Apply)).unwrap();
    assert!(report.is_clean(), "{report:?}");
    let _ = sync_cleanly(&counters);
}

#[test]
fn a_high_water_that_is_lost_alone_is_raised_and_reported_once() {
    let setting = Setting::with_postgres(RedisServer::start());
    let counters = setting.counters();
    count(&counters, 1, 5);
    let _ = sync_cleanly(&counters);
    redis::cmd("DEL").arg("counter:{seq}").exec(&mut setting.redis.bare()).unwrap();
    count(&counters, 1, 2);
    let report = sync(&counters).unwrap();
    assert!(report.high_water_lost && report.stopped.is_none() && report.applied == 1, "{report}");
    let recorded = setting.ledger.state(&Default::default()).unwrap().recorded.unwrap();
    assert!(
        store_on(&setting.redis).build().unwrap().look(&[]).unwrap().high_water >= recorded.seq
    );
    let _ = sync_cleanly(&counters);
    let _ = sync_cleanly(&setting.counters());
    assert_eq!(views(&counters), [7]);
}

/// Its connections live on, and what it holds was applied through the new primary.
#[test]
fn a_reader_of_a_demoted_primary_gets_an_error_and_no_guess() {
    let setting = Setting::with_postgres(RedisServer::start());
    let reader = setting.counters();
    count(&reader, 1, 1);
    let _ = sync_cleanly(&reader);
    let replica = setting.redis.start_replica(&[]);
    count(&reader, 1, 5);
    wait_for_replica(&setting.redis);
    replica.promote();
    let _ = sync_cleanly(&setting.counters_on(&replica));
    assert_eq!(views(&reader), [6]);
    for _ in 0..2 {
        let error = reader.get(post(1), "views").unwrap_err();
        assert!(matches!(error, Error::Core(CoreError::StoreWentBack { .. })), "{error:?}");
        assert!(reader.all(post(1)).unwrap_err().is_conflict());
    }
    assert_eq!(setting.counters_on(&replica).get(post(1), "views").unwrap(), 6);
}

#[test]
fn rows_beyond_a_store_are_trusted_where_it_is_another_one() {
    let setting = Setting::with_postgres(RedisServer::start());
    let counters = setting.counters();
    count(&counters, 1, 5);
    let _ = sync_cleanly(&counters);
    let mut redis = setting.redis.bare();
    redis::cmd("FLUSHALL").exec(&mut redis).unwrap();
    count(&counters, 1, 1);
    assert_eq!(counters.get(post(1), "views").unwrap(), 6, "it has no id");
    redis::cmd("SET").arg("counter:{id}").arg("another:database").exec(&mut redis).unwrap();
    redis::cmd("SET").arg("counter:{seq}").arg(7).exec(&mut redis).unwrap();
    for process in [&counters, &setting.counters()] {
        assert_eq!(process.get(post(1), "views").unwrap(), 6, "it has another id");
    }
    redis::cmd("DEL").arg("counter:{id}").exec(&mut redis).unwrap();
    assert_eq!(setting.counters().get(post(1), "views").unwrap(), 6);
}

fn forgotten(store: &RedisStore, seqs: &[i64]) -> Vec<i64> {
    let seqs = seqs.iter().map(|seq| ClaimSeq::new(*seq)).collect::<Vec<_>>();
    let present = store.present_generation().unwrap().unwrap();
    store
        .recall(&present.store_id, &seqs, LONG)
        .unwrap()
        .forgotten
        .iter()
        .map(|seq| seq.get())
        .collect()
}

#[test]
fn a_store_remembers_each_sequence_that_it_gave_out_and_no_other() {
    let setting = Setting::with_postgres(RedisServer::start());
    let store = store_on(&setting.redis).build().unwrap();
    let begun = store.ensure_generation("database", ClaimSeq::ZERO).unwrap().high_water.get();
    let counters = setting.counters();
    counters.increment_many((1..=120).map(|number| (post(number), "views", 1))).unwrap();
    let claims = (1..=120).map(|number| setting.claim_and_die(&post(number)).seq.get());
    let claims = claims.collect::<Vec<_>>();
    assert!(forgotten(&store, &claims).is_empty());
    assert!(forgotten(&store, &[begun, begun - 1]).is_empty(), "older than what is remembered");
    let gaps = claims.windows(2).filter(|pair| pair[0] + 1 < pair[1]).map(|pair| pair[0] + 1);
    let gaps = gaps.collect::<Vec<_>>();
    assert!(!gaps.is_empty());
    assert_eq!(forgotten(&store, &gaps), gaps);
    let above = claims[119] + 1;
    assert_eq!(forgotten(&store, &[above]), [above]);
}

/// The other program is a version without the memory, or an operator.
#[test]
fn sequences_that_another_program_gave_out_are_only_compared() {
    let setting = Setting::with_postgres(RedisServer::start());
    let store = store_on(&setting.redis).build().unwrap();
    let begun = store.ensure_generation("database", ClaimSeq::ZERO).unwrap().high_water.get();
    let raised = begun + 1_000_000_000_000;
    redis::cmd("SET").arg("counter:{seq}").arg(raised).exec(&mut setting.redis.bare()).unwrap();
    assert_eq!(forgotten(&store, &[begun + 1, raised, raised + 1]), [raised + 1]);
    count(&setting.counters(), 1, 1);
    let claim = setting.claim_and_die(&post(1));
    assert_eq!(claim.seq.get(), raised + 1);
    assert!(forgotten(&store, &[begun + 1, raised]).is_empty());
    assert_eq!(forgotten(&store, &[claim.seq.get(), claim.seq.get() + 1]), [claim.seq.get() + 1]);
}

#[test]
fn a_store_remembers_a_thousand_runs() {
    let setting = Setting::with_postgres(RedisServer::start());
    let store = store_on(&setting.redis).build().unwrap();
    store.ensure_generation("database", ClaimSeq::ZERO).unwrap();
    let counter = counter_core::CounterId::new("post", 1, "views").unwrap();
    let set = || store.replace(&counter, counter_core::Replacement::Set(1)).unwrap().seq.get();
    let seqs = (0..1_010).map(|_| set()).collect::<Vec<_>>();
    let kept: i64 =
        ::redis::cmd("ZCARD").arg("counter:{given}").query(&mut setting.redis.bare()).unwrap();
    assert_eq!(kept, 1_000);
    assert!(forgotten(&store, &seqs).is_empty());
}
