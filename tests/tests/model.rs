//! G1, G2 and G3, shown by visiting every state that the protocol can get into, for one counter and
//! a few of everything that can happen to it. `COUNTER_TEST_LOAD` makes it one more of each.

use counter_core::ClaimOp;
use counter_tests::effort::load;
use counter_tests::model::likeness;
use counter_tests::model::properties::{self, FOLLOWS, READS_TRUTH, RECOVERS, SETTLES};
use counter_tests::model::scenario::Scenario;
use counter_tests::model::state::Left;
use counter_tests::model::table::Guard;
use counter_tests::model::{LookAt, Part, Rules, Under};

const SET: ClaimOp = ClaimOp::Set(10);

#[test]
fn increments_are_counted_once_whoever_dies_at_whichever_step() {
    let left = Left { increments: more(3), crashes: more(3), ..Left::default() };
    let scenario = two_workers().with(left).where_always(properties::exactly_once());
    let reached = [properties::two_owners(), properties::gone(), properties::superseded()];
    scenario.where_always(reached).check("increments");
}

#[test]
fn the_first_increments_of_a_counter_are_counted_once() {
    let left = Left { increments: more(3), crashes: more(3), ..Left::default() };
    let scenario = two_workers().without_row().with(left);
    scenario.where_always(properties::exactly_once()).check("increments without a row");
}

#[test]
fn a_set_takes_effect_at_one_instant() {
    let left = Left { increments: more(2), crashes: more(1), ..Left::default() };
    let scenario = two_workers().replacing(0, SET).with(left);
    let scenario = scenario.where_always(properties::exactly_once());
    scenario.where_always([properties::set_since()]).check("set");
}

#[test]
fn sets_one_after_the_other_take_effect_while_syncs_take_them_over() {
    let left = Left { increments: more(1), crashes: more(1), ..Left::default() };
    let scenario = Scenario::shared().syncing(0, 1).syncing(1, 1);
    let scenario = scenario.replacing(2, SET).replacing(2, ClaimOp::Set(20)).with(left);
    let scenario = scenario.where_always(properties::exactly_once());
    scenario.where_always([properties::set_since()]).check("two sets");
}

#[test]
fn a_delete_takes_effect_at_one_instant() {
    let left = Left { increments: more(2), crashes: more(1), ..Left::default() };
    let scenario = two_workers().replacing(0, ClaimOp::Delete).with(left);
    let scenario = scenario.where_always(properties::exactly_once());
    scenario.where_always([properties::gone(), properties::superseded()]).check("delete");
}

#[test]
fn a_set_and_a_delete_at_once_take_effect_one_after_the_other() {
    let left = Left { increments: more(1), crashes: more(1), ..Left::default() };
    let scenario = Scenario::shared().syncing(0, 1).syncing(1, 1);
    let scenario = scenario.replacing(0, SET).replacing(0, ClaimOp::Delete);
    scenario.with(left).where_always(properties::exactly_once()).check("set and delete");
}

#[test]
fn a_read_returns_what_was_true_while_it_ran() {
    let left =
        Left { increments: more(2), crashes: more(1), other_claims: more(1), ..Left::default() };
    let scenario = two_workers().reading().with(left).where_always(properties::exactly_once());
    let always = [properties::reads_truth(), properties::reads_always()];
    let reached = [properties::row_above_look()];
    scenario.where_always(always).where_always(reached).check("read");
}

#[test]
fn a_read_beside_a_set_returns_what_was_true_while_it_ran() {
    let left =
        Left { increments: more(1), crashes: more(1), other_claims: more(1), ..Left::default() };
    let scenario =
        Scenario::shared().syncing(0, 1).syncing(1, 1).replacing(0, SET).reading().with(left);
    let always = [properties::reads_truth(), properties::reads_always()];
    let scenario = scenario.where_always(properties::exactly_once()).where_always(always);
    scenario.where_always([properties::row_above_look()]).check("read and set");
}

#[test]
fn answers_that_are_lost_or_late_lose_and_double_nothing() {
    let left = Left { increments: more(3), lost_replies: more(2), ..Left::default() };
    let scenario = Scenario::shared().syncing(0, 3).syncing(1, 2).with(left);
    let reached = [properties::remembered(), properties::in_doubt(), properties::late_ack()];
    let scenario = scenario.where_always(properties::exactly_once());
    scenario.where_always(reached).check("lost replies");
}

#[test]
fn answers_that_are_lost_or_late_lose_and_double_nothing_beside_a_delete() {
    let left = Left { increments: more(2), lost_replies: more(1), ..Left::default() };
    let scenario = two_workers().replacing(0, ClaimOp::Delete).with(left);
    scenario.where_always(properties::exactly_once()).check("lost replies and delete");
}

