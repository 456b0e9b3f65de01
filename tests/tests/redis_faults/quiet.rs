//! Connections that were quiet for a while, and ended meanwhile without a word.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use counter_core::{CounterId, DeltaStore, Prefix, RedisStore, RedisTimeouts};
use counter_tests::fixtures::downloads_of;
use counter_tests::process::wait_for;
use counter_tests::proxy::Proxy;
use counter_tests::servers::RedisServer;
use r2d2_redis::RedisConnectionManager;

use super::{assert_not_counted, assert_unknown, count_again, never_quiet, soon};

type Store = Arc<dyn DeltaStore>;
type NewStore = fn(&str, RedisTimeouts) -> Store;

/// With five connections, of which an application's pool makes all at once.
const STORES: [(&str, NewStore); 3] = [
    ("own", |url, timeouts| {
        let builder = RedisStore::builder(url).pool_size(5.try_into().unwrap());
        Arc::new(builder.timeouts(timeouts).without_index().build().unwrap())
    }),
    ("application's", |url, timeouts| {
        let pool = five().build(redis::Client::open(url).unwrap()).unwrap();
        Arc::new(RedisStore::from_pool(pool, Prefix::default(), timeouts).without_index())
    }),
    ("r2d2_redis", |url, timeouts| {
        let pool = five().build(RedisConnectionManager::new(url).unwrap()).unwrap();
        Arc::new(RedisStore::from_r2d2_redis(pool, Prefix::default(), timeouts).without_index())
    }),
];

fn five<M: r2d2::ManageConnection>() -> r2d2::Builder<M> {
    r2d2::Pool::builder().max_size(5).test_on_check_out(false)
}

/// Every connection is taken for quiet, however short the time is that it was.
fn always_quiet() -> RedisTimeouts {
    let mut timeouts = RedisTimeouts::default();
    timeouts.quiet = Duration::ZERO;
    timeouts
}

fn held(store: &Store, id: &CounterId) -> i64 {
    store.look(std::slice::from_ref(id)).unwrap().held[0].as_ref().unwrap().pending
}

/// Uses several of its connections at the same time.
fn use_connections(store: &Store, id: &CounterId) {
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| store.increment(id, 1).unwrap());
        }
    });
}

fn wait_until_all_are_closed(server: &RedisServer) {
    let mut bare = server.bare();
    wait_for("the server to close what is idle", || {
        let clients: String = redis::cmd("CLIENT").arg("LIST").query(&mut bare).unwrap();
        (clients.lines().count() == 1).then_some(())
    });
}

#[test]
fn a_server_that_closes_quiet_connections_costs_no_increment_and_no_read() {
    thread::scope(|scope| {
        for (pool, store) in STORES {
            scope.spawn(move || {
                let server = RedisServer::start();
                let mut bare = server.bare();
                redis::cmd("CONFIG").arg(&["SET", "timeout", "1"]).exec(&mut bare).unwrap();
                drop(bare);
                let store = store(&server.url(), RedisTimeouts::default());
                let id = downloads_of(1);
                for round in 1..=2 {
                    use_connections(&store, &id);
                    wait_until_all_are_closed(&server);
                    for _ in 0..6 {
                        let outcome = soon(pool, || store.increment(&id, 1));
                        assert!(outcome.is_ok(), "{pool}: {outcome:?}");
                    }
                    assert_eq!(held(&store, &id), 10 * round, "{pool}");
                    wait_until_all_are_closed(&server);
                    assert_eq!(held(&store, &id), 10 * round, "{pool}");
                }
            });
        }
    });
}

#[test]
fn a_firewall_that_forgets_quiet_connections_costs_one_time_out_and_no_increment() {
    for (pool, store) in STORES {
        let server = RedisServer::start();
        let proxy = Proxy::to_port(server.port());
        let store = store(&proxy.redis_url(), always_quiet());
        let id = downloads_of(1);
        use_connections(&store, &id);
        proxy.forget_connections();
        let start = Instant::now();
        for _ in 0..6 {
            let outcome = store.increment(&id, 1);
            assert!(outcome.is_ok(), "{pool}: {outcome:?}");
        }
        // To look at each of the five would take two and a half.
        let took = start.elapsed();
        assert!(took < Duration::from_secs(2), "{pool}: {took:?}");
        assert_eq!(held(&store, &id), 10, "{pool}");
    }
}

/// The connection was in use just before, so it was not checked.
#[test]
fn a_connection_that_is_forgotten_while_it_is_in_use_costs_one_increment_of_unknown_outcome() {
    for (pool, store) in STORES {
        let server = RedisServer::start();
        let proxy = Proxy::to_port(server.port());
        let store = store(&proxy.redis_url(), never_quiet());
        let id = downloads_of(1);
        store.increment(&id, 1).unwrap();
        proxy.forget_connections();
        assert_unknown(pool, soon(pool, || store.increment(&id, 1)));
    }
}

/// Nothing of it was sent: the server did not answer the question before.
#[test]
fn what_is_counted_on_a_quiet_connection_of_a_frozen_server_is_certainly_not_counted() {
    for (pool, store) in STORES {
        let server = RedisServer::start();
        let store = store(&server.url(), always_quiet());
        let id = downloads_of(1);
        store.increment(&id, 1).unwrap();
        server.freeze();
        assert_not_counted(pool, soon(pool, || store.increment(&id, 10)));
        server.thaw();
        let counted = count_again(&*store, &id);
        let after = held(&store, &id) - 1;
        assert!(counted.contains(&after), "{pool}: {after}, {counted:?}");
    }
}

#[test]
fn a_connection_that_was_in_use_just_now_is_not_looked_at() {
    for (pool, store) in STORES {
        let server = RedisServer::start();
        let store = store(&server.url(), never_quiet());
        // An application's connection may have been made long ago, so it is looked at the first
        // time.
        use_connections(&store, &downloads_of(1));
        let before = pings(&server);
        for _ in 0..100 {
            store.increment(&downloads_of(1), 1).unwrap();
        }
        assert!(pings(&server) <= before + 4, "{pool}");
    }
}

fn pings(server: &RedisServer) -> u64 {
    let info: String = redis::cmd("INFO").arg("commandstats").query(&mut server.bare()).unwrap();
    let line = info.lines().find_map(|line| line.strip_prefix("cmdstat_ping:calls="));
    line.map_or(0, |line| line.split(',').next().unwrap().parse().unwrap())
}
