//! That a check-up ends soon, however much there is.

use counter_diesel::FindingCode as Code;
use counter_diesel::Severity::{Note, Warning};
use counter_diesel::{CheckUp, Counters};
use counter_tests::servers::{FakeRedis, FakeReply, RedisServer};

use super::{DURABLE, Site, check_in_time, found, id};

fn check_soon(site: &Site) -> CheckUp {
    check_in_time(site.counters()).expect("it ends soon")
}

#[test]
fn of_more_than_a_hundred_thousand_names_the_rest_is_not_looked_at() {
    let site = Site::with_redis(RedisServer::start_with(&["--save", "3600 1"]));
    let store = site.store_at(&site.redis.url(), &Default::default());
    let increments = (0..120_000).map(|number| (id(number), 1)).collect::<Vec<_>>();
    assert!(store.increment_many(&increments).iter().all(Result::is_ok));
    let check_up = check_soon(&site);
    let expected = [(Warning, Code::StoreNotPersistent), (Note, Code::SurveyCutShort)];
    assert_eq!(found(&check_up), expected, "{check_up}");
}

#[test]
fn a_million_names_of_others_do_not_keep_it() {
    let options = ["--enable-debug-command", "yes"];
    let site = Site::with_redis(RedisServer::start_with(&options));
    let () = site.redis("DEBUG POPULATE 1000000 other");
    let store = site.store_at(&site.redis.url(), &Default::default());
    store.increment(&id(1), 1).unwrap();
    let check_up = check_soon(&site);
    let codes = found(&check_up).into_iter().map(|(_, code)| code).collect::<Vec<_>>();
    assert!(codes.contains(&Code::StoreNotPersistent), "{check_up}");
    let rest = codes.iter().filter(|code| **code != Code::StoreNotPersistent);
    // On a machine that is very slow the time may be over first, and then it says so.
    assert!(rest.clone().all(|code| *code == Code::SurveyCutShort), "{check_up}");
}

/// As a server would that gets new names faster than they can be looked at.
#[test]
fn a_store_that_never_comes_to_an_end_is_left_after_ten_seconds() {
    let endless = FakeRedis::start(|_, words| match words[0].as_str() {
        "INFO" => FakeReply::Bytes("$22\r\nredis_version:7.0.15\r\n\r\n"),
        "GET" => FakeReply::Bytes("$-1\r\n"),
        "MGET" => FakeReply::Bytes("*1\r\n$-1\r\n"),
        "SCAN" => FakeReply::Bytes("*2\r\n$1\r\n1\r\n*0\r\n"),
        _ => FakeReply::Bytes("-ERR unknown command\r\n"),
    });
    let site = Site::new();
    let store = site.store_at(&endless.url(), &Default::default());
    let ledger = std::sync::Arc::clone(&site.ledger);
    let counters = Counters::from_parts(Default::default(), store, ledger);
    let check_up = check_in_time(counters).expect("it ends soon");
    assert!(found(&check_up).contains(&(Note, Code::SurveyCutShort)), "{check_up}");
}

#[test]
fn foreign_names_by_the_ten_thousand_are_counted_and_three_are_shown() {
    let options = ["--enable-debug-command", "yes"];
    let redis = RedisServer::start_with(&[&DURABLE[..], &options].concat());
    let site = Site::with_redis(redis);
    let () = site.redis("DEBUG POPULATE 50000 counter:user");
    let check_up = check_soon(&site);
    let finding = check_up.findings.iter().find(|finding| finding.code == Code::ForeignNames);
    let finding = finding.unwrap_or_else(|| panic!("{check_up}"));
    // A machine that is slow looks at fewer of them, and says so.
    let is_cut_short = check_up.findings.iter().any(|other| other.code == Code::SurveyCutShort);
    assert!(finding.message.starts_with("50000 names") || is_cut_short, "{finding}");
    assert_eq!((finding.severity, check_up.worst()), (Warning, Some(Warning)), "{check_up}");
    assert!(finding.message.len() < 1000, "{finding}");
}
