//! Shows, by visiting every state, that a gauge gets another name without losing a reading. Leaving
//! out each part of the rule shows what it is needed for.

use counter_tests::model::renamed_gauge::Name::{New, Old};
use counter_tests::model::renamed_gauge::{
    KEPT, Name, RIGHT, ReadsNewest, RenamedGauge, Rule, Stays,
};
use counter_tests::model::scenario::{check, refute};

#[test]
fn a_bucket_has_the_last_reading_whichever_name_it_was_recorded_by() {
    check(bucket(), "by both names");
    check(RenamedGauge { losses: 1, ..bucket() }, "the store is lost");
}

#[test]
fn a_total_has_the_newest_reading_whichever_name_it_was_recorded_by() {
    for newest in [Old, New] {
        check(total(newest), "by both names");
        check(RenamedGauge { losses: 1, ..total(newest) }, "the store is lost");
    }
}

#[test]
fn a_reading_of_the_new_name_that_always_stays_hides_what_old_processes_record() {
    refute_rule(Rule { stays: Stays::New, ..Rule::default() }, bucket(), RIGHT);
}

#[test]
fn a_reading_of_the_new_name_that_was_not_seen_would_be_replaced() {
    refute_rule(Rule { compares_new: false, ..Rule::default() }, bucket(), RIGHT);
}

#[test]
fn a_reading_of_the_old_name_that_was_not_seen_would_be_deleted() {
    for gauge in [bucket(), total(Old)] {
        refute_rule(Rule { compares_old: false, ..Rule::default() }, gauge, RIGHT);
    }
}

#[test]
fn a_reading_that_is_only_in_the_store_is_lost_with_it_once_the_old_name_is_deleted() {
    let gauge = RenamedGauge { losses: 1, ..bucket() };
    refute_rule(Rule { waits_for_table: false, ..Rule::default() }, gauge, KEPT);
}

#[test]
fn a_newest_instant_that_is_read_before_or_after_the_reading_may_be_of_another_one() {
    for (reads_newest, newest) in [(ReadsNewest::Before, New), (ReadsNewest::After, Old)] {
        refute_rule(Rule { reads_newest, ..Rule::default() }, total(newest), RIGHT);
    }
}

fn bucket() -> RenamedGauge {
    let readings = vec![(Old, 1), (New, 2), (Old, 3), (New, 4)];
    RenamedGauge { readings, is_total: false, losses: 0, rule: Rule::default() }
}

/// A total whose newest reading is recorded by this name.
fn total(newest: Name) -> RenamedGauge {
    let readings = vec![(Old, 1), (New, 2), (Old, 3), (newest, 4)];
    RenamedGauge { readings, is_total: true, ..bucket() }
}

fn refute_rule(rule: Rule, gauge: RenamedGauge, property: &'static str) {
    refute(RenamedGauge { rule, ..gauge }, &format!("{rule:?}"), property);
}
