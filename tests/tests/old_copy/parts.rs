//! Slots of a cluster that may come back or be emptied one by one, and an id that may be lost.

use counter_tests::effort::load;
use counter_tests::model::parts::{
    ABOVE_ROWS, Asks, CLAIMS_NOTHING, Clock, Decision, Does, Drops, Emptied, Floor, GOES_ON,
    LastId, NEVER_DOUBLED, OTHERS_GO_ON, PartedStore, Records,
};
use counter_tests::model::scenario::{check, refute};

#[test]
fn a_part_that_came_back_doubles_nothing_and_the_others_go_on() {
    for writers in [1, 2] {
        check(restored(writers), &format!("a part restored, {writers} rows"));
    }
    let always = PartedStore { does: asking(Asks::Always), ..restored(2) };
    let said = &[NEVER_DOUBLED, OTHERS_GO_ON, CLAIMS_NOTHING];
    check(PartedStore { said, ..always }, "a part restored, asked by each pass");
}

#[test]
fn a_part_that_came_back_from_before_a_new_id_doubles_nothing() {
    check(new_id(), "a new id, and a part restored");
    check(two_new_ids(), "two new ids, and a part restored");
}

#[test]
fn a_part_that_was_emptied_goes_on_above_what_is_recorded() {
    check(emptied(), "a part emptied");
    check(emptied_under_a_claim(), "a part emptied under a claim, clock behind");
}

#[test]
fn a_part_that_came_back_is_claimed_from_if_it_is_asked_at_the_start_alone() {
    let does = Does { asks_in_transaction: false, ..Does::default() };
    refute_doing(does, restored(2), "asked at the start", NEVER_DOUBLED);
}

#[test]
fn a_pass_that_does_not_ask_claims_from_a_part_that_it_could_know_to_be_old() {
    let model = PartedStore { said: &[CLAIMS_NOTHING], ..restored(1) };
    refute_doing(asking(Asks::Never), model, "not asked at the start", CLAIMS_NOTHING);
}

#[test]
fn one_record_for_all_parts_hides_that_an_idle_one_came_back() {
    let does = Does { records: Records::One, ..Does::default() };
    refute_doing(does, restored(2), "one record", NEVER_DOUBLED);
}

#[test]
fn what_another_writer_has_recorded_of_a_part_is_asked_for_too() {
    let does = Does { reads_all_writers: false, ..Does::default() };
    refute_doing(does, restored(2), "own rows", NEVER_DOUBLED);
}

#[test]
fn a_part_that_came_back_would_stop_the_others_if_the_store_were_refused_as_a_whole() {
    let does = Does { refuses_by_part: false, ..Does::default() };
    refute_doing(does, restored(1), "all refused", OTHERS_GO_ON);
}

#[test]
fn a_new_id_hides_that_a_part_came_back_from_before_it() {
    for (name, does) in [
        ("without a floor", Does { floor: Floor::Unnamed, ..Does::default() }),
        ("floor compared", Does { floor: Floor::Compared, ..Does::default() }),
        ("without raising all parts", Does { raises_for_id: false, ..Does::default() }),
        ("without comparing ids", Does { compares_ids: false, ..Does::default() }),
        ("asked for the id too early", Does { asks_id_last: false, ..Does::default() }),
        ("without asking for it", Does { asks_for_id: false, ..Does::default() }),
    ] {
        refute_doing(does, new_id(), name, NEVER_DOUBLED);
    }
}

#[test]
fn an_id_that_comes_before_its_high_waters_refuses_parts_that_did_not_come_back() {
    let does = Does { raises_first: false, ..Does::default() };
    refute_doing(does, new_id(), "id first", OTHERS_GO_ON);
}

#[test]
fn a_part_that_was_emptied_is_raised_and_asked_for_again() {
    let does = Does { raises_emptied: false, ..Does::default() };
    refute_doing(does, emptied_under_a_claim(), "not raised", ABOVE_ROWS);
    let does = Does { doubts: false, ..Does::default() };
    refute_doing(does, emptied(), "not doubted", GOES_ON);
}

/// The slots remember few sequences.
#[test]
fn a_part_that_was_found_to_have_come_back_is_so_whatever_it_gives_out_since() {
    check(forgetful(), "a part restored that forgets");
    let does = Does { keeps_in_mind: false, ..Does::default() };
    refute_doing(does, forgetful(), "not kept in mind", NEVER_DOUBLED);
    check(forgetful_with_new_id(), "a part restored that forgets, and a new id");
    let does = Does { keeps_in_mind_for_id: false, ..Does::default() };
    let name = "not kept in mind when found for an id";
    refute_doing(does, forgetful_with_new_id(), name, NEVER_DOUBLED);
}

