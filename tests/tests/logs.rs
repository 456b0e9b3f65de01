//! What goes to logs and terminals: names and answers from outside can neither end a line nor steer a
//! terminal.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use counter_core::{Config, CounterId, DeltaStore, Generation, RedisStore};
use counter_diesel::store::ClaimSeq;
use counter_diesel::{Counters, Error, Owner, SyncOptions};
use counter_tests::faults::{Fault, Faults, FaultyStore};
use counter_tests::fixtures::views_of;
use counter_tests::log::{Log, Told};
use counter_tests::said::everything_said;
use counter_tests::servers::{FakeRedis, FakeReply};
use counter_tests::world::{World, impatient, memory_x_sqlite};

/// Names that would forge something if they were written as they are.
const FORGERIES: [&str; 5] = [
    "views\n2026-01-01T00:00:00Z ERROR counter: all counts are lost",
    "views\r\nfine",
    "views\u{1b}[2J\u{1b}]0;owned\u{7}",
    "views\u{9b}31m",
    "views\u{85}next line",
];

/// Each event as one text, with its fields as they are written.
fn logged(run: impl FnOnce()) -> Vec<String> {
    let text = |told: &Told| {
        let fields = told.fields.iter().map(|(name, value)| format!(" {name}={value}"));
        told.text.clone() + &fields.collect::<String>()
    };
    Log::of(run).events().iter().map(text).collect()
}

fn assert_harmless(text: &str) {
    assert!(!text.contains(char::is_control), "{text:?}");
}

fn owner_of(owner_type: &'static str) -> Owner {
    Owner::new(owner_type, 1).unwrap()
}

#[test]
fn a_refused_row_with_a_forged_name_is_logged_in_one_line() {
    for forged in FORGERIES {
        let world = memory_x_sqlite();
        let counters = world.counters_with(impatient());
        for (owner_type, key) in [(forged, "views"), ("post", forged)] {
            let owner = owner_of(owner_type);
            counters.set(owner.clone(), key, i64::MAX).unwrap();
            counters.increment(owner.clone(), key, 1).unwrap();
            let mut report = None;
            let log = logged(|| report = Some(counters.sync(&SyncOptions::default()).unwrap()));
            assert!(log.iter().any(|text| text.contains("a row is refused")), "{log:?}");
            log.iter().for_each(|text| assert_harmless(text));
            assert_harmless(&report.unwrap().to_string());
            assert_harmless(&everything_said(&counters.get(owner, key).unwrap_err()));
        }
    }
}

#[test]
fn a_set_that_is_left_to_the_next_sync_is_logged_in_one_line() {
    for forged in FORGERIES {
        let world = memory_x_sqlite();
        let faults = Faults::deciding(|step| (step == "begin").then_some(Fault::Before));
        let counters = world.counters_behind(&faults, Config::default());
        let log = logged(|| counters.set(owner_of(forged), forged, 1).unwrap());
        assert_eq!(log.len(), 1, "{log:?}");
        assert_harmless(&log[0]);
    }
}

#[test]
fn the_id_of_another_store_is_reported_in_one_line() {
    for forged in FORGERIES {
        let world = memory_x_sqlite();
        let first = with_store_id(&world, forged).sync(&SyncOptions::default()).unwrap();
        assert!(first.is_clean());
        let counters = with_store_id(&world, "another");
        counters.increment(owner_of("post"), "views", 1).unwrap();
        let mut told = String::new();
        let log = logged(|| told = counters.sync(&SyncOptions::default()).unwrap().to_string());
        assert!(told.contains("the store is not views"), "{told:?}");
        assert_harmless(&told);
        log.iter().for_each(|text| assert_harmless(text));
    }
}

fn with_store_id(world: &World, store_id: &str) -> Counters {
    let mut store = FaultyStore::new(Arc::clone(&world.store), &Faults::none());
    let database = world.ledger.state(&world.prefix).unwrap().database;
    let high_water = ClaimSeq::new(5);
    store.generation = Some(Generation::new(store_id.to_owned(), database, high_water));
    Counters::from_parts(Config::default(), Arc::new(store), Arc::clone(&world.ledger))
}

#[test]
fn names_that_are_refused_are_named_in_one_line() {
    for forged in FORGERIES {
        let long = forged.repeat(300);
        let errors = [
            Owner::new(long.clone(), 1).unwrap_err().to_string(),
            CounterId::new("post", 1, &long).unwrap_err().to_string(),
            forged.parse::<CounterId>().unwrap_err().to_string(),
            forged.parse::<counter_core::Prefix>().unwrap_err().to_string(),
            forged.parse::<counter_core::TableName>().unwrap_err().to_string(),
            format!("{forged}[").parse::<counter_core::Pattern>().unwrap_err().to_string(),
        ];
        errors.iter().for_each(|error| assert_harmless(error));
    }
}

#[test]
fn an_answer_of_the_server_that_would_steer_a_terminal_is_shown_harmless() {
    let server = FakeRedis::start(|_, words| match words[0].as_str() {
        "PING" => FakeReply::Bytes("+PONG\r\n"),
        _ => FakeReply::Bytes("-ERR \u{1b}[2J all is fine \u{9b}31m\r\n"),
    });
    let store = RedisStore::builder(server.url()).build().unwrap();
    let id = views_of(1);
    let errors = [store.increment(&id, 1).unwrap_err(), store.look(&[id]).unwrap_err()];
    for error in errors {
        let said = everything_said(&error);
        assert!(said.contains("all is fine"), "{said:?}");
        assert_harmless(&said);
    }
}

#[test]
fn a_panic_with_a_forged_message_is_told_in_one_line() {
    let error = Error::Panicked { message: FORGERIES[0].to_owned() };
    assert_harmless(&everything_said(&error));
}
