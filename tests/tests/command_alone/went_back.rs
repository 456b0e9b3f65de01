use std::time::Duration;

use counter_core::Claimed;
use counter_diesel::{Counters, SyncOptions};
use counter_tests::command::json;
use counter_tests::fixtures::{post, views_of};
use counter_tests::program::{Program, ProgramEnd};
use counter_tests::site::Site;
use serde_json::{Value, json};

fn run(site: &Site, arguments: &[&str]) -> ProgramEnd {
    Program::start(site.command().args(arguments)).finish()
}

fn json_of(site: &Site, arguments: &[&str], code: i32) -> Value {
    let ended = run(site, &[arguments, &["--json"]].concat());
    assert_eq!((ended.code(), ended.errors.as_str()), (code, ""), "{ended:?}");
    json(&ended.output)
}

fn views(counters: &Counters) -> [i64; 3] {
    [1, 2, 3].map(|id| counters.baseline(post(id), "views").unwrap())
}

/// The store holds 3 views of the first post and a claim of 4 of the second, which are in the
/// table, and one of the third, which is not: it was counted since.
fn gone_back(site: &Site) {
    let counters = site.counters_after(Duration::ZERO);
    counters.run_pending_migrations().unwrap();
    let sync = || assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
    counters.increment(post(1), "views", 5).unwrap();
    sync();
    counters.increment(post(1), "views", 3).unwrap();
    counters.increment(post(2), "views", 4).unwrap();
    let id = views_of(2);
    let claimed = site.store().claim(&[id], Duration::MAX).unwrap();
    assert!(matches!(claimed[..], [Claimed::Fresh(_)]), "{claimed:?}");

    let copy = site.redis().copy_of_disk();
    sync();
    counters.increment(post(2), "views", 1).unwrap();
    sync();
    assert_eq!(views(&counters), [8, 5, 0]);
    site.redis().go_back_to(&copy);
    site.patient_counters().increment(post(3), "views", 1).unwrap();
}

#[test]
fn a_store_that_came_back_is_reported_with_the_times_and_what_to_do() {
    let site = Site::with_sqlite();
    gone_back(&site);
    let ended = run(&site, &["sync"]);
    assert_eq!((ended.code(), ended.output.as_str()), (1, ""), "{ended:?}");
    assert!(ended.errors.ends_with("; to see and decide: counter conflicts\n"), "{ended:?}");

    let shown = json_of(&site, &["conflicts"], 1);
    let went_back = &shown["went_back"];
    assert!(went_back["found"].as_i64() < went_back["newest"].as_i64(), "{shown}");
    assert!(went_back["synced_at"].is_string(), "{shown}");
    let mut held = shown["counters"]["first"].as_array().unwrap().clone();
    held.sort_by_key(|both| both["counter"].to_string());
    let held =
        held.iter().map(|both| [&both["pending"], &both["claim"]["value"], &both["row"]["value"]]);
    let [three, four, one, none, zero] = [json!(3), json!(4), json!(1), json!(null), json!(0)];
    let expected = [[&three, &none, &json!(8)], [&zero, &four, &json!(5)], [&one, &none, &zero]];
    assert_eq!(held.collect::<Vec<_>>(), expected, "{shown}");

    let ended = run(&site, &["conflicts"]);
    assert_eq!((ended.code(), ended.errors.as_str()), (1, ""), "{ended:?}");
    let time = |field: &str| went_back[field].as_str().unwrap();
    let start = format!(
        "the store came back from an old copy: the newest claim that it knows was made at {},\n\
         but it has made claims until {}; nothing is synced\nthe last good sync ended at {}\n",
        time("found_at"),
        time("newest_at"),
        time("synced_at")
    );
    assert!(ended.output.starts_with(&start), "{ended:?}");
    let rows = ["      -       +3", "     +4        -", "      -       +1"];
    assert!(rows.iter().all(|row| ended.output.contains(row)), "{ended:?}");

    let found = json_of(&site, &["doctor"], 1);
    assert_eq!(found["findings"][0]["code"], json!("store-went-back"), "{found}");
}

/// Though the claim is younger than a sync usually waits.
#[test]
fn what_came_back_is_applied_or_discarded_on_a_word() {
    for (site, decision, expected, discarded) in [
        (Site::with_postgres(), "apply", [11, 9, 1], 0),
        (Site::with_mariadb(), "discard", [8, 5, 0], 3),
    ] {
        gone_back(&site);
        let report = json_of(&site, &["conflicts", decision], 0);
        assert_eq!((&report["discarded"], &report["busy"]), (&json!(discarded), &json!(0)));
        let counters = site.patient_counters();
        assert_eq!(views(&counters), expected, "{decision}");
        let ended = run(&site, &["conflicts"]);
        assert_eq!((ended.code(), ended.output.as_str()), (0, "no conflicts\n"), "{ended:?}");
        counters.increment(post(1), "views", 1).unwrap();
        assert_eq!(json_of(&site, &["sync"], 0)["applied"], json!(1));
        assert_eq!(views(&counters)[0], expected[0] + 1);
    }
}
