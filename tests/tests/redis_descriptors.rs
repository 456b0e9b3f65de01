//! A process that has no file descriptors left for a moment. It is a suite of its own, because the
//! limit is that of the process.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs::File;

use counter_core::{DeltaStore, Prefix, RedisStore, RedisTimeouts};
use counter_tests::fixtures::downloads_of;
use counter_tests::process::wait_for;
use counter_tests::servers::RedisServer;
use r2d2_redis::RedisConnectionManager;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Takes all file descriptors that are left.
fn take_descriptors() -> Vec<File> {
    let maximum = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: Some(200), maximum }).unwrap();
    std::iter::from_fn(|| File::open("/dev/null").ok()).collect()
}

fn pool_of_three<M: r2d2::ManageConnection>(manager: M) -> r2d2::Pool<M> {
    r2d2::Pool::builder().max_size(3).test_on_check_out(false).build(manager).unwrap()
}

/// Its increments fail while there are no descriptors, and afterwards its pool has all connections
/// again.
fn assert_that_it_recovers<M: r2d2::ManageConnection>(
    server: &RedisServer,
    pool: &r2d2::Pool<M>,
    store: &RedisStore,
) {
    store.increment(&downloads_of(1), 1).unwrap();
    let files = take_descriptors();
    server.freeze();
    for _ in 0..3 {
        assert!(store.increment(&downloads_of(1), 1).is_err());
    }
    drop(files);
    server.thaw();
    wait_for("the store to count again", || store.increment(&downloads_of(1), 1).ok());
    wait_for("the pool to be whole", || {
        let state = pool.state();
        ((state.connections, state.idle_connections) == (3, 3)).then_some(())
    });
    let connections = (0..3).map(|_| pool.try_get()).collect::<Vec<_>>();
    assert!(connections.iter().all(Option::is_some));
}

#[test]
fn an_applications_pool_survives_a_moment_without_file_descriptors() {
    let server = RedisServer::start();
    let (prefix, timeouts) = (Prefix::default, RedisTimeouts::default);
    let pool = pool_of_three(redis::Client::open(server.url()).unwrap());
    let store = RedisStore::from_pool(pool.clone(), prefix(), timeouts()).without_index();
    assert_that_it_recovers(&server, &pool, &store);

    let pool = pool_of_three(RedisConnectionManager::new(server.url()).unwrap());
    let store = RedisStore::from_r2d2_redis(pool.clone(), prefix(), timeouts()).without_index();
    assert_that_it_recovers(&server, &pool, &store);
}
