//! What the store holds.

use std::time::Duration;

use counter_core::Config;
use counter_diesel::check::FindingCode as Code;
use counter_diesel::check::Severity::{Error, Warning};
use counter_diesel::ledger::LockWait;
use counter_diesel::store::{Claim, ClaimOp, ClaimSeq};
use counter_diesel::{Counters, SyncOptions};
use counter_tests::fixtures::{post, views_of};

use super::{CheckSite, found, impatient, only};

#[test]
fn names_and_values_that_are_not_counters_are_a_warning_that_names_a_few() {
    let site = CheckSite::new();
    for (name, value) in [
        ("counter:x", "1"),
        ("counter:user:%61:d", "5"),
        ("counter:user:1:%64", "5"),
        ("counter:user:1:z", "abc"),
        ("counter:{counter:user:2:z}", "junk"),
    ] {
        let () = site.redis_words(&["SET", name, value]);
    }
    let _: i64 = site.redis("RPUSH counter:user:3:list a b");
    let _: i64 = site.redis("HSET counter:{counter:user:4:hash} a b");
    // Others' names.
    let () = site.redis("SET elsewhere:user:%61:d 5");
    let finding = only(&site.check(), Warning, Code::ForeignNames);
    assert!(finding.message.starts_with("7 names under the prefix ("), "{finding}");
    assert!(finding.message.contains(", …)"), "{finding}");
}

/// Writers in other languages send EXPIRE with each increment, out of habit.
#[test]
fn a_count_that_expires_is_an_error_that_names_it() {
    let site = CheckSite::new();
    let store = site.store_at(&site.redis.url(), &Config::default());
    let many = (1..3000).map(|number| (views_of(number), 1)).collect::<Vec<_>>();
    assert!(store.increment_many(&many).iter().all(Result::is_ok));
    assert_eq!(found(&site.check()), []);
    let _: i64 = site.redis("EXPIRE counter:post:1234:views 100000");
    let finding = only(&site.check(), Error, Code::CountsExpire);
    assert!(
        finding.message.starts_with("1 counters (post:1234:views) have an expiry"),
        "{finding}"
    );
    assert!(finding.message.contains("in 99"), "{finding}");

    store.claim(&[views_of(1234), views_of(7)], Duration::MAX).unwrap();
    assert_eq!(found(&site.check()), [], "a claim has no expiry");
    let _: i64 = site.redis("EXPIRE counter:{counter:post:7:views} 100000");
    let finding = only(&site.check(), Error, Code::CountsExpire);
    assert!(finding.message.starts_with("1 counters (post:7:views) have an expiry"), "{finding}");
}

#[test]
fn each_kind_of_foreign_thing_is_found_and_named_by_itself() {
    let site = CheckSite::new();
    for (make, name) in [
        ("SET counter:user:1:z 007", "counter:user:1:z"),
        ("SET counter:{counter:user:1:z} 7:add:05", "counter:{counter:user:1:z}"),
        ("RPUSH counter:user:1:z a", "counter:user:1:z"),
        ("SADD counter:{counter:user:1:z} a", "counter:{counter:user:1:z}"),
        ("SET counter:{user:1:z} 5", "counter:{user:1:z}"),
    ] {
        site.redis.flush();
        let _: redis::Value = site.redis(make);
        let finding = only(&site.check(), Warning, Code::ForeignNames);
        let expected = format!("1 names under the prefix ({name})");
        assert!(finding.message.starts_with(&expected), "{make}: {finding}");
    }
}

#[test]
fn claims_that_nobody_finishes_are_a_warning_with_the_oldest() {
    let site = CheckSite::new();
    let store = site.store_at(&site.redis.url(), &Config::default());
    store.increment(&views_of(1), 1).unwrap();
    store.claim(&[views_of(1)], Duration::MAX).unwrap();
    assert_eq!(found(&site.check()), [], "a living sync may have it");
    let (now, _): (i64, i64) = site.redis("TIME");
    for (number, age) in [(2, 1800), (3, 3600), (4, 2700)] {
        let claim = format!("{}:add:5", (now - age) * 1_000_000);
        let () = site.redis(&format!("SET counter:{{counter:post:{number}:views}} {claim}"));
    }
    let finding = only(&site.check(), Warning, Code::ClaimsLeftBehind);
    assert!(finding.message.starts_with("3 claims "), "{finding}");
    assert!(finding.message.ends_with(": post:3:views"), "{finding}");
    let (_, age) = finding.message.split_once(" for ").unwrap();
    let seconds = age.split(' ').next().unwrap().parse::<u64>().unwrap();
    // The machine may be slow.
    assert!((3600..4000).contains(&seconds), "{finding}");
    assert!(site.counters_with(impatient()).sync(&SyncOptions::default()).unwrap().is_clean());
    assert_eq!(found(&site.counters_with(impatient()).check()), []);
}

#[test]
fn a_claim_that_its_row_has_overtaken_is_an_error() {
    let site = CheckSite::new();
    let counters = site.counters();
    counters.increment(post(1), "views", 5).unwrap();
    counters.increment(post(2), "views", 5).unwrap();
    let store = site.store_at(&site.redis.url(), &Config::default());
    store.claim(&[views_of(1), views_of(2)], Duration::MAX).unwrap();
    overtake(&site, 1);
    let finding = only(&counters.check(), Error, Code::Conflicts);
    assert!(finding.message.starts_with("1 claims (post:1:views (claim "), "{finding}");
    let report = site.counters_with(impatient()).sync(&SyncOptions::default()).unwrap();
    assert_eq!(report.conflicts.count(), 1, "a sync finds the same");
}

fn overtake(site: &CheckSite, number: i64) {
    let future = ClaimSeq::new(i64::MAX / 2);
    let newer = Claim { id: views_of(number), seq: future, op: ClaimOp::Set(100) };
    let mut transaction = site.ledger.begin(LockWait::Usual).unwrap();
    transaction.upsert(&[newer]).unwrap();
    transaction.commit().unwrap();
}

/// Between the look at a claim and the look at its row a sync may have finished it and another
/// begun.
#[test]
fn a_claim_that_is_finished_while_it_is_checked_is_no_conflict() {
    let site = CheckSite::new();
    let counters = site.counters();
    counters.increment(post(1), "views", 5).unwrap();
    let store = site.store_at(&site.redis.url(), &Config::default());
    store.claim(&[views_of(1)], Duration::MAX).unwrap();
    let other = site.counters_with(impatient());
    let faults = counter_tests::faults::Faults::calling_once_before("baselines", move || {
        for _ in 0..2 {
            other.increment(post(1), "views", 1).unwrap();
            assert!(other.sync(&SyncOptions::default()).unwrap().is_clean());
        }
    });
    let ledger =
        counter_tests::faults::FaultyLedger { inner: std::sync::Arc::clone(&site.ledger), faults };
    let checked = Counters::from_parts(Config::default(), store, std::sync::Arc::new(ledger));
    assert_eq!(found(&checked.check()), []);
    assert_eq!(counters.get(post(1), "views").unwrap(), 7);
}
