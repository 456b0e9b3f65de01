use std::process::{Command, Output};

use counter_core::{DeltaStore as _, Error, RedisStore};
use counter_tests::fixtures::views_of;
use counter_tests::servers::TlsRedis;

/// Counts once in a process that trusts the certificates in this file.
fn count_once(url: &str, trusted: &str) -> Output {
    let mut counting = Command::new(env!("CARGO_BIN_EXE_count_once"));
    counting.arg(url).env("SSL_CERT_FILE", trusted).env_remove("SSL_CERT_DIR");
    counting.output().unwrap()
}

fn count(server: &TlsRedis) -> Option<i64> {
    let mut bare = server.plain().bare();
    redis::cmd("GET").arg("counter:post:1:views").query(&mut bare).unwrap()
}

#[test]
fn a_server_is_counted_in_over_tls() {
    let server = TlsRedis::start();
    let counted = count_once(&server.url(), server.certificate().to_str().unwrap());
    assert!(counted.status.success(), "{counted:?}");
    assert_eq!(count(&server), Some(1));
}

#[test]
fn a_server_that_is_not_trusted_is_not_counted_in() {
    let (server, other) = (TlsRedis::start(), TlsRedis::start());
    let counted = count_once(&server.url(), other.certificate().to_str().unwrap());
    assert!(!counted.status.success());
    let said = String::from_utf8(counted.stderr).unwrap();
    assert!(said.contains("certificate"), "{said}");
    assert_eq!(count(&server), None);
}

#[test]
fn a_certificate_that_the_builder_is_given_is_trusted_and_no_other() {
    let (server, other) = (TlsRedis::start(), TlsRedis::start());
    let builder = || RedisStore::builder(server.url());
    let store = builder().ca_file(server.certificate()).build().unwrap();
    store.increment(&views_of(1), 1).unwrap();
    assert_eq!(count(&server), Some(1));
    let refused = builder().ca_file(other.certificate()).build().unwrap_err();
    assert!(matches!(refused, Error::Store { .. }), "{refused:?}");
    let refused = builder().build().unwrap_err();
    assert!(matches!(refused, Error::Store { .. }), "{refused:?}");
}

#[test]
fn a_file_without_certificates_is_refused_by_its_name() {
    let builder = || RedisStore::builder("rediss://localhost:1/").connect_lazily();
    let error = builder().ca_file("/nowhere/at/all.pem").build().unwrap_err();
    assert!(matches!(error, Error::RedisUrl { .. }), "{error:?}");
    assert!(error.to_string().contains("/nowhere/at/all.pem"), "{error}");
}

#[test]
fn any_certificate_is_trusted_where_the_url_says_so() {
    let server = TlsRedis::start();
    let store = RedisStore::builder(format!("{}#insecure", server.url())).build().unwrap();
    store.increment(&views_of(1), 1).unwrap();
    assert_eq!(count(&server), Some(1));
}