#[test]
fn a_part_that_comes_back_once_more_is_not_decided_about() {
    check(decided_and_restored(), "a part restored twice");
    let does = Does { accepts_only_found: false, ..Does::default() };
    refute_doing(does, decided_and_restored(), "accepted unseen", NEVER_DOUBLED);
    let does = Does { marks_decision: false, ..Does::default() };
    refute_doing(does, decided_and_restored(), "another copy that was found", NEVER_DOUBLED);
}

#[test]
fn the_last_id_is_the_newest_under_which_anything_is_recorded() {
    let does = Does { last_id: LastId::OfGoodPass, ..Does::default() };
    refute_doing(does, two_new_ids(), "asked for the last good pass", NEVER_DOUBLED);
    let does = Does { names_only_same: false, ..Does::default() };
    refute_doing(does, two_new_ids(), "an id of a process that was slow", NEVER_DOUBLED);
    let does = Does { reads_home_first: false, ..Does::default() };
    refute_doing(does, two_new_ids(), "record read first", NEVER_DOUBLED);
}

/// A claim may be from before the id was lost and its part came back.
#[test]
fn what_a_process_has_in_hand_of_a_part_that_came_back_is_not_applied_beside_its_copy() {
    check(in_hand(), "a claim in hand, a new id, and a part restored");
    let does = Does { asks_for_earlier: false, ..Does::default() };
    refute_doing(does, in_hand(), "not asked for an earlier id", NEVER_DOUBLED);
}

#[test]
fn what_a_process_has_in_hand_is_decided_about_with_what_its_part_holds() {
    for decision in [Decision::Apply, Decision::Discard] {
        check(decided(decision), &format!("a claim in hand, {decision:?}"));
    }
    let does = Does { drops: Drops::Nothing, ..Does::default() };
    refute_doing(does, decided(Decision::Apply), "not dropped", NEVER_DOUBLED);
    let does = Does { drops: Drops::Forgotten, ..Does::default() };
    refute_doing(does, decided(Decision::Discard), "claims of the copy not dropped", NEVER_DOUBLED);
}

#[test]
fn a_part_that_comes_back_after_it_was_found_empty_is_not_raised() {
    check(emptied_and_restored(), "a part emptied, and restored");
    let does = Does { raises_only_empty: false, ..Does::default() };
    refute_doing(does, emptied_and_restored(), "raised as if empty", NEVER_DOUBLED);
}

fn refute_doing(does: Does, model: PartedStore, name: &str, property: &'static str) {
    refute(PartedStore { does, ..model }, name, property);
}

fn asking(asks: Asks) -> Does {
    Does { asks, ..Does::default() }
}

fn restored(writers: usize) -> PartedStore {
    PartedStore {
        passes: vec![2, 1],
        writers,
        counts: [1, 1],
        dies: true,
        is_restored: true,
        is_restored_again: false,
        id_is_lost: 0,
        leaves: false,
        remembers: u32::BITS,
        gives: 0,
        decides: None,
        emptied: Emptied::Never,
        clock: Clock::Right,
        does: Does::default(),
        said: &[NEVER_DOUBLED, OTHERS_GO_ON],
    }
}

fn new_id() -> PartedStore {
    PartedStore { id_is_lost: 1, dies: false, counts: [1, 0], ..restored(1) }
}

fn two_new_ids() -> PartedStore {
    let passes = if load(1) > 1 { vec![2, 1] } else { vec![1, 1] };
    PartedStore { id_is_lost: 2, passes, ..new_id() }
}

fn forgetful() -> PartedStore {
    PartedStore { remembers: 2, gives: 2, counts: [1, 0], ..restored(1) }
}

/// A new id may be one more sequence that the part remembers, of a process that was slow.
fn forgetful_with_new_id() -> PartedStore {
    PartedStore { id_is_lost: 1, dies: false, remembers: 3, gives: 3, ..forgetful() }
}

fn in_hand() -> PartedStore {
    PartedStore { leaves: true, ..new_id() }
}

fn decided(decision: Decision) -> PartedStore {
    let decides = Some(decision);
    PartedStore { leaves: true, dies: false, decides, counts: [2, 0], ..restored(1) }
}

fn decided_and_restored() -> PartedStore {
    let passes = vec![2, 2];
    PartedStore { is_restored_again: true, leaves: false, passes, ..decided(Decision::Discard) }
}

fn emptied_and_restored() -> PartedStore {
    PartedStore { emptied: Emptied::AnyTime, dies: false, counts: [1, 0], ..restored(1) }
}

fn emptied() -> PartedStore {
    let said = &[NEVER_DOUBLED, OTHERS_GO_ON, ABOVE_ROWS, GOES_ON];
    PartedStore { is_restored: false, emptied: Emptied::AnyTime, said, ..restored(2) }
}

/// With one process, whose clock gives no sequences above those of before.
fn emptied_under_a_claim() -> PartedStore {
    let emptied = Emptied::BetweenClaimAndRecord;
    PartedStore {
        passes: vec![4],
        counts: [2, 1],
        clock: Clock::Behind,
        emptied,
        ..self::emptied()
    }
}
