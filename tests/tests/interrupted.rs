//! What store and ledger do when their process is stopped in the middle of a read, and goes on: the
//! system then ends the read of a socket that has a time-out, without an answer, and clocks have
//! gone on meanwhile.
//!
//! By itself in a process, because that stops.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::num::NonZeroUsize;
use std::process::{Command, id as process_id};
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::time::Duration;
use std::{fs, thread};

use counter_core::{
    Baseline, ClaimOp, Cursor, DeltaStore, Error, Pattern, Prefix, RedisStore, RedisTimeouts,
    Replacement, TableName,
};
use counter_diesel::ledger::{Ledger as _, LedgerLimits, PoolLedger};
use counter_tests::database::{Database as _, OwnDatabase, ServerConnection as _};
use counter_tests::database_server::ledger_within;
use counter_tests::fixtures::downloads_of;
use counter_tests::process::wait_for;
use counter_tests::proxy::{Kind, Proxy, Towards, Trouble};
use counter_tests::servers::{RedisServer, postgres};
use counter_tests::store_worlds::limited;
use diesel::PgConnection;
use diesel::connection::SimpleConnection as _;
use diesel::r2d2::{ConnectionManager, Pool};
use rustix::thread::gettid;

/// A process is stopped as a whole, and what another test asked for meanwhile would be interrupted
/// too. So one test runs at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs `ask` in a thread and so often stops and continues this process while it waits for the
/// frozen server.
fn interrupt<T: Send>(server: &RedisServer, times: usize, ask: impl FnOnce() -> T + Send) -> T {
    server.freeze();
    interrupt_held(times, stop_and_continue, || true, || server.thaw(), ask)
}

/// Runs `ask` in a thread and so often stops and continues this process while its question is held,
/// and lets its answer come then.
fn interrupt_held<T: Send>(
    times: usize,
    stop_and_continue: impl Fn(),
    is_held: impl Fn() -> bool,
    release: impl FnOnce(),
    ask: impl FnOnce() -> T + Send,
) -> T {
    thread::scope(|scope| {
        let (started, has_started) = mpsc::channel();
        let asking = scope.spawn(move || {
            started.send(gettid()).unwrap();
            ask()
        });
        let thread_id = has_started.recv().unwrap();
        for _ in 0..times {
            wait_for("the question to wait for its answer", || {
                if asking.is_finished() {
                    return Some(());
                }
                let state = fs::read_to_string(format!("/proc/self/task/{thread_id}/stat")).ok()?;
                let sleeps = state.rsplit(')').next()?.trim().starts_with('S');
                (is_held() && sleeps).then_some(())
            });
            stop_and_continue();
        }
        release();
        asking.join().unwrap()
    })
}

fn stop_and_continue() {
    stop_for(Duration::ZERO, "");
}

/// Stops this process for some time, and runs a command of the shell at the end of it.
fn stop_for(time: Duration, meanwhile: &str) {
    let script = r#"kill -STOP "$1"
        until grep -q '^State:[[:space:]]*T' "/proc/$1/status"; do :; done
        sleep "$2"
        sh -c "$3"
        kill -CONT "$1""#;
    let (id, seconds) = (process_id().to_string(), time.as_secs_f64().to_string());
    let done = Command::new("sh").args(["-c", script, "sh", &id, &seconds, meanwhile]).status();
    assert!(done.unwrap().success());
}

#[test]
fn what_may_be_asked_again_is_asked_again_and_an_increment_is_not_made_again() {
    let _alone = alone();
    let server = RedisServer::start();
    // The interruption ends a read, not a time-out. Nothing else uses the connection.
    let builder = RedisStore::builder(server.url()).timeouts(limited()).without_index();
    let store = builder.build().unwrap();
    let id = downloads_of(1);
    store.increment(&id, 1).unwrap();

    let look = interrupt(&server, 3, || store.look(std::slice::from_ref(&id))).unwrap();
    assert_eq!(look.held.first().unwrap().as_ref().unwrap().pending, 1);

    let outcome = interrupt(&server, 1, || store.increment(&id, 10));
    assert!(matches!(outcome, Err(Error::OutcomeUnknown { .. })), "{outcome:?}");
    // It was in the server's socket before the server went on.
    wait_for("the server to count", || {
        let count: i64 =
            redis::cmd("GET").arg("counter:user:1:downloads").query(&mut server.bare()).unwrap();
        (count == 11).then_some(())
    });
}

