//! A merge of one counter into another, shown to lose and double nothing by visiting every state:
//! beside increments of both, sets, passes, reads, deaths and lost answers. What each part of it is
//! needed for is shown by leaving it out.

use counter_core::{Baseline, ClaimOp, ClaimSeq};
use counter_tests::effort::load;
use counter_tests::model::merge::rules::{By, Compares, MakesRow, MergeRules, Removes};
use counter_tests::model::merge::{
    ENDS_AT_ZERO, MAKES_ROW, Merge, NEVER_BEYOND, READS_FROM, READS_INTO, RECOVERS, REFUSES,
    REMOVES, REPAIRS, REPEATS, SUM,
};
use counter_tests::model::scenario::{Scenario, check, refute};
use counter_tests::model::state::Left;

const EXACT: [&str; 4] = [RECOVERS, SUM, NEVER_BEYOND, ENDS_AT_ZERO];

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
fn two_merges_at_once_lose_nothing_and_move_no_more_than_there_is() {
    let from = Scenario::shared().syncing(0, 1).with(Left { increments: 1, ..Left::default() });
    let merges = vec![more(1), 1];
    let said = [EXACT.as_slice(), &[REMOVES, REPEATS, REFUSES]].concat();
    check(Merge { from, merges, said, ..merge() }, "two merges");
}

#[test]
fn two_merges_that_cross_each_other_lose_nothing_and_move_no_more_than_there_is() {
    let from = Scenario::shared().syncing(0, 1).with(Left { increments: 1, ..Left::default() });
    let into = Scenario::shared().syncing(0, 1);
    let said = vec![RECOVERS, SUM, NEVER_BEYOND, REFUSES];
    check(Merge { from, into, back: vec![1], said, ..merge() }, "crossing merges");
}

#[test]
fn two_merges_that_do_not_look_at_what_is_pending_move_a_value_twice() {
    let from = Scenario::shared();
    refute_comparing(Merge { from, merges: vec![1, 1], ..merge() }, Compares::HighWater);
}

#[test]
fn two_merges_that_do_not_look_at_the_high_water_move_a_value_twice() {
    let from = Scenario::shared().syncing(0, 1);
    refute_comparing(Merge { from, merges: vec![1, 1], ..merge() }, Compares::Pending);
}

#[test]
fn a_merge_that_compares_nothing_moves_what_was_deleted_since() {
    let from = Scenario::shared().replacing(1, ClaimOp::Delete);
    refute_comparing(Merge { from, ..merge() }, Compares::Nothing);
}

fn refute_comparing(merge: Merge, compares: Compares) {
    let rules = MergeRules { compares, ..MergeRules::default() };
    let name = format!("compares {compares:?}");
    refute(Merge { rules, said: vec![NEVER_BEYOND], ..merge }, &name, NEVER_BEYOND);
}

/// The second one has seen the claim, and would read no row.
#[test]
fn a_merge_that_reads_while_another_removes_the_row_moves_what_is_not_there() {
    let rules = MergeRules { waits: false, ..MergeRules::default() };
    let from = Scenario::shared().syncing(0, 2);
    let merge = Merge { from, rules, merges: vec![1, 1], said: vec![NEVER_BEYOND], ..merge() };
    refute(merge, "removes at once", NEVER_BEYOND);
}

#[test]
fn a_move_that_is_not_answered_is_not_repeated_and_loses_nothing() {
    let from = Scenario::shared().syncing(0, 1).with(Left { increments: 1, ..Left::default() });
    let said = [EXACT.as_slice(), &[REMOVES, REPEATS]].concat();
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

/// The pass that had it in hand writes it to the row, and the claim of the first counter is written
/// anyway.
#[test]
fn a_merge_into_a_counter_without_a_row_makes_one_or_loses_what_the_store_loses() {
    let lossy = || {
        let left = Left { evictions: 1, ..Left::default() };
        Scenario::shared().without_row().syncing(0, 2).with(left)
    };
    let said = [EXACT[1..].as_ref(), &[REPAIRS, MAKES_ROW, REMOVES]].concat();
    check(Merge { into: lossy(), said, ..merge() }, "lost claim");
    let rules = MergeRules { makes_row: MakesRow::Nothing, ..MergeRules::default() };
    let said = vec![REPAIRS];
    refute(Merge { into: lossy(), rules, said, ..merge() }, "lost claim, no row", REPAIRS);
}

#[test]
fn a_row_that_a_merge_makes_changes_no_read_and_does_not_outlive_a_delete() {
    let left = Left { increments: 1, other_claims: 1, ..Left::default() };
    let into = Scenario::shared().without_row().syncing(0, 2).reading().with(left);
    let said = [EXACT.as_slice(), &[READS_INTO, MAKES_ROW, REMOVES]].concat();
    check(Merge { into, said, ..merge() }, "row is made beside a read");
    for (op, merges) in [(ClaimOp::Set(10), vec![1]), (ClaimOp::Delete, vec![1, 1])] {
        let into = Scenario::shared().without_row().syncing(0, 1).replacing(1, op);
        let from = Scenario::shared().syncing(0, 1);
        let said = [EXACT.as_slice(), &[MAKES_ROW]].concat();
        check(Merge { from, into, merges, said, ..merge() }, "row is made beside a set");
    }
}

#[test]
fn a_row_that_a_merge_makes_has_to_have_seen_what_was_given_out_and_refuse_no_claim() {
    for makes_row in [MakesRow::Unseen, MakesRow::LooksFirst, MakesRow::WhateverIsClaimed] {
        let rules = MergeRules { makes_row, ..MergeRules::default() };
        let into = Scenario::shared().without_row().syncing(0, 1).replacing(1, ClaimOp::Delete);
        let merge = Merge { into, rules, merges: vec![1, 1], said: vec![RECOVERS], ..merge() };
        refute(merge, &format!("makes row {makes_row:?}"), RECOVERS);
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
fn a_read_of_the_counter_that_is_merged_is_right_if_its_row_waits_for_it() {
    let left = Left { increments: 1, other_claims: 1, ..Left::default() };
    let from = || Scenario::shared().syncing(0, 2).reading().with(left);
    let said = [EXACT.as_slice(), &[READS_FROM, REMOVES]].concat();
    check(Merge { from: from(), said, ..merge() }, "read of the first");
    let rules = MergeRules { waits: false, ..MergeRules::default() };
    let said = vec![READS_FROM];
    refute(Merge { from: from(), rules, said, ..merge() }, "row goes at once", READS_FROM);
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

/// A counter of 5 that a worker syncs, another of 5 that none syncs, and a process that merges the
/// first into the second, once.
fn merge() -> Merge {
    Merge {
        from: Scenario::shared().syncing(0, 2),
        into: Scenario::shared(),
        merges: vec![1],
        back: vec![],
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