#[test]
fn a_process_finishes_its_own_claims_with_its_next_pass_whichever_answer_was_lost() {
    for op in [SET, ClaimOp::Delete] {
        let scenario = replacing_beside_passes(op);
        let always = [properties::finishes_its_own(), properties::settles()];
        scenario.where_always(always).check("own claims");
    }
}

#[test]
fn a_delete_waits_until_it_looks_left_behind_if_its_process_forgets_that_it_was_not_answered() {
    let rules = Rules { leaves_young: true, forgets_lost_replacements: true, ..Rules::default() };
    let scenario = replacing_beside_passes(ClaimOp::Delete).mistaken(rules);
    let scenario = scenario.where_always([properties::finishes_its_own()]);
    scenario.refute("a delete without an answer", properties::FINISHES_ITS_OWN);
}

/// A process that replaces a counter while it makes passes, loses answers, and takes over no claim
/// that may be another's.
fn replacing_beside_passes(op: ClaimOp) -> Scenario {
    let left = Left { increments: more(2), lost_replies: more(2), ..Left::default() };
    let rules = Rules { leaves_young: true, ..Rules::default() };
    Scenario::shared().syncing(0, 2).replacing(0, op).with(left).mistaken(rules)
}

#[test]
fn a_claim_that_the_store_loses_is_applied_by_its_owner() {
    let left = Left { increments: more(3), evictions: 1, ..Left::default() };
    let scenario = Scenario::shared().syncing(0, 3).with(left);
    let scenario = scenario.where_always(properties::repairs_an_eviction());
    scenario.where_always([properties::lost_applied()]).check("eviction");
}

/// What should not be so: verify cannot tell a claim that replaced another from one that came after
/// its loss.
#[test]
fn a_claim_that_the_store_loses_is_dropped_if_the_next_comes_before_its_owner_looks() {
    let left = Left { increments: 2, evictions: 1, ..Left::default() };
    let scenario = two_workers().with(left).where_always(properties::repairs_an_eviction());
    scenario.refute("eviction and next claim", properties::REPAIRS);
}

#[test]
fn a_read_is_right_while_answers_are_lost_or_late() {
    let left = Left { increments: more(2), lost_replies: more(1), ..Left::default() };
    let scenario = two_workers().reading().with(left);
    let always = [properties::reads_truth(), properties::reads_always()];
    scenario.where_always(always).check("read and lost replies");
}

#[test]
fn the_store_of_the_model_does_what_the_store_in_memory_does() {
    let sequences = likeness::compare(u32::from(more(5)));
    println!("{sequences} sequences of steps");
}

#[test]
fn without_verify_a_deleted_counter_comes_back() {
    let rules = Rules { verifies: false, ..Rules::default() };
    let left = Left { increments: 2, crashes: 1, ..Left::default() };
    let scenario = two_workers().replacing(0, ClaimOp::Delete).with(left).mistaken(rules);
    scenario.where_always(properties::exactly_once()).refute("no verify", RECOVERS);
}

/// A claim that is committed where a delete, or what came after one, is in its place brings the row
/// back.
#[test]
fn a_claim_is_committed_under_nothing_but_a_newer_set() {
    for (under, name) in [
        (Under::AnAddToo, "under an add"),
        (Under::ADeleteToo, "under a delete"),
        (Under::NothingToo, "under nothing"),
    ] {
        let rules = Rules { commits_under: under, ..Rules::default() };
        let left = Left { increments: 2, crashes: 1, ..Left::default() };
        let scenario = two_workers().replacing(0, ClaimOp::Delete).with(left).mistaken(rules);
        scenario.where_always(properties::exactly_once()).refute(name, RECOVERS);
    }
}

/// Sets that are made by a process without a database, at every step of another process's pass.
fn set_again_and_again() -> Scenario {
    let left = Left { crashes: 1, ..Left::default() };
    Scenario::shared().set_before(10).syncing(0, 1).putting(1, 20).putting(1, 30).with(left)
}

#[test]
fn a_counter_that_is_set_again_and_again_is_written_by_each_pass() {
    let always = [properties::settles(), properties::set_since()];
    set_again_and_again().where_always(always).check("set again and again");
    let scenario = Scenario::shared().set_before(10).syncing(0, 1).putting(1, 20).putting(1, 30);
    scenario.where_always([properties::follows()]).check("written by each pass");
}

