use std::time::{Duration, Instant};

use counter_core::{Claimed, DeltaStore, Error, RedisStore, Replacement};
use counter_tests::fixtures::downloads_of;
use counter_tests::process::wait_for;
use counter_tests::redis_pools::{TIMED_STORES, pool_of_one};
use counter_tests::servers::RedisServer;
use counter_tests::store_worlds::{PATIENCE, patient};

use super::{assert_not_counted, assert_unknown, never_quiet, soon};

/// Waits until the server has carried out what was sent while it was frozen.
fn wait_until_counted(server: &RedisServer, name: &str, expected: i64) {
    let mut bare = server.bare();
    wait_for("the server to count", || {
        let count: Option<i64> = redis::cmd("GET").arg(name).query(&mut bare).unwrap();
        (count == Some(expected)).then_some(())
    });
}

/// The increment was sent and is waiting in the server's socket. A caller that took it for not
/// counted, or tried it again, would be wrong.
#[test]
fn the_outcome_of_an_increment_is_unknown_while_the_server_is_frozen() {
    for (pool, store) in TIMED_STORES {
        let server = RedisServer::start();
        let store = store(&server.url(), never_quiet());
        store.increment(&downloads_of(1), 1).unwrap();
        server.freeze();
        assert_unknown(pool, soon(pool, || store.increment(&downloads_of(1), 10)));
        server.thaw();
        wait_until_counted(&server, "counter:user:1:downloads", 11);
    }
}

#[test]
fn the_outcome_of_a_set_is_unknown_while_the_server_is_frozen() {
    for (pool, store) in TIMED_STORES {
        let server = RedisServer::start();
        let store = store(&server.url(), never_quiet());
        store.replace(&downloads_of(1), Replacement::Set(1)).unwrap();
        server.freeze();
        let set = soon(pool, || store.replace(&downloads_of(1), Replacement::Set(2)));
        assert_unknown(pool, set.map(drop));
        server.thaw();
    }
}

/// As many time-outs as commands would be a quarter of an hour.
#[test]
fn a_batch_has_one_deadline_while_the_server_is_frozen() {
    for (pool, store) in TIMED_STORES {
        let server = RedisServer::start();
        let store = store(&server.url(), never_quiet());
        store.increment(&downloads_of(0), 1).unwrap();
        let increments: Vec<_> = (1..=10_000).map(|number| (downloads_of(number), 1)).collect();
        server.freeze();
        let outcomes = soon(pool, || store.increment_many(&increments));
        server.thaw();
        assert_eq!(outcomes.len(), 10_000);
        let sent = outcomes.iter().take_while(|outcome| is_unknown(outcome)).count();
        assert!((1..10_000).contains(&sent), "{sent}");
        for outcome in outcomes.into_iter().skip(sent) {
            assert_not_counted(pool, outcome);
        }
        // The server carries out the commands that arrived, and never the others.
        assert!(counted_in_the_end(&server) <= i64::try_from(sent).unwrap(), "{pool}");
    }
}

/// The greatest number of a counter that the server holds, once the store's connections are closed
/// on its side too.
fn counted_in_the_end(server: &RedisServer) -> i64 {
    let mut bare = server.bare();
    wait_for("the server to close its connections", || {
        let clients: String = redis::cmd("CLIENT").arg("LIST").query(&mut bare).unwrap();
        (clients.lines().count() == 1).then_some(())
    });
    let names: Vec<String> = redis::cmd("KEYS").arg("*").query(&mut bare).unwrap();
    let number = |name: String| name.split(':').nth(2)?.parse().ok();
    names.into_iter().filter_map(number).max().unwrap()
}

fn is_unknown(outcome: &Result<(), Error>) -> bool {
    outcome.as_ref().is_err_and(Error::is_outcome_unknown)
}

/// The replies to what timed out arrive later, and are not taken for replies to what is sent then.
#[test]
fn a_connection_with_unread_replies_is_never_used_again() {
    for (pool, store) in TIMED_STORES {
        let server = RedisServer::start();
        let store = store(&server.url(), never_quiet());
        store.increment(&downloads_of(1), 100).unwrap();
        server.freeze();
        assert_unknown(pool, soon(pool, || store.increment(&downloads_of(1), 10)));
        server.thaw();
        wait_until_counted(&server, "counter:user:1:downloads", 110);
        let look = store.look(&[downloads_of(1), downloads_of(2)]).unwrap();
        assert_eq!(look.held[0].as_ref().unwrap().pending, 110, "{pool}");
        assert_eq!(look.held[1].as_ref().unwrap().pending, 0, "{pool}");

        server.freeze();
        let many: Vec<_> = (10..20).map(|number| (downloads_of(number), 1)).collect();
        assert!(soon(pool, || store.increment_many(&many)).iter().all(is_unknown));
        server.thaw();
        wait_until_counted(&server, "counter:user:19:downloads", 1);
        for number in 1..50 {
            store.increment(&downloads_of(100 + number), number).unwrap();
            let look = store.look(&[downloads_of(100 + number)]).unwrap();
            assert_eq!(look.held[0].as_ref().unwrap().pending, number, "{pool}");
        }
    }
}

