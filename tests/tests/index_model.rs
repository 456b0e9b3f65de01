//! The rule by which the index of what is pending is kept, shown by visiting every state:
//! increments and sets that write it, and workers that claim, die, and remove what they have found.
//! Leaving out each part of the rule shows what it is needed for.

use counter_tests::effort::load;
use counter_tests::model::index::{EMPTIES, Index, Keeps, NAMED, Token};
use counter_tests::model::scenario::{check, refute};

#[test]
fn what_is_pending_is_named_whichever_worker_dies() {
    let increments = 3 + u8::from(load(1) > 1);
    check(Index { increments, sets: 0, ..world() }, "increments");
}

#[test]
fn a_set_is_named_whichever_worker_dies() {
    check(Index { increments: 1, sets: 1, lost_replies: 0, ..world() }, "a set");
}

#[test]
fn a_write_without_an_answer_is_repeated_with_another_token() {
    check(Index { increments: 2, sets: 0, lost_replies: 1, ..world() }, "repeated writes");
}

#[test]
fn a_field_that_is_removed_after_a_recovered_claim_may_name_what_was_counted_since() {
    refute_keeping(Keeps { removes_recovered: true, ..Keeps::default() }, "recovered");
}

#[test]
fn a_field_that_is_removed_before_the_claim_is_acknowledged_is_missed_after_a_crash() {
    refute_keeping(Keeps { removes_unacknowledged: true, ..Keeps::default() }, "unacknowledged");
}

#[test]
fn a_removal_without_a_token_removes_what_was_named_since() {
    refute_keeping(Keeps { token: Token::Nothing, ..Keeps::default() }, "no token");
}

#[test]
fn a_removal_that_compares_counts_removes_what_was_named_anew() {
    refute_keeping(Keeps { token: Token::Count, ..Keeps::default() }, "counts");
}

#[test]
fn a_making_that_leaves_the_token_as_it_is_loses_its_name() {
    refute_keeping(Keeps { only_if_absent: true, ..Keeps::default() }, "only if absent");
}

#[test]
fn a_repeated_write_with_the_token_of_the_first_brings_back_an_old_name() {
    let keeps = Keeps { repeats_token: true, ..Keeps::default() };
    refute(Index { lost_replies: 1, keeps, ..world() }, "repeated token", NAMED);
}

#[test]
fn a_token_that_is_read_after_the_claim_is_of_something_newer() {
    refute_keeping(Keeps { reads_first: false, ..Keeps::default() }, "claims first");
}

#[test]
fn a_set_that_is_not_named_waits_for_a_scan() {
    let keeps = Keeps { of_sets: false, ..Keeps::default() };
    refute(Index { sets: 1, keeps, ..world() }, "sets", NAMED);
}

fn refute_keeping(keeps: Keeps, name: &str) {
    refute(Index { keeps, ..world() }, name, NAMED);
}

fn world() -> Index {
    Index {
        increments: 3,
        sets: 0,
        lost_replies: 0,
        passes: vec![2, 2],
        keeps: Keeps::default(),
        said: &[NAMED, EMPTIES],
    }
}
