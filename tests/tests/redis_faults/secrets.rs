use counter_core::{DeltaStore, Error, RedisStore};
use counter_tests::fixtures::downloads_of;
use counter_tests::said::everything_said;
use counter_tests::servers::{FakeRedis, FakeReply, RedisServer};

use super::STORES;

const SECRET: &str = "s3cret";

fn assert_silent(said: &str) {
    assert!(!said.contains(SECRET) && !said.contains("s3c"), "{said}");
}

#[test]
fn a_password_lets_in_and_is_shown_nowhere() {
    let server = RedisServer::start_with(&["--requirepass", SECRET]);
    let url = server.url().replace("redis://", &format!("redis://:{SECRET}@"));
    let builder = RedisStore::builder(&url);
    assert_silent(&format!("{builder:?}"));
    let store = builder.build().unwrap();
    assert_silent(&format!("{store:?}"));
    store.increment(&downloads_of(1), 1).unwrap();
    drop(server);
    let error = store.increment(&downloads_of(1), 1).unwrap_err();
    assert_silent(&everything_said(&error));
    let error = store.increment(&downloads_of(1), 1).unwrap_err();
    assert_silent(&everything_said(&error));
}

#[test]
fn a_wrong_or_missing_password_is_an_error_that_does_not_show_it() {
    let server = RedisServer::start_with(&["--requirepass", "another"]);
    let with = |login: &str| server.url().replace("redis://", &format!("redis://{login}"));
    let unix = format!("{}?pass={SECRET}", server.unix_url());
    for url in [server.url(), with(":s3cret@"), with("s3cret:s3cret@"), unix] {
        let error = RedisStore::builder(&url).build().unwrap_err();
        assert!(matches!(error, Error::Store { .. }), "{error:?}");
        assert_silent(&everything_said(&error));
        for (name, new_store) in STORES {
            if name == "r2d2_redis" && url.starts_with("redis+unix") {
                // Which knows it as `unix`.
                continue;
            }
            let error = new_store(&url).increment(&downloads_of(1), 1).unwrap_err();
            assert!(matches!(error, Error::NotCounted { .. }), "{name}: {error:?}");
            assert_silent(&everything_said(&error));
        }
    }
}

#[test]
fn a_server_that_repeats_what_it_does_not_understand_does_not_make_the_password_known() {
    let server = FakeRedis::start(|_, _| {
        FakeReply::Bytes(
            "-ERR unknown command 'HELLO', with args beginning with: '3' 'AUTH' 's3cret'\r\n",
        )
    });
    let url = server.url().replace("redis://", "redis://:s3cret@");
    for url in [url.clone(), format!("{url}?protocol=resp3")] {
        let error = RedisStore::builder(&url).build().unwrap_err();
        assert_silent(&everything_said(&error));
        let lazy = RedisStore::builder(&url).connect_lazily().build().unwrap();
        assert_silent(&everything_said(&lazy.increment(&downloads_of(1), 1).unwrap_err()));
        for (_, new_store) in STORES {
            let error = new_store(&url).increment(&downloads_of(1), 1).unwrap_err();
            assert_silent(&everything_said(&error));
        }
    }
}

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

/// Without a crypto provider rustls panics, and here nobody but the store has installed one.
#[test]
fn tls_to_a_server_without_it_is_an_error_and_no_panic() {
    let server = RedisServer::start();
    let url = server.url().replace("redis://", "rediss://:s3cret@");
    let error = RedisStore::builder(&url).build().unwrap_err();
    assert!(matches!(error, Error::Store { .. }), "{error:?}");
    assert_silent(&everything_said(&error));
}
