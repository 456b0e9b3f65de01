use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use counter_core::{DeltaStore, Error, RedisStore, Replacement, StoreStep};
use counter_tests::fixtures::downloads_of;
use counter_tests::process::wait_for;
use counter_tests::redis_pools::{STORES, TIMED_STORES};
use counter_tests::said::everything_said;
use counter_tests::servers::RedisServer;
use counter_tests::store_worlds::{PATIENCE, patient};

use super::{assert_not_counted, count_again, never_quiet, soon};

/// No server listens there: the port needs privileges.
const NOBODY: &str = "redis://127.0.0.1:1/";

#[test]
fn nothing_is_counted_while_the_server_is_away() {
    for (pool, store) in STORES {
        let store = store(NOBODY);
        assert_not_counted(pool, soon(pool, || store.increment(&downloads_of(1), 1)));
        for outcome in
            soon(pool, || store.increment_many(&[(downloads_of(1), 1), (downloads_of(2), 1)]))
        {
            assert_not_counted(pool, outcome);
        }
        let set = soon(pool, || store.replace(&downloads_of(1), Replacement::Set(5)));
        assert_not_counted(pool, set.map(drop));
    }
}

#[test]
fn questions_and_steps_fail_soon_while_the_server_is_away() {
    for (pool, store) in STORES {
        let store = store(NOBODY);
        let look = soon(pool, || store.look(&[downloads_of(1)]));
        assert!(matches!(look, Err(Error::Store { step: StoreStep::Look, .. })), "{look:?}");
        let claim = soon(pool, || store.claim(&[downloads_of(1)], Duration::ZERO));
        assert!(matches!(claim, Err(Error::Store { step: StoreStep::Claim, .. })), "{claim:?}");
    }
}

#[test]
fn a_store_is_not_built_while_the_server_is_away() {
    for url in [NOBODY, "redis+unix:///nowhere/at/all"] {
        let start = Instant::now();
        let error = RedisStore::builder(url).timeouts(patient()).build().unwrap_err();
        assert!(start.elapsed() < PATIENCE / 3, "{:?}", start.elapsed());
        assert!(matches!(error, Error::Store { step: StoreStep::Connect, .. }), "{error:?}");
        let said = everything_said(&error);
        assert!(said.contains("refused") || said.contains("No such file"), "{said}");
    }
}

#[test]
fn a_store_that_connects_lazily_counts_once_the_server_is_there() {
    let mut server = RedisServer::start();
    server.kill();
    let builder = RedisStore::builder(server.url()).connect_lazily().without_index();
    let store = soon("building", || builder.build().unwrap());
    assert_not_counted("away", soon("an increment", || store.increment(&downloads_of(1), 1)));
    server.start_again();
    let counted = count_again(&store, &downloads_of(1));
    let pending = store.look(&[downloads_of(1)]).unwrap().held[0].as_ref().unwrap().pending;
    assert!(counted.contains(&pending), "{pending}, {counted:?}");
}

#[test]
fn counting_goes_on_after_the_server_was_killed_and_started_again() {
    let mut server = RedisServer::start();
    for (pool, store) in STORES {
        let store = store(&server.url());
        store.increment(&downloads_of(1), 1).unwrap();
        server.kill();
        assert!(soon(pool, || store.increment(&downloads_of(1), 1)).is_err());
        server.start_again();
        let counted = count_again(&*store, &downloads_of(2));
        // The server kept nothing on disk.
        let pending = store.look(&[downloads_of(1), downloads_of(2)]).unwrap().held;
        assert_eq!(pending[0].as_ref().unwrap().pending, 0, "{pool}");
        assert!(counted.contains(&pending[1].as_ref().unwrap().pending), "{pool}: {pending:?}");
    }
}

/// Each connection that was idle then could cost one.
#[test]
fn a_restart_of_the_server_costs_one_increment() {
    let mut server = RedisServer::start();
    let builder = RedisStore::builder(server.url()).timeouts(never_quiet());
    let store = builder.without_index().build().unwrap();
    let counting = Barrier::new(4);
    wait_for("several connections", || {
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    counting.wait();
                    store.increment(&downloads_of(1), 1).unwrap();
                });
            }
        });
        let mut bare = server.bare();
        let clients: String = redis::cmd("CLIENT").arg("LIST").query(&mut bare).unwrap();
        (clients.lines().count() > 3).then_some(())
    });
    server.kill();
    server.start_again();
    assert!(store.increment(&downloads_of(1), 1).is_err());
    for _ in 0..4 {
        store.increment(&downloads_of(1), 1).unwrap();
    }
}

/// The connection that the store has is of the server before.
#[test]
fn a_question_is_asked_again_after_a_restart_of_the_server_and_an_increment_is_not_made_again() {
    for (pool, store) in TIMED_STORES {
        let mut server = RedisServer::start();
        let store = store(&server.url(), never_quiet());
        store.increment(&downloads_of(1), 1).unwrap();
        server.kill();
        server.start_again();
        let look = store.look(&[downloads_of(1)]);
        assert!(look.is_ok(), "{pool}: {look:?}");

        server.kill();
        server.start_again();
        assert!(store.increment(&downloads_of(1), 1).is_err(), "{pool}");
    }
}