/// The system ends no read that has no time-out.
#[test]
fn where_a_reply_has_all_the_time_there_is_an_increment_and_a_set_are_made() {
    let _alone = alone();
    let server = RedisServer::start();
    let mut times = RedisTimeouts::default();
    (times.wait, times.connect, times.read) = (Duration::MAX, Duration::MAX, Duration::MAX);
    (times.write, times.quiet) = (Duration::MAX, Duration::MAX);
    let store = RedisStore::builder(server.url()).timeouts(times).without_index().build().unwrap();
    let id = downloads_of(1);
    interrupt(&server, 3, || store.increment(&id, 1)).unwrap();
    interrupt(&server, 3, || store.replace(&id, Replacement::Set(5))).unwrap();
    interrupt(&server, 3, || store.increment(&id, 2)).unwrap();
    let look = interrupt(&server, 3, || store.look(std::slice::from_ref(&id))).unwrap();
    let held = look.held.first().unwrap().as_ref().unwrap();
    assert_eq!((held.pending, held.claim.as_ref().unwrap().op), (2, ClaimOp::Set(5)));
}

#[test]
fn a_connection_is_made_again() {
    let _alone = alone();
    let server = RedisServer::start();
    let url = server.url();
    let build = || RedisStore::builder(&url).timeouts(limited()).without_index().build();
    let store = interrupt(&server, 2, build).unwrap();
    store.increment(&downloads_of(1), 1).unwrap();
}

/// Whichever reply is held, of those to the login and the one to the question that follows it.
#[test]
fn a_server_that_is_tried_out_is_asked_again() {
    let _alone = alone();
    let server = RedisServer::start();
    let proxy = Proxy::to_port(server.port());
    let url = proxy.redis_url();
    let build = || RedisStore::builder(&url).timeouts(limited()).without_index().build();
    // Holds within each reply; the shortest one is +PONG.
    for after in (0..).step_by(5) {
        proxy.prepare(Trouble { towards: Towards::Client, after, kind: Kind::Hold });
        let is_held = || proxy.happened() == 1;
        drop(interrupt_held(1, stop_and_continue, is_held, || proxy.release(), build).unwrap());
        if proxy.calm() == 0 {
            assert!(after > 5, "nothing was held");
            break;
        }
    }
}

#[test]
fn claims_in_several_commands_are_made_on_another_connection() {
    let _alone = alone();
    let (server, store) = counted(1000);
    let ids = (0..1000).map(downloads_of).collect::<Vec<_>>();
    let claimed = interrupt(&server, 1, || store.claim(&ids, Duration::ZERO)).unwrap();
    assert_eq!(claimed.len(), 1000);
    let look = store.look(&ids).unwrap();
    let is_claimed =
        |held: &Result<counter_core::Holding, _>| held.as_ref().unwrap().claim.is_some();
    assert!(look.held.iter().all(is_claimed));
}

#[test]
fn a_scan_goes_on_where_it_is_and_finds_all() {
    let _alone = alone();
    let (server, store) = counted(1000);
    let count = NonZeroUsize::new(100).unwrap();
    let (mut found, mut next) = (Vec::new(), Some(Cursor::default()));
    while let Some(from) = next {
        let is_within = from.position > 0 && found.len() < 500;
        let scan = || store.scan(&Pattern::all(), from, count);
        let page = if is_within { interrupt(&server, 2, scan) } else { scan() }.unwrap();
        found.extend(page.ids);
        next = page.next;
    }
    found.sort();
    found.dedup();
    assert_eq!(found.len(), 1000);
}

