use std::process::{Command, Output};

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
