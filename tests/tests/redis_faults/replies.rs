//! A server that answers some commands and then nothing, or nonsense.

use std::time::Duration;

use counter_core::{Error, StoreStep};
use counter_tests::fixtures::downloads_of;
use counter_tests::redis_pools::STORES;
use counter_tests::servers::{FakeRedis, FakeReply};

use super::{assert_not_counted, assert_unknown, soon};

/// Five increments, of which the server answers two: it counts one and refuses the other.
fn answer_two_then(number: usize, then: FakeReply) -> FakeReply {
    match number {
        0 => FakeReply::Bytes(":1\r\n"),
        1 => FakeReply::Bytes("-ERR increment or decrement would overflow\r\n"),
        _ => then,
    }
}

#[test]
fn what_was_answered_keeps_its_outcome_when_the_rest_is_not() {
    let servers = [
        FakeRedis::start(|number, _| answer_two_then(number, FakeReply::Silence)),
        FakeRedis::start(|number, _| answer_two_then(number, FakeReply::HangUp)),
        FakeRedis::start(|number, _| answer_two_then(number, FakeReply::Bytes("?nonsense\r\n"))),
        FakeRedis::start(|number, _| answer_two_then(number, FakeReply::Bytes("$1\r\n1\r\n"))),
    ];
    for server in &servers {
        for (pool, store) in STORES {
            let store = store(&server.url());
            let increments: Vec<_> = (0..5).map(|number| (downloads_of(number), 1)).collect();
            let mut outcomes = soon(pool, || store.increment_many(&increments)).into_iter();
            assert!(outcomes.next().unwrap().is_ok(), "{pool}");
            assert_not_counted(pool, outcomes.next().unwrap());
            assert_eq!(outcomes.len(), 3, "{pool}");
            outcomes.for_each(|outcome| assert_unknown(pool, outcome));
        }
    }
}

/// Each reply in time, all of them together far from it.
#[test]
fn a_batch_has_one_deadline_while_replies_trickle_in() {
    let server = FakeRedis::start(|_, _| {
        std::thread::sleep(Duration::from_millis(300));
        FakeReply::Bytes(":1\r\n")
    });
    for (pool, store) in STORES {
        let store = store(&server.url());
        let increments: Vec<_> = (0..20).map(|number| (downloads_of(number), 1)).collect();
        let outcomes = soon(pool, || store.increment_many(&increments));
        assert_eq!(outcomes.len(), 20);
        assert!(outcomes[0].is_ok(), "{pool}: {:?}", outcomes[0]);
        assert_unknown(pool, outcomes.into_iter().next_back().unwrap());
    }
}

/// A large batch is sent in several parts. Parts that are not sent after the deadline are not
/// counted.
#[test]
fn a_large_batch_has_one_deadline_while_the_server_is_slow() {
    let server = FakeRedis::start(|number, _| {
        if number % 4000 == 3999 {
            std::thread::sleep(Duration::from_millis(600));
        }
        FakeReply::Bytes(":1\r\n")
    });
    for (pool, store) in STORES {
        let store = store(&server.url());
        let increments: Vec<_> = (0..20_000).map(|number| (downloads_of(number), 1)).collect();
        let mut outcomes = soon(pool, || store.increment_many(&increments));
        assert_eq!(outcomes.len(), 20_000);
        assert_not_counted(pool, outcomes.remove(19_999));
        assert!(outcomes[0].is_ok(), "{pool}: {:?}", outcomes[0]);
    }
}

#[test]
fn an_increment_that_is_answered_with_something_else_is_unknown() {
    for (pool, store) in STORES {
        let server = FakeRedis::start(|_, _| FakeReply::Bytes("+OK\r\n"));
        let store = store(&server.url());
        assert_unknown(pool, store.increment(&downloads_of(1), 1));
    }
}

#[test]
fn every_refusal_of_an_increment_means_that_it_was_not_counted() {
    let refusals: [fn(usize, &[String]) -> FakeReply; 7] = [
        |_, _| FakeReply::Bytes("-ERR value is not an integer or out of range\r\n"),
        |_, _| {
            FakeReply::Bytes(
                "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n",
            )
        },
        |_, _| FakeReply::Bytes("-OOM command not allowed when used memory > 'maxmemory'.\r\n"),
        |_, _| FakeReply::Bytes("-READONLY You can't write against a read only replica.\r\n"),
        |_, _| FakeReply::Bytes("-LOADING Redis is loading the dataset in memory\r\n"),
        |_, _| FakeReply::Bytes("-MOVED 3999 127.0.0.1:6381\r\n"),
        |_, _| FakeReply::Bytes("-NOAUTH Authentication required.\r\n"),
    ];
    for refusal in refusals {
        let server = FakeRedis::start(refusal);
        for (pool, store) in STORES {
            assert_not_counted(pool, store(&server.url()).increment(&downloads_of(1), 1));
        }
    }
}

/// The newer version of the protocol lets a server say something unasked, and its connections are
/// in some pools.
#[test]
fn what_the_server_says_unasked_is_taken_for_no_reply() {
    let server = FakeRedis::start(|_, _| {
        FakeReply::Bytes(">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nx\r\n:1\r\n")
    });
    for (pool, store) in &STORES[..2] {
        let store = store(&server.url());
        for _ in 0..3 {
            assert!(store.increment(&downloads_of(1), 1).is_ok(), "{pool}");
        }
    }
}

/// Each time this is the first answer on a new connection.
#[test]
fn a_connection_to_a_server_that_became_a_replica_is_not_used_again() {
    let server = FakeRedis::start(|number, _| match number {
        0 => FakeReply::Bytes("-READONLY You can't write against a read only replica.\r\n"),
        _ => FakeReply::Bytes(":1\r\n"),
    });
    for (pool, store) in STORES {
        let store = store(&server.url());
        for _ in 0..3 {
            assert_not_counted(pool, store.increment(&downloads_of(1), 1));
        }
    }
}

#[test]
fn answers_of_another_form_are_errors_and_no_guesses() {
    let server = FakeRedis::start(|_, words| match words[0].as_str() {
        "MGET" => FakeReply::Bytes("*1\r\n$-1\r\n"),
        "SCAN" => FakeReply::Bytes("*2\r\n$1\r\nx\r\n*0\r\n"),
        _ => FakeReply::Bytes("*2\r\n$2\r\nok\r\n$1\r\nx\r\n"),
    });
    for (_, store) in STORES {
        let store = store(&server.url());
        let look = store.look(&[downloads_of(1)]);
        assert!(matches!(look, Err(Error::Store { step: StoreStep::Look, .. })), "{look:?}");
        let page = store.scan(&Default::default(), Default::default(), std::num::NonZeroUsize::MIN);
        assert!(matches!(page, Err(Error::Store { step: StoreStep::Scan, .. })), "{page:?}");
        let claimed = store.claim(&[downloads_of(1)], Duration::ZERO);
        assert!(matches!(claimed, Err(Error::Store { step: StoreStep::Claim, .. })), "{claimed:?}");
    }
}
