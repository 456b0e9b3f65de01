//! Settings and stores of Redis, and what servers answer that refuse or repeat a password.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use counter_core::{Config, DeltaStore, Error, RedisStore};
use counter_tests::fixtures::downloads_of;
use counter_tests::redis_pools::STORES;
use counter_tests::said::everything_said;
use counter_tests::servers::{FakeRedis, FakeReply, RedisServer};

use super::urls::Kind::{Mistyped, Redis};
use super::urls::of;
use super::{SECRET, assert_silent, for_each};

#[test]
fn settings_and_builders_do_not_show_a_url() {
    for (_, url) in of(&[Redis, Mistyped]) {
        let config = Config::from_variables(|name| match name {
            "REDIS_URL" => Ok(url.to_owned()),
            _ => Err(std::env::VarError::NotPresent),
        });
        assert_silent(&url, &format!("{:?}", config.unwrap()));
        assert_silent(&url, &format!("{:?}", RedisStore::builder(url)));
    }
}

#[test]
fn a_store_without_a_server_does_not_show_its_url() {
    let built = AtomicUsize::new(0);
    let mut cases = of(&[Redis, Mistyped]);
    // A word by itself.
    cases.push((Mistyped, SECRET));
    for_each(&cases, |(kind, url)| {
        match RedisStore::builder(*url).connect_lazily().build() {
            Ok(store) => {
                assert_eq!(*kind, Redis, "{url}");
                built.fetch_add(1, SeqCst);
                assert_silent(url, &format!("{store:?}"));
                let error = store.increment(&downloads_of(1), 1).unwrap_err();
                assert_silent(url, &everything_said(&error));
            }
            Err(error) => {
                assert!(error.to_string().contains("Redis URL"), "{error}");
                assert_silent(url, &everything_said(&error));
            }
        }
        let error = RedisStore::builder(*url).build().map(drop).unwrap_err();
        assert_silent(url, &everything_said(&error));
    });
    let built = built.into_inner();
    assert!((1..cases.len()).contains(&built), "{built} of {}", cases.len());
}

#[test]
fn a_password_lets_in_and_is_shown_nowhere() {
    let server = RedisServer::start_with(&["--requirepass", SECRET]);
    let url = server.url().replace("redis://", &format!("redis://:{SECRET}@"));
    let builder = RedisStore::builder(&url);
    assert_silent(&url, &format!("{builder:?}"));
    let store = builder.build().unwrap();
    assert_silent(&url, &format!("{store:?}"));
    store.increment(&downloads_of(1), 1).unwrap();
    drop(server);
    for _ in 0..2 {
        let error = store.increment(&downloads_of(1), 1).unwrap_err();
        assert_silent(&url, &everything_said(&error));
    }
}

#[test]
fn a_server_that_is_away_has_not_refused_a_login() {
    let away = RedisServer::start().url().replace("://", "://:s3cret@");
    let error = RedisStore::builder(&away).build().unwrap_err();
    assert!(!error.is_refused_login(), "{error:?}");
}

#[test]
fn a_wrong_or_missing_password_is_an_error_that_does_not_show_it() {
    let server = RedisServer::start_with(&["--requirepass", "another"]);
    let with = |login: &str| server.url().replace("redis://", &format!("redis://{login}"));
    let unix = format!("{}?pass={SECRET}", server.unix_url());
    for url in [server.url(), with(":s3cret@"), with("s3cret:s3cret@"), unix] {
        let error = RedisStore::builder(&url).build().unwrap_err();
        assert!(matches!(error, Error::Store { .. }), "{error:?}");
        assert!(error.is_refused_login(), "{error:?}");
        assert_silent(&url, &everything_said(&error));
        for (name, new_store) in STORES {
            if name == "r2d2_redis" && url.starts_with("redis+unix") {
                // Which knows it as `unix`.
                continue;
            }
            let error = new_store(&url).increment(&downloads_of(1), 1).unwrap_err();
            assert!(matches!(error, Error::NotCounted { .. }), "{name}: {error:?}");
            assert_silent(&url, &everything_said(&error));
        }
    }
}

#[test]
fn a_server_without_tls_is_an_error_that_does_not_show_the_password() {
    let server = RedisServer::start();
    let url = server.url().replace("redis://", "rediss://:s3cret@");
    let error = RedisStore::builder(&url).build().unwrap_err();
    assert!(matches!(error, Error::Store { .. }), "{error:?}");
    assert_silent(&url, &everything_said(&error));
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
        assert_silent(&url, &everything_said(&error));
        let lazy = RedisStore::builder(&url).connect_lazily().build().unwrap();
        let error = lazy.increment(&downloads_of(1), 1).unwrap_err();
        assert_silent(&url, &everything_said(&error));
        for (_, new_store) in STORES {
            let error = new_store(&url).increment(&downloads_of(1), 1).unwrap_err();
            assert_silent(&url, &everything_said(&error));
        }
    }
}

#[test]
fn a_sentinel_that_repeats_its_password_does_not_make_it_known() {
    let sentinel = FakeRedis::start(|_, _| {
        FakeReply::Bytes("-ERR unknown command 'AUTH', with args beginning with: 's3cret'\r\n")
    });
    let url = sentinel.url().replace("redis://", "redis+sentinel://");
    let url = format!("{url}mymaster?sentinel_password={SECRET}");
    let error = RedisStore::builder(&url).build().unwrap_err();
    assert_silent(&url, &everything_said(&error));
    let lazy = RedisStore::builder(&url).connect_lazily().build().unwrap();
    let error = lazy.increment(&downloads_of(1), 1).unwrap_err();
    assert_silent(&url, &everything_said(&error));
}
