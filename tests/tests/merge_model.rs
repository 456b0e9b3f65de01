//! A merge of one counter into another, shown to lose and double nothing by visiting every state: beside increments
//! of both, sets, passes, reads, deaths and lost answers. What each part of it is needed for is shown by leaving it out.

use counter_core::{Baseline, ClaimOp, ClaimSeq};
use counter_tests::effort::load;
use counter_tests::model::merge::rules::{By, MergeRules, Removes};
use counter_tests::model::merge::{
    ENDS_AT_ZERO, Merge, READS_FROM, READS_INTO, RECOVERS, REMOVES, REPEATS, SUM,
};
use counter_tests::model::scenario::{Scenario, check, refute};
use counter_tests::model::state::Left;

const EXACT: [&str; 3] = [RECOVERS, SUM, ENDS_AT_ZERO];

#[test]
fn a_merge_loses_nothing_whoever_dies_at_whichever_step() {
    let left = Left { increments: 1, crashes: 1, ..Left::default() };
    let from = Scenario::shared().syncing(0, more(2)).with(left);
    let said = [EXACT.as_slice(), &[REMOVES, REPEATS]].concat();
    let into = Scenario::shared().syncing(0, 1);
    check(Merge { from, into, crashes: 1, merges: vec![2], said, ..merge() }, "crashes");
}

#[test]
fn a_merge_loses_nothing_beside_two_syncs_one_of_which_finishes_what_the_other_left() {
    let from = Scenario::shared().syncing(0, 1).syncing(1, 2);
    let said = [EXACT.as_slice(), &[REMOVES]].concat();
    check(Merge { from, said, ..merge() }, "two syncs");
}

#[test]
fn two_merges_at_once_lose_nothing() {
    let from = Scenario::shared().syncing(0, 1).with(Left { increments: 1, ..Left::default() });
    let merges = vec![more(1), 1];
    // Each may read what the other is about to move, so neither can say that the other is done.
    let said = vec![RECOVERS, SUM, REMOVES, REPEATS];
    check(Merge { from, merges, said, ..merge() }, "two merges");
}

#[test]
fn a_move_that_is_not_answered_is_not_repeated_and_loses_nothing() {
    let from = Scenario::shared().syncing(0, 1).with(Left { increments: 1, ..Left::default() });
    let said = vec![RECOVERS, SUM, REMOVES, REPEATS];
    let lost_replies = more(1);
    let into = Scenario::shared().syncing(0, 1);
    check(Merge { from, into, lost_replies, merges: vec![2], said, ..merge() }, "lost answers");
}

#[test]
fn a_set_or_a_delete_of_either_counter_takes_effect_during_a_merge() {
    for op in [ClaimOp::Set(10), ClaimOp::Delete] {
        let from = Scenario::shared().syncing(0, 2).replacing(1, op);
        check(Merge { from, said: EXACT.to_vec(), ..merge() }, "set of the first");
        let from = Scenario::shared().syncing(0, 2);
        let into = Scenario::shared().syncing(0, 1).replacing(1, op);
        check(Merge { from, into, said: EXACT.to_vec(), ..merge() }, "set of the second");
    }
}

#[test]
fn a_read_of_the_counter_that_grows_is_right_during_a_merge() {
    let left = Left { increments: 1, other_claims: 1, ..Left::default() };
    let into = Scenario::shared().syncing(0, 2).reading().with(left);
    let said = [EXACT.as_slice(), &[READS_INTO, REMOVES]].concat();
    check(Merge { into, said, ..merge() }, "read of the second");
}

#[test]
fn a_read_of_the_counter_that_is_merged_is_right_until_its_row_goes() {
    let left = Left { increments: 1, other_claims: 1, ..Left::default() };
    let from = || Scenario::shared().syncing(0, 2).reading().with(left);
    let said = [EXACT.as_slice(), &[READS_FROM]].concat();
    let rules = MergeRules { removes: Removes::Nothing, ..MergeRules::default() };
    check(Merge { from: from(), said, rules, ..merge() }, "read of the first");
    refute(Merge { from: from(), said: vec![READS_FROM], ..merge() }, "row goes", READS_FROM);
}