#[test]
fn where_it_is_not_known_who_scans_everything_it_is_scanned_here() {
    let _alone = alone();
    let server = RedisServer::start();
    let store = RedisStore::builder(server.url()).timeouts(limited()).build().unwrap();
    let every = Duration::from_secs(3600);
    let begin_scan = || store.pending_index().unwrap().begin_scan(every);
    assert!(interrupt(&server, 1, begin_scan).unwrap());
}

#[test]
fn over_a_connection_that_keeps_late_replies_an_increment_is_counted_too() {
    let _alone = alone();
    let server = RedisServer::start();
    let manager = r2d2_redis::RedisConnectionManager::new(server.url()).unwrap();
    let pool = r2d2_redis::r2d2::Pool::builder().test_on_check_out(false).build(manager).unwrap();
    let store = RedisStore::from_r2d2_redis(pool, Prefix::default(), limited());
    let id = downloads_of(1);
    interrupt(&server, 3, || store.increment(&id, 10)).unwrap();
    let look = interrupt(&server, 2, || store.look(std::slice::from_ref(&id))).unwrap();
    assert_eq!(look.held.first().unwrap().as_ref().unwrap().pending, 10);
}

/// A server that holds so many counters.
fn counted(counters: i64) -> (RedisServer, RedisStore) {
    let server = RedisServer::start();
    let builder = RedisStore::builder(server.url()).timeouts(limited()).without_index();
    let store = builder.build().unwrap();
    let increments = (0..counters).map(|n| (downloads_of(n), 1)).collect::<Vec<_>>();
    assert!(store.increment_many(&increments).iter().all(Result::is_ok));
    (server, store)
}

#[test]
fn a_read_of_the_database_has_its_time_however_often_and_long_its_process_is_stopped() {
    let _alone = alone();
    let database = OwnDatabase::<PgConnection>::in_server(&postgres::shared_url());
    database.ledger("model_counters").run_pending_migrations().unwrap();
    let mut limits = LedgerLimits::default();
    limits.answer = Duration::from_secs(4);
    let ledger = ledger_within(&database.url(), limits);
    let (mut administrator, mut holder) = (database.connect(), database.connect());
    let lock = "BEGIN; LOCK TABLE model_counters";
    holder.batch_execute(lock).unwrap();
    let session = holder.number("SELECT pg_backend_pid()::bigint AS n");
    let unlock = format!("SELECT pg_terminate_backend({session})");
    let unlock = format!("psql -qXtd '{}' -c '{unlock}' >/dev/null", database.url());
    thread::scope(|scope| {
        let read = scope.spawn(|| ledger.baselines(&[downloads_of(1)]));
        wait_for("the read to wait for the lock", || (administrator.waiting() > 0).then_some(()));
        let time = limits.answer * 6 / 10;
        for _ in 0..4 {
            stop_for(time, "");
        }
        stop_for(time, &unlock);
        assert_eq!(read.join().unwrap().unwrap(), [Baseline::NONE]);
    });
}

/// A connection of the pool becomes free while the process that waits for one is stopped.
#[test]
fn a_call_gets_a_connection_although_its_process_was_stopped_for_longer_than_it_waits() {
    let _alone = alone();
    let database = OwnDatabase::<PgConnection>::in_server(&postgres::shared_url());
    let within = Duration::from_secs(2);
    let pool = Pool::builder().max_size(1).connection_timeout(within);
    let pool = pool.build(ConnectionManager::<PgConnection>::new(database.url())).unwrap();
    let ledger = PoolLedger::new(pool.clone(), TableName::default()).unwrap();
    ledger.run_pending_migrations().unwrap();
    let taken = pool.get().unwrap();
    let stop = || stop_for(within * 3, "");
    let ask = || ledger.baselines(&[downloads_of(1)]);
    let read = interrupt_held(1, stop, || true, || drop(taken), ask);
    assert_eq!(read.unwrap(), [Baseline::NONE]);
}
