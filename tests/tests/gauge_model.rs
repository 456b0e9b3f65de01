//! Shows, by visiting every state, that a late reading of a gauge changes no newer one. Leaving out
//! each part of the rule shows what it is needed for.

use counter_tests::model::gauge::{AGREES, Ahead, Asks, Gauge, HEARD, NEWEST, NOW, OWN_DAY, Rule};
use counter_tests::model::scenario::{check, refute};

#[test]
fn the_total_is_the_newest_reading_in_whichever_order_they_are_recorded() {
    check(Gauge { readings: vec![3, 5, 12, 15, 19], losses: 0, ..world() }, "in any order");
}

#[test]
fn where_the_newest_instant_was_lost_the_total_is_of_the_newest_day() {
    check(Gauge { losses: 2, ..world() }, "lost twice");
}

#[test]
fn a_clock_that_is_ahead_does_not_make_the_readings_of_others_older() {
    for readings in [vec![5, 12, NOW, 25], vec![12, 15, 25], vec![12, 25]] {
        check(Gauge { readings, ..world() }, "a clock is ahead");
    }
}

#[test]
fn an_instant_ahead_that_is_remembered_silences_others_or_takes_a_day_that_it_is_not_in() {
    for (ahead, readings, property) in
        [(Ahead::Remembered, vec![12, NOW, 25], HEARD), (Ahead::AsNow, vec![12, 25], OWN_DAY)]
    {
        let rule = Rule { ahead, ..Rule::default() };
        refute(Gauge { readings, losses: 0, rule, ..world() }, &format!("{rule:?}"), property);
    }
}

#[test]
fn an_instant_that_is_lost_while_it_is_asked_for_is_missed() {
    // This is a limit, not a mistake: it needs a reading of a later day, its sync and the loss of
    // the instant, all within one call.
    refute(Gauge { loses_while_asked: true, ..world() }, "lost while asked", NEWEST);
}

#[test]
fn a_reading_that_is_compared_with_none_changes_a_newer_one() {
    refute_rule(Rule { compares: false, ..Rule::default() }, 0, NEWEST);
}

#[test]
fn what_the_table_does_not_have_yet_may_be_newer() {
    refute_rule(Rule { asks: Asks::Table, ..Rule::default() }, 1, NEWEST);
}

#[test]
fn a_store_that_knows_no_instant_may_hold_a_newer_reading() {
    refute_rule(Rule { asks: Asks::Nothing, ..Rule::default() }, 1, NEWEST);
}

#[test]
fn an_older_reading_of_the_newest_day_would_part_that_day_from_the_total() {
    refute_rule(Rule { keeps_newer_of_day: false, ..Rule::default() }, 0, AGREES);
}

#[test]
fn an_older_instant_that_is_remembered_lets_one_between_be_the_newest() {
    refute_rule(Rule { remembers_older: true, ..Rule::default() }, 0, NEWEST);
}

fn world() -> Gauge {
    let rule = Rule::default();
    Gauge { readings: vec![5, 12, 15], losses: 1, loses_while_asked: false, rule }
}

fn refute_rule(rule: Rule, losses: u8, property: &'static str) {
    refute(Gauge { losses, rule, ..world() }, &format!("{rule:?}"), property);
}
