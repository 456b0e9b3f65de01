//! That a check-up ends soon, however much there is. Its bounds are smaller here than by default,
//! and so is what reaches them.

use std::num::NonZeroUsize;
use std::time::Duration;

use counter_diesel::Counters;
use counter_diesel::check::FindingCode as Code;
use counter_diesel::check::Severity::{Note, Warning};
use counter_diesel::check::SurveyBounds;
use counter_tests::fixtures::views_of;
use counter_tests::servers::{FakeRedis, FakeReply, RedisServer};

use super::{CheckSite, found};

/// Bounds of this many names, in pages of ten, and of no time.
fn names(max_names: u64) -> SurveyBounds {
    let page = NonZeroUsize::new(10).unwrap();
    SurveyBounds { max_names, longest: Duration::MAX, page }
}

fn counted_site(names: i64) -> CheckSite {
    let site = CheckSite::with_redis(RedisServer::start_with(&["--save", "3600 1"]));
    let store = site.store_at(&site.redis.url(), &Default::default());
    let increments = (0..names).map(|number| (views_of(number), 1)).collect::<Vec<_>>();
    assert!(store.increment_many(&increments).iter().all(Result::is_ok));
    site
}

#[test]
fn of_more_names_than_the_bound_the_rest_is_not_looked_at() {
    let site = counted_site(300);
    let check_up = site.counters().check_within(names(200));
    let expected = [(Warning, Code::StoreNotPersistent), (Note, Code::SurveyCutShort)];
    assert_eq!(found(&check_up), expected, "{check_up}");
    let message = &check_up.findings[1].message;
    let looked_at = message.split_whitespace().find_map(|word| word.parse::<u64>().ok());
    // The last page may have gone beyond it.
    assert!((200..300).contains(&looked_at.unwrap()), "{message}");
}

#[test]
fn fewer_names_than_the_bound_are_all_looked_at() {
    let site = counted_site(300);
    let check_up = site.counters().check_within(names(400));
    assert_eq!(found(&check_up), [(Warning, Code::StoreNotPersistent)], "{check_up}");
}

#[test]
fn behind_all_other_prefixes_together_no_more_names_are_looked_at_than_the_bound() {
    let site = counted_site(3);
    for prefix in ["a:", "b:", "c:"] {
        site.sql(&format!(
            "INSERT INTO model_counters_state (prefix, store_id, synced_at) \
             VALUES ('{prefix}', 'id', datetime('now', '-{} days'))",
            prefix.as_bytes()[0]
        ));
    }
    let held_with = |max_names| {
        let check_up = site.counters().check_within(names(max_names));
        check_up.prefixes.into_iter().map(|used| (used.prefix, used.held)).collect::<Vec<_>>()
    };
    let expected = |held: [Option<u64>; 3]| {
        let others = ["a:", "b:", "c:"].map(str::to_owned).into_iter().zip(held);
        others.chain([("counter:".to_owned(), Some(3))]).collect::<Vec<_>>()
    };
    assert_eq!(held_with(100), expected([Some(0); 3]));
    assert_eq!(held_with(20), expected([Some(0), Some(0), None]), "the last ones first");
}

#[test]
fn names_of_others_are_not_among_those_that_are_looked_at() {
    let options = ["--enable-debug-command", "yes"];
    let site = CheckSite::with_redis(RedisServer::start_with(&options));
    let () = site.redis("DEBUG POPULATE 5000 other");
    let store = site.store_at(&site.redis.url(), &Default::default());
    store.increment(&views_of(1), 1).unwrap();
    let check_up = site.counters().check_within(names(100));
    assert_eq!(found(&check_up), [(Warning, Code::StoreNotPersistent)], "{check_up}");
}

/// Simulates a server that gets new names faster than a check-up can look at them.
#[test]
fn a_store_that_never_comes_to_an_end_is_left_when_the_time_is_over() {
    let endless = FakeRedis::start(|_, words| match words[0].as_str() {
        "INFO" => FakeReply::Bytes("$22\r\nredis_version:7.0.15\r\n\r\n"),
        "GET" => FakeReply::Bytes("$-1\r\n"),
        "MGET" => FakeReply::Bytes("*1\r\n$-1\r\n"),
        "SCAN" => FakeReply::Bytes("*2\r\n$1\r\n1\r\n*0\r\n"),
        _ => FakeReply::Bytes("-ERR unknown command\r\n"),
    });
    let site = CheckSite::new();
    let store = site.store_at(&endless.url(), &Default::default());
    let ledger = std::sync::Arc::clone(&site.ledger);
    let counters = Counters::from_parts(Default::default(), store, ledger);
    let bounds = SurveyBounds { longest: Duration::from_millis(50), ..names(100) };
    let check_up = counters.check_within(bounds);
    assert!(found(&check_up).contains(&(Note, Code::SurveyCutShort)), "{check_up}");
}