#[test]
fn a_counter_that_is_set_again_and_again_is_not_written_if_claims_are_dropped_for_newer_sets() {
    let rules = Rules { commits_under: Under::ItselfAlone, ..Rules::default() };
    let scenario = Scenario::shared().set_before(10).syncing(0, 1).putting(1, 20).putting(1, 30);
    let scenario = scenario.where_always([properties::follows()]).mistaken(rules);
    scenario.refute("dropped for a newer set", FOLLOWS);
}

#[test]
fn a_newer_set_is_lost_if_it_is_acknowledged_with_the_claim_that_it_replaced() {
    let rules = Rules { acks_what_is_there: true, ..Rules::default() };
    let scenario = set_again_and_again().where_always([properties::settles()]).mistaken(rules);
    scenario.refute("acknowledged with it", SETTLES);
}

#[test]
fn without_the_guard_a_claim_counts_twice() {
    let rules = Rules { guard: Guard::Missing, ..Rules::default() };
    let left = Left { increments: 2, crashes: 1, ..Left::default() };
    let scenario = two_workers().with(left).mistaken(rules);
    scenario.where_always(properties::exactly_once()).refute("no guard", RECOVERS);
}

#[test]
fn a_read_that_begins_with_the_database_misses_what_is_moved() {
    let rules = Rules { reads_row_first: true, ..Rules::default() };
    let left = Left { increments: 2, ..Left::default() };
    let scenario = two_workers().reading().with(left).mistaken(rules);
    scenario.where_always([properties::reads_truth()]).refute("database first", READS_TRUTH);
}

#[test]
fn a_read_that_looks_at_one_part_after_the_other_is_right() {
    let rules = Rules { look: LookAt::IN_PARTS, ..Rules::default() };
    let left = Left { increments: more(2), crashes: 1, ..Left::default() };
    let scenario = Scenario::shared().syncing(0, 2).replacing(0, SET).reading().with(left);
    let always = [properties::reads_truth(), properties::reads_always()];
    scenario.mistaken(rules).where_always(always).check("look in parts");
    let left = Left { increments: more(1), lost_replies: 1, ..Left::default() };
    let scenario = two_workers().reading().with(left).mistaken(rules);
    scenario.where_always([properties::reads_truth()]).check("look in parts, lost replies");
}

#[test]
fn a_read_that_looks_at_one_part_after_the_other_is_wrong_in_another_order_or_without_comparing() {
    use Part::{Claim, HighWater, Pending};
    for (name, parts, compares) in [
        ("high water not compared", &[HighWater, Claim, Pending, HighWater][..], false),
        ("claim before the high water", &[Claim, HighWater, Pending, HighWater], true),
        ("pending after the high water", &[HighWater, Claim, HighWater, Pending], true),
    ] {
        let rules = Rules { look: LookAt::Instants { parts, compares }, ..Rules::default() };
        let left = Left { increments: 2, ..Left::default() };
        let scenario = two_workers().replacing(0, SET).reading().with(left).mistaken(rules);
        scenario.where_always([properties::reads_truth()]).refute(name, READS_TRUTH);
    }
}

#[test]
fn a_read_that_does_not_look_again_is_wrong_beside_a_row_of_an_earlier_generation() {
    let rules = Rules { looks: 1, ..Rules::default() };
    let left = Left { increments: 2, ..Left::default() };
    let scenario = Scenario::private(&[0], 2, 3).syncing(0, 1).reading().with(left).mistaken(rules);
    scenario.where_always([properties::reads_truth()]).refute("one look", READS_TRUTH);
}

#[test]
fn a_read_beside_a_delete_may_be_wrong() {
    let left = Left { increments: 1, ..Left::default() };
    let scenario = two_workers().replacing(0, ClaimOp::Delete).reading().with(left);
    scenario.where_always([properties::reads_truth()]).refute("read and delete", READS_TRUTH);
}

#[test]
fn a_read_is_right_while_the_store_passes_the_numbers_of_an_earlier_generation() {
    let always = [properties::reads_truth(), properties::settles()];
    let reached = [properties::row_above_look()];
    new_generation().where_always(always).where_always(reached).check("new generation");
}

/// The first process of a new generation of its store.
fn new_generation() -> Scenario {
    let left = Left { increments: more(2), other_claims: more(2), ..Left::default() };
    Scenario::private(&[0], 2, 3).syncing(0, 2).reading().with(left)
}

fn two_workers() -> Scenario {
    Scenario::shared().syncing(0, 2).syncing(1, 2)
}

/// So many, or one more under any load but 1. States multiply: one more of everything takes
/// minutes, and two would not fit into memory.
fn more(few: u8) -> u8 {
    few + u8::from(load(1) > 1)
}