/// The application's own commands on its own pool are no less important.
#[test]
fn an_application_gets_no_connection_with_unread_replies_from_its_pool() {
    let server = RedisServer::start();
    let client = redis::Client::open(server.url()).unwrap();
    let pool = pool_of_one().build(client).unwrap();
    let store = RedisStore::from_pool(pool.clone(), Default::default(), never_quiet());
    let store = store.without_index();
    store.increment(&downloads_of(1), 1).unwrap();
    server.freeze();
    assert_unknown("increment", soon("increment", || store.increment(&downloads_of(1), 10)));
    server.thaw();
    wait_until_counted(&server, "counter:user:1:downloads", 11);
    let echo: String = redis::cmd("ECHO").arg("hello").query(&mut *pool.get().unwrap()).unwrap();
    assert_eq!(echo, "hello");
}

/// The store's time-outs are not the application's: its own commands may block for as long as it
/// likes.
#[test]
fn an_application_gets_its_connections_back_without_time_outs() {
    let server = RedisServer::start();
    let client = redis::Client::open(server.url()).unwrap();
    let pool = pool_of_one().build(client).unwrap();
    let mut timeouts = counter_core::RedisTimeouts::default();
    timeouts.read = Duration::from_secs(1);
    let store = RedisStore::from_pool(pool.clone(), Default::default(), timeouts).without_index();
    store.increment(&downloads_of(1), 10).unwrap();
    let mut blocking = redis::cmd("BLPOP");
    blocking.arg("nothing").arg("1.5");
    let popped: Option<(String, String)> = blocking.query(&mut *pool.get().unwrap()).unwrap();
    assert_eq!(popped, None);
}

#[derive(Debug)]
struct ImpatientApplication;

impl r2d2::CustomizeConnection<redis::Connection, redis::RedisError> for ImpatientApplication {
    fn on_acquire(&self, connection: &mut redis::Connection) -> redis::RedisResult<()> {
        connection.set_read_timeout(Some(Duration::from_millis(100)))
    }
}

#[test]
fn an_application_gets_its_connections_back_with_the_time_outs_that_it_names() {
    let server = RedisServer::start();
    let client = redis::Client::open(server.url()).unwrap();
    let pool = pool_of_one().connection_customizer(Box::new(ImpatientApplication));
    let pool = pool.build(client).unwrap();
    let store =
        RedisStore::from_pool(pool.clone(), Default::default(), Default::default()).without_index();
    let store = store.restore_timeouts(Some(Duration::from_millis(100)), None);
    store.increment(&downloads_of(1), 10).unwrap();
    let mut blocking = redis::cmd("BLPOP");
    blocking.arg("nothing").arg("10");
    let error = blocking.query::<()>(&mut *pool.get().unwrap()).unwrap_err();
    assert!(error.is_timeout(), "{error:?}");
}

#[test]
fn a_verification_keeps_its_deadline_while_the_server_is_frozen() {
    for (pool, store) in TIMED_STORES {
        let server = RedisServer::start();
        let store = store(&server.url(), patient());
        store.increment(&downloads_of(1), 1).unwrap();
        let claimed = store.claim(&[downloads_of(1)], Duration::ZERO).unwrap().remove(0);
        let Claimed::Fresh(claim) = claimed else {
            panic!("{claimed:?}");
        };
        server.freeze();
        let start = Instant::now();
        let verdicts = store.verify(&[claim], Duration::from_millis(200));
        let took = start.elapsed();
        assert!(verdicts.is_err(), "{pool}");
        assert!(took < PATIENCE / 3, "{pool}: {took:?}");
        server.thaw();
    }
}

#[test]
fn a_verification_keeps_its_deadline_while_it_waits_for_a_connection() {
    let server = RedisServer::start();
    let client = redis::Client::open(server.url()).unwrap();
    let pool = pool_of_one().build(client).unwrap();
    let store = RedisStore::from_pool(pool.clone(), Default::default(), patient()).without_index();
    let claim = store.replace(&downloads_of(1), Replacement::Set(1)).unwrap();
    let taken = pool.get().unwrap();
    let start = Instant::now();
    let verdicts = store.verify(&[claim], Duration::from_millis(200));
    let took = start.elapsed();
    assert!(verdicts.is_err());
    assert!(took < PATIENCE / 3, "{took:?}");
    drop(taken);
}

#[test]
fn a_store_is_not_built_while_the_server_is_frozen() {
    let server = RedisServer::start();
    server.freeze();
    let built = soon("building", || RedisStore::builder(server.url()).build());
    assert!(built.is_err());
}
