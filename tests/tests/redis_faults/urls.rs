use counter_core::{DeltaStore, Error, RedisStore};
use counter_tests::fixtures::downloads_of;
use counter_tests::servers::RedisServer;

#[test]
fn the_database_of_the_url_is_the_one_that_is_used() {
    let server = RedisServer::start();
    let urls = [format!("{}3", server.url()), format!("{}?db=3", server.unix_url())];
    for url in urls {
        RedisStore::builder(&url).build().unwrap().increment(&downloads_of(1), 1).unwrap();
    }
    let mut bare = counter_tests::servers::redis::bare(&format!("{}3", server.url()));
    let count: i64 = redis::cmd("GET").arg("counter:user:1:downloads").query(&mut bare).unwrap();
    assert_eq!(count, 2);
}

#[test]
fn a_database_that_is_not_there_is_an_error() {
    let server = RedisServer::start();
    let error = RedisStore::builder(format!("{}9999", server.url())).build().unwrap_err();
    assert!(matches!(error, Error::Store { .. }), "{error:?}");
}

/// Without a crypto provider rustls panics, and here nothing but the store has installed one.
#[test]
fn tls_to_a_server_without_it_is_an_error_and_no_panic() {
    let server = RedisServer::start();
    let url = server.url().replace("redis://", "rediss://");
    let error = RedisStore::builder(&url).build().unwrap_err();
    assert!(matches!(error, Error::Store { .. }), "{error:?}");
}
