//! Shows, by visiting every state, that rolling days up into their month loses, doubles and
//! misreads nothing, beside increments, late ones too, passes that die, and a read. Leaving out
//! each part of the roll-up shows what it is needed for.

use counter_tests::model::roll_note::{self, NoteRules, RollNote, WaitsFor};
use counter_tests::model::rollup::{
    READS, RECOVERS, REMOVES, ROLLS_UP, RollUp, RollUpRules, Waits,
};
use counter_tests::model::scenario::{check, refute};

const ALL: [&str; 4] = [RECOVERS, READS, ROLLS_UP, REMOVES];

#[test]
fn a_roll_up_loses_and_misreads_nothing_whoever_dies_at_whichever_step() {
    check(RollUp { crashes: 2, said: ALL.to_vec(), ..world() }, "rolled up");
}

#[test]
fn a_day_that_comes_back_to_0_is_rolled_up_as_well() {
    check(RollUp { counts: vec![1, 1, -1], said: ALL.to_vec(), ..world() }, "back to 0");
    check(RollUp { counts: vec![-4], crashes: 2, said: ALL.to_vec(), ..world() }, "0 by itself");
}

#[test]
fn a_row_that_is_removed_at_once_is_missed_by_a_read_that_saw_its_claim() {
    let rules = RollUpRules { keeps_row: false, confirms: false, ..RollUpRules::default() };
    refute_reading(rules, vec![1, 1]);
}

#[test]
fn a_row_that_is_removed_before_older_reads_have_ended_is_missed_by_them() {
    let rules = RollUpRules { waits: Waits::No, confirms: false, ..RollUpRules::default() };
    refute_reading(rules, vec![1, 1]);
}

/// The row has been 0 for long when a claim that it has seen is finally acknowledged.
#[test]
fn a_read_that_takes_a_missing_row_for_one_that_never_was_counts_a_claim_again() {
    let rules = RollUpRules { confirms: false, ..RollUpRules::default() };
    refute_reading(rules, vec![-4]);
}

#[test]
fn a_row_that_is_removed_without_a_look_lets_a_claim_be_applied_again() {
    let rules = RollUpRules { looks_last: false, ..RollUpRules::default() };
    let world = RollUp { counts: vec![1, 1, -1], rules, said: vec![RECOVERS], ..world() };
    refute(world, "no look before the removal", RECOVERS);
}

#[test]
fn one_of_the_two_looks_is_enough_for_what_is_counted_up_and_both_may_not_be_left_out() {
    let rules = RollUpRules { looks_first: false, ..RollUpRules::default() };
    check(RollUp { rules, said: ALL.to_vec(), ..world() }, "no look before the roll-up");
    let rules = RollUpRules { looks_last: false, ..rules };
    let world = RollUp { rules, said: vec![RECOVERS], ..world() };
    refute(world, "no looks", RECOVERS);
}

#[test]
fn what_is_rolled_up_is_read_whether_the_longer_grain_is_declared_or_not() {
    let said = vec![roll_note::READS, roll_note::ROLLS_UP];
    check(RollNote { counts: 3, rules: NoteRules::default(), said }, "noted");
}

#[test]
fn a_note_that_readers_have_not_read_yet_makes_them_miss_what_is_rolled_up() {
    for waits in [WaitsFor::NextCall, WaitsFor::Nothing] {
        refute_noting(NoteRules { waits, ..NoteRules::default() });
    }
}

#[test]
fn a_month_that_is_not_over_may_be_counted_and_have_what_was_rolled_up_too() {
    refute_noting(NoteRules { only_closed: false, ..NoteRules::default() });
}

#[test]
fn a_month_that_was_counted_has_its_days_twice_once_they_are_rolled_up() {
    refute_noting(NoteRules { only_uncounted: false, ..NoteRules::default() });
}

#[test]
fn a_read_of_months_that_are_not_noted_takes_what_they_counted_themselves() {
    refute_noting(NoteRules { reads_noted: false, ..NoteRules::default() });
}

fn refute_noting(rules: NoteRules) {
    let world = RollNote { counts: 3, rules, said: vec![roll_note::READS] };
    refute(world, &format!("{rules:?}"), roll_note::READS);
}

fn refute_reading(rules: RollUpRules, counts: Vec<i64>) {
    let name = format!("{rules:?}");
    refute(RollUp { counts, rules, said: vec![READS], ..world() }, &name, READS);
}

fn world() -> RollUp {
    let rules = RollUpRules::default();
    RollUp { counts: vec![1, 1, 1], passes: 2, crashes: 1, rules, said: Vec::new() }
}
