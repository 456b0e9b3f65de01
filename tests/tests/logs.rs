//! What goes to logs and terminals: names and answers from outside can neither end a line nor steer
//! a terminal.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use counter_core::{
    Claim, ClaimOp, Config, CounterId, CounterKey, DeltaStore, Foreign, Generation, Operation,
    Pattern, Prefix, Printable, RedisStore, StoreName,
};
use counter_diesel::error::CoreError;
use counter_diesel::store::ClaimSeq;
use counter_diesel::{Counters, Error, Owner, SyncOptions};
use counter_tests::faults::{Fault, Faults, FaultyStore};
use counter_tests::fixtures::views_of;
use counter_tests::log::{Log, Logged};
use counter_tests::said::everything_said;
use counter_tests::servers::{FakeRedis, FakeReply};
use counter_tests::world::{World, impatient, memory_x_sqlite};

/// Names that would forge something if they were written as they are.
const FORGERIES: [&str; 8] = [
    "views\n2026-01-01T00:00:00Z ERROR counter: all counts are lost",
    "views\r\nfine",
    "views\u{1b}[2J\u{1b}]0;owned\u{7}",
    "views\u{9b}31m",
    "views\u{85}next line",
    "views\u{202e}sewiv\u{2066}",
    "views\u{200b}\u{feff}\u{ad}\u{e0041}",
    "views\u{3164}\u{115f}\u{2800}",
];

/// Each event as one text, with its fields as they are written.
fn logged(run: impl FnOnce()) -> Vec<String> {
    let text = |said: &Logged| {
        let fields = said.fields.iter().map(|(name, value)| format!(" {name}={value}"));
        said.text.clone() + &fields.collect::<String>()
    };
    Log::of(run).events().iter().map(text).collect()
}

fn assert_harmless(text: &str) {
    assert!(!text.contains(Printable::escapes), "{text:?}");
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
        let mut said = String::new();
        let log = logged(|| said = counters.sync(&SyncOptions::default()).unwrap().to_string());
        assert!(said.contains("the store is not views"), "{said:?}");
        assert_harmless(&said);
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

/// Every character that [`Printable`] escapes and a name can have.
fn unseen() -> impl Iterator<Item = char> {
    ('\u{1}'..=char::MAX).filter(|c| Printable::escapes(*c))
}

#[test]
fn no_character_that_is_not_seen_is_in_the_text_of_a_name_or_of_an_error() {
    for c in unseen() {
        let text = format!("a{c}b");
        let id = CounterId::new(&text, 1, &text).unwrap();
        let owner = Owner::new(text.clone(), 1).unwrap();
        let names = [id.to_string(), format!("{id:?}"), owner.to_string()];
        names.iter().for_each(|name| assert_harmless(name));
        errors_about(&id).iter().for_each(|error| assert_harmless(error));
        // Parts of a name are data, and in the store only control characters are encoded.
        assert_eq!(CounterKey::new(text.clone()).unwrap().to_string(), text);
        assert_eq!(owner.owner_type().to_string(), text);
        let prefix = Prefix::default();
        let name = prefix.pending_name(&id);
        assert_eq!(id.as_str().contains(c), !c.is_control(), "{id}");
        assert_eq!(prefix.parse_name(&name), Some(StoreName::Pending(id.clone())));
        assert_eq!(prefix.parse_name(&prefix.claim_name(&id)), Some(StoreName::Claim(id)));
    }
}

/// The texts of all errors that name a counter, or something else from outside.
fn errors_about(id: &CounterId) -> Vec<String> {
    let (counter, text) = (id.clone(), id.key().into_owned());
    let seq = ClaimSeq::new(5);
    let source = || text.clone().into();
    let foreign = Foreign { name: text.clone(), why: text.clone() };
    let core = [
        CoreError::NotCounted {
            operation: Operation::Set,
            counter: counter.clone(),
            source: source(),
        },
        CoreError::OutcomeUnknown {
            operation: Operation::Increment,
            counter: counter.clone(),
            source: source(),
        },
        CoreError::Conflict { counter: counter.clone(), claim: seq, row: seq },
        CoreError::Overflow { counter: counter.clone() },
        CoreError::Foreign(foreign),
    ];
    let refused = [
        format!("{text}[").parse::<Pattern>().unwrap_err().to_string(),
        text.parse::<CounterId>().unwrap_err().to_string(),
        text.parse::<Prefix>().unwrap_err().to_string(),
        text.parse::<ClaimOp>().unwrap_err().to_string(),
        format!("{text}.b").parse::<counter_core::TableName>().unwrap_err().to_string(),
    ];
    let claim = Claim { id: counter, seq, op: ClaimOp::Add(1) };
    let texts = core.iter().map(ToString::to_string);
    texts.chain(refused).chain([format!("{claim:?}")]).collect()
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
fn a_panic_with_a_forged_message_is_logged_in_one_line() {
    let error = Error::Panicked { message: FORGERIES[0].to_owned() };
    assert_harmless(&everything_said(&error));
}
