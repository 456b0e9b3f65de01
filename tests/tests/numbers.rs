//! Stores in memory of several processes over one table, shown by visiting every state: they add
//! up, whichever takes whose number. What each part of the rule is needed for is shown by leaving
//! it out.

use counter_tests::effort::load;
use counter_tests::model::numbers::rule::{InDoubt, Rule};
use counter_tests::model::numbers::{ADDS_UP, ALL_DECIDED, NEVER_DOUBLED, Numbers};
use counter_tests::model::scenario::{check, refute};

const SAFE: &[&str] = &[ADDS_UP, NEVER_DOUBLED];
const ALL: &[&str] = &[ADDS_UP, NEVER_DOUBLED, ALL_DECIDED];

#[test]
fn more_processes_than_numbers_add_up() {
    check(Numbers { takes: 4, lost_answers: 0, ..three_processes() }, "three processes");
}

#[test]
fn more_processes_than_numbers_add_up_where_a_commit_has_no_answer() {
    check(three_processes(), "three processes, no answer");
}

#[test]
fn a_process_that_keeps_its_number_finds_out_what_became_of_each_commit() {
    let model = Numbers { takes: 2, said: ALL, ..two_processes() };
    check(model, "two processes, no answer");
}

#[test]
fn two_threads_of_a_process_add_up_beside_another_process() {
    let model = Numbers { threads: vec![0, 0, 1], takes: 2, said: ALL, ..two_processes() };
    check(model, "two threads, no answer");
}

#[test]
fn without_congruence_two_processes_give_out_one_sequence() {
    let rule = Rule { is_congruent: false, ..Rule::default() };
    refute_with(rule, two_processes(), "no congruence", &[ADDS_UP]);
}

#[test]
fn without_a_fence_a_process_that_has_lost_its_number_goes_on_with_it() {
    let rule = Rule { is_fenced: false, ..Rule::default() };
    refute_with(rule, two_processes(), "no fence", &[ADDS_UP]);
}

#[test]
fn without_a_floor_the_next_holder_gives_out_what_is_in_the_table_already() {
    let rule = Rule { has_floor: false, ..Rule::default() };
    refute_with(rule, two_processes(), "no floor", &[ADDS_UP]);
}

#[test]
fn a_commit_without_an_answer_counts_twice_if_the_last_batch_is_not_read() {
    let rule = Rule { in_doubt: InDoubt::CountsAsRolledBack, ..Rule::default() };
    refute_with(rule, two_processes(), "not read", &[NEVER_DOUBLED]);
}

#[test]
fn a_commit_without_an_answer_stays_in_doubt_if_the_last_batch_is_not_read() {
    let rule = Rule { in_doubt: InDoubt::StaysInDoubt, ..Rule::default() };
    refute_with(rule, two_processes(), "in doubt", &[ALL_DECIDED]);
}

#[test]
fn a_commit_that_is_forgotten_before_its_acknowledgement_counts_twice() {
    let rule = Rule { remembers_commits: false, ..Rule::default() };
    let model = Numbers { threads: vec![0, 0, 1], lost_answers: 0, ..two_processes() };
    refute_with(rule, model, "forgotten", &[NEVER_DOUBLED]);
}

/// A limit of the rule: another process has committed under the number since.
#[test]
fn a_commit_without_an_answer_may_stay_in_doubt_if_the_number_is_taken() {
    let model = Numbers { said: &[ALL_DECIDED], ..two_processes() };
    refute(model, "taken in doubt", ALL_DECIDED);
}

fn refute_with(rule: Rule, model: Numbers, name: &str, said: &'static [&'static str; 1]) {
    refute(Numbers { rule, said, ..model }, name, said[0]);
}

fn three_processes() -> Numbers {
    Numbers {
        threads: vec![0, 1, 2],
        increments: vec![1 + u8::from(load(1) > 1), 1, 1],
        takes: 3,
        lost_answers: 1,
        rule: Rule::default(),
        said: SAFE,
    }
}

fn two_processes() -> Numbers {
    Numbers { threads: vec![0, 1], increments: vec![2, 1], ..three_processes() }
}
