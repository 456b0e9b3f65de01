//! A prefix that was changed while something was pending behind the old one.

use counter_core::Config;
use counter_diesel::check::FindingCode as Code;
use counter_diesel::check::Severity::Warning;
use counter_diesel::{Counters, SyncOptions, SyncReport};
use counter_tests::fixtures::post;

use super::{CheckSite, found, only};

/// The counters of a process that has another prefix than the others.
fn changed(site: &CheckSite) -> Counters {
    let mut config = Config::default();
    config.prefix = "app:".parse().unwrap();
    site.counters_with(config)
}

fn sync(counters: &Counters) -> SyncReport {
    counters.sync(&SyncOptions::default()).unwrap()
}

/// Two counters are left behind the prefix that was synced, one of them claimed.
fn left_behind() -> CheckSite {
    let site = CheckSite::new();
    let counters = site.counters();
    counters.increment(post(1), "views", 1).unwrap();
    assert!(sync(&counters).is_clean());
    counters.increment(post(2), "views", 5).unwrap();
    let () = site.redis("SET counter:{counter:post:3:views} 1:add:7");
    site
}

fn synced_ago(site: &CheckSite, time: &str) {
    site.sql(&format!(
        "UPDATE model_counters_state SET synced_at = datetime('now', '-{time}') \
         WHERE prefix = 'counter:' AND synced_at IS NOT NULL"
    ));
}

#[test]
fn the_first_sync_of_a_changed_prefix_says_so_once() {
    let site = left_behind();
    let counters = changed(&site);
    for dry_run in [true, false] {
        let report = counters.sync(&SyncOptions::default().dry_run(dry_run)).unwrap();
        assert_eq!(report.prefix_changed.as_ref().unwrap().prefix, "counter:");
        assert!(report.is_clean(), "{report}");
    }
    assert!(sync(&counters).prefix_changed.is_none(), "it was said");
    assert!(sync(&site.counters()).prefix_changed.is_none(), "that one was synced before");
}

#[test]
fn a_set_behind_a_changed_prefix_is_no_sync_of_it() {
    let site = left_behind();
    changed(&site).set(post(9), "views", 1).unwrap();
    assert!(sync(&changed(&site)).prefix_changed.is_some());
}

#[test]
fn a_prefix_that_was_not_synced_for_a_month_is_in_no_use() {
    let site = left_behind();
    synced_ago(&site, "31 days");
    assert!(sync(&changed(&site)).prefix_changed.is_none());
}

#[test]
fn the_doctor_lists_what_is_held_behind_each_prefix() {
    let site = left_behind();
    let counters = changed(&site);
    counters.increment(post(1), "views", 1).unwrap();
    let check_up = counters.check();
    let listed = check_up.prefixes.iter();
    let listed = listed.map(|used| (used.prefix.as_str(), used.is_present, used.held));
    assert!(listed.eq([("app:", true, Some(1)), ("counter:", false, Some(2))]), "{check_up:?}");
    let synced = check_up.prefixes.iter().map(|used| used.synced_at.is_some());
    assert!(synced.eq([false, true]), "{check_up:?}");
}

#[test]
fn a_prefix_behind_which_counts_wait_is_a_warning_until_they_are_synced() {
    let site = left_behind();
    let counters = changed(&site);
    let finding = only(&counters.check(), Warning, Code::OtherPrefix);
    assert!(finding.message.contains("and never from app:: 2 counters hold"), "{finding}");
    assert!(finding.advice.ends_with("COUNTER_PREFIX=counter: counter sync"), "{finding}");
    let _ = sync(&counters);
    assert_eq!(found(&counters.check()), [], "each may be in use");
    synced_ago(&site, "2 hours");
    let finding = only(&counters.check(), Warning, Code::OtherPrefix);
    assert!(finding.message.ends_with(" UTC: 2 counters hold something there"), "{finding}");
    let mut impatient = Config::default();
    impatient.claim_timeout = std::time::Duration::ZERO;
    assert_eq!(sync(&site.counters_with(impatient)).applied, 2);
    synced_ago(&site, "2 hours");
    assert_eq!(found(&counters.check()), []);
}
