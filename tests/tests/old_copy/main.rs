//! G6, shown by visiting every state: a store that comes back from an old copy, beside processes
//! that claim, commit and die. What each question is needed for is shown by leaving it out.

mod parts;

use counter_tests::model::old_copy::{
    Asks, CLAIMS_NOTHING, LOSES_NOTHING_PENDING, NEVER_DOUBLED, NO_FALSE_ALARM, OldCopy,
};
use counter_tests::model::scenario::{check, refute};

#[test]
fn a_store_that_came_back_doubles_nothing_before_a_process_refuses() {
    for writers in [1, 2] {
        check(restored(writers), &format!("restored, {writers} rows"));
    }
}

#[test]
fn a_store_that_did_not_come_back_is_never_refused() {
    for writers in [1, 2] {
        let said = &[NEVER_DOUBLED, NO_FALSE_ALARM];
        let model = OldCopy { is_restored: false, said, ..restored(writers) };
        check(model, &format!("not restored, {writers} rows"));
    }
}

#[test]
fn a_question_at_the_start_alone_comes_too_early() {
    refute_asking(
        Asks { in_transaction: false, ..Asks::default() },
        "at the start",
        &[NEVER_DOUBLED],
    );
}

#[test]
fn a_newest_sequence_that_is_only_compared_is_passed_by_the_next_claim() {
    refute_asking(Asks { by_membership: false, ..Asks::default() }, "compared", &[NEVER_DOUBLED]);
}

#[test]
fn the_greatest_row_of_the_record_hides_the_one_that_the_store_forgot() {
    refute_asking(Asks { greatest_only: true, ..Asks::default() }, "greatest", &[NEVER_DOUBLED]);
}

#[test]
fn a_record_that_is_written_before_it_is_read_hides_what_it_said() {
    refute_asking(Asks { of_own_row: false, ..Asks::default() }, "own row", &[NEVER_DOUBLED]);
}

#[test]
fn without_a_question_at_the_start_an_old_store_is_claimed_from() {
    refute_asking(Asks { at_start: false, ..Asks::default() }, "no start", &[CLAIMS_NOTHING]);
}

#[test]
fn a_claim_that_went_with_an_old_copy_is_taken_for_lost_if_nobody_asks() {
    refute_asking(Asks { of_gone: false, ..Asks::default() }, "gone", &[LOSES_NOTHING_PENDING]);
}

fn refute_asking(asks: Asks, name: &str, said: &'static [&'static str; 1]) {
    refute(OldCopy { asks, said, ..restored(2) }, name, said[0]);
}

fn restored(writers: usize) -> OldCopy {
    let said = &[NEVER_DOUBLED, CLAIMS_NOTHING, LOSES_NOTHING_PENDING];
    OldCopy { passes: vec![2, 2], writers, is_restored: true, asks: Asks::default(), said }
}