#[test]
fn a_merge_by_a_transaction_over_the_rows_makes_reads_wrong() {
    let rules = MergeRules { by: By::Transaction, ..MergeRules::default() };
    let left = Left { increments: 1, ..Left::default() };
    let into = Scenario::shared().syncing(0, 1).reading().with(left);
    let said = vec![READS_INTO];
    refute(Merge { into, rules, said, ..merge() }, "transaction", READS_INTO);
}

#[test]
fn a_merge_by_a_transaction_is_undone_by_a_set_that_is_not_applied_yet() {
    let rules = MergeRules { by: By::Transaction, ..MergeRules::default() };
    let into = Scenario::shared().syncing(0, 2).replacing(1, ClaimOp::Set(50));
    refute(Merge { into, rules, said: vec![RECOVERS], ..merge() }, "transaction and set", RECOVERS);
}

#[test]
fn a_merge_by_two_steps_loses_what_is_between_them_when_its_process_dies() {
    let rules = MergeRules { by: By::TwoSteps, ..MergeRules::default() };
    refute(Merge { rules, crashes: 1, said: vec![SUM], ..merge() }, "two steps", SUM);
}

#[test]
fn a_merge_that_does_not_read_again_leaves_what_was_counted_since_its_read() {
    let rules = MergeRules { repeats: false, ..MergeRules::default() };
    let from = Scenario::shared().with(Left { increments: 1, ..Left::default() });
    refute(Merge { from, rules, said: vec![ENDS_AT_ZERO], ..merge() }, "once", ENDS_AT_ZERO);
}

#[test]
fn a_row_that_is_deleted_as_a_delete_does_it_takes_later_counts_along() {
    refute_removing(Removes::Outright, SUM);
}

#[test]
fn a_row_that_goes_whatever_it_holds_takes_counts_along() {
    refute_removing(Removes::WhateverItHolds, RECOVERS);
}

#[test]
fn a_row_that_goes_while_the_store_has_its_claim_makes_the_claim_count_twice() {
    refute_removing(Removes::Blind, RECOVERS);
}

#[test]
fn a_row_that_is_read_after_the_look_may_have_seen_a_claim_that_is_not_acknowledged() {
    refute_removing(Removes::LooksFirst, RECOVERS);
}

/// The row is 0 from the beginning, and again when it goes, but it has seen two claims in between.
#[test]
fn a_row_that_has_seen_another_claim_since_may_not_go() {
    let mut from = Scenario::shared().syncing(0, 2).with(Left { increments: 1, ..Left::default() });
    from.start.table.row = Some(Baseline { count: 0, seq: ClaimSeq::new(1) });
    from.start.truth = 0;
    let rules = MergeRules { removes: Removes::WhateverItHasSeen, ..MergeRules::default() };
    let merge = Merge { from, rules, merges: vec![1, 1], said: vec![RECOVERS], ..merge() };
    refute(merge, "whatever it has seen", RECOVERS);
}

fn refute_removing(removes: Removes, property: &'static str) {
    let rules = MergeRules { removes, ..MergeRules::default() };
    let from = Scenario::shared().syncing(0, 2).with(Left { increments: 1, ..Left::default() });
    let name = format!("{removes:?}");
    refute(
        Merge { from, rules, merges: vec![2], said: vec![property], ..merge() },
        &name,
        property,
    );
}

/// A counter of 5 that a worker syncs, another of 5 that none syncs, and a process that merges the first into the
/// second, once.
fn merge() -> Merge {
    Merge {
        from: Scenario::shared().syncing(0, 2),
        into: Scenario::shared(),
        merges: vec![1],
        crashes: 0,
        lost_replies: 0,
        rules: MergeRules::default(),
        said: EXACT.to_vec(),
    }
}

/// So many, or one more under any load but 1.
fn more(few: u8) -> u8 {
    few + u8::from(load(1) > 1)
}
