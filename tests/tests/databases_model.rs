//! G4 and G6, shown by visiting every state: a database that goes back, or is copied, beside
//! processes that record in it, let the store note it, acknowledge and die. What each part of the
//! rule is needed for is shown by leaving it out.

use counter_tests::model::marks::{
    ADOPTED_ALONE, ADOPTED_GOES_ON, Databases, Does, Event, Keeps, NEVER_BEHIND, NO_FALSE_ALARM,
    NOTICES_LOSS, ONE_GOES_ON, StoreEvent,
};
use counter_tests::model::scenario::{check, refute};

fn databases(event: Event, said: &'static [&'static str]) -> Databases {
    Databases {
        transactions: vec![3, 2],
        rows: 1,
        event,
        store: StoreEvent::Nothing,
        most: 3,
        is_adopted: false,
        does: Does::default(),
        said,
    }
}

#[test]
fn processes_that_die_refuse_nothing() {
    let said = &[NO_FALSE_ALARM, NEVER_BEHIND];
    check(databases(Event::Nothing, said), "one database");
}

#[test]
fn a_store_that_loses_its_mark_or_went_back_makes_no_process_refuse() {
    for store in [StoreEvent::Loses, StoreEvent::GoesBack] {
        let transactions = vec![2, 2];
        let model = Databases {
            store,
            transactions,
            most: 2,
            ..databases(Event::Nothing, &[NO_FALSE_ALARM])
        };
        check(model, &format!("one database, {store:?}"));
    }
}

#[test]
fn a_database_that_has_lost_what_was_acknowledged_is_refused() {
    check(databases(Event::Restore, &[NOTICES_LOSS, NEVER_BEHIND]), "restored");
}

#[test]
fn of_a_database_and_its_copy_one_goes_on() {
    check(databases(Event::Copy, &[ONE_GOES_ON, NEVER_BEHIND]), "copied");
}

#[test]
fn an_adopted_database_goes_on_alone_whatever_others_do_meanwhile() {
    for (event, rows, transactions) in [
        (Event::Restore, 1, [2, 2]),
        (Event::Copy, 1, [2, 2]),
        (Event::Copy, 1, [1, 4]),
        (Event::Copy, 2, [1, 2]),
    ] {
        let name = format!("adopted, {event:?}, {rows} rows, {transactions:?}");
        check(adopted(event, rows, transactions), &name);
    }
}

#[test]
fn a_decision_that_no_transaction_asks_about_does_not_end_the_other_database() {
    let does = Does { knows_decisions: false, notes_decisions: false, ..Does::default() };
    for (rows, transactions) in [(1, [1, 4]), (2, [1, 2])] {
        let model = adopted(Event::Copy, rows, transactions);
        let model = Databases { does, said: &[ADOPTED_ALONE], ..model };
        refute(model, &format!("no decision, {rows} rows"), ADOPTED_ALONE);
    }
}

#[test]
fn a_decision_that_the_store_does_not_compare_is_undone_by_what_was_committed_before() {
    let does = Does { notes_decisions: false, ..Does::default() };
    let model = Databases { does, said: &[ADOPTED_GOES_ON], ..adopted(Event::Copy, 2, [1, 2]) };
    refute(model, "not compared", ADOPTED_GOES_ON);
}

#[test]
fn a_decision_that_a_transaction_does_not_compare_lets_it_write_to_the_other_database() {
    let does = Does { knows_decisions: false, ..Does::default() };
    let model = Databases { does, said: &[ADOPTED_ALONE], ..adopted(Event::Copy, 2, [1, 2]) };
    refute(model, "not asked", ADOPTED_ALONE);
}

fn adopted(event: Event, rows: usize, transactions: [u8; 2]) -> Databases {
    let (transactions, said) = (transactions.to_vec(), &[ADOPTED_ALONE, ADOPTED_GOES_ON]);
    Databases { transactions, rows, is_adopted: true, ..databases(event, said) }
}

#[test]
fn the_last_mark_alone_is_not_enough() {
    let does = Does { keeps: Keeps::Last(1), ..Does::default() };
    refute_doing(does, Event::Nothing, NEVER_BEHIND);
    refute_doing(does, Event::Copy, ONE_GOES_ON);
}

#[test]
fn the_last_few_marks_are_not_enough() {
    let does = Does { keeps: Keeps::Last(2), ..Does::default() };
    refute_doing(does, Event::Nothing, NEVER_BEHIND);
}

#[test]
fn a_row_that_drops_marks_when_it_is_full_looks_like_one_that_the_store_left_behind() {
    let does = Does { notes_when_full: false, ..Does::default() };
    refute_doing(does, Event::Nothing, NEVER_BEHIND);
}

#[test]
fn a_store_that_takes_an_older_mark_forgets_what_was_acknowledged() {
    refute_doing(Does { only_newer: false, ..Does::default() }, Event::Restore, NOTICES_LOSS);
}

#[test]
fn a_check_before_the_transaction_alone_comes_too_early() {
    refute_doing(Does { checks: false, ..Does::default() }, Event::Restore, NOTICES_LOSS);
}

#[test]
fn a_mark_that_is_noted_after_the_acknowledgement_may_never_be_noted() {
    refute_doing(Does { notes_first: false, ..Does::default() }, Event::Restore, NOTICES_LOSS);
}

#[test]
fn a_row_that_is_read_before_the_store_looks_as_if_it_had_gone_back() {
    let does = Does { reads_store_first: false, ..Does::default() };
    refute_doing(does, Event::Nothing, NO_FALSE_ALARM);
}

#[test]
fn a_transaction_that_is_not_known_to_be_followed_may_be_lost() {
    refute_doing(Does { wants_proof: false, ..Does::default() }, Event::Restore, NOTICES_LOSS);
}

#[test]
fn numbers_without_words_do_not_reveal_a_copy() {
    refute_doing(Does { compares_words: false, ..Does::default() }, Event::Copy, ONE_GOES_ON);
}

fn refute_doing(does: Does, event: Event, property: &'static str) {
    let said = match property {
        NO_FALSE_ALARM => &[NO_FALSE_ALARM],
        NOTICES_LOSS => &[NOTICES_LOSS],
        ONE_GOES_ON => &[ONE_GOES_ON],
        _ => &[NEVER_BEHIND],
    };
    refute(Databases { does, ..databases(event, said) }, &format!("{does:?}"), property);
}
