//! A real server behind a network that breaks off, holds back and trickles, at each byte.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use counter_core::{
    CounterId, DeltaStore, Error, JointIncrement, RedisStore, RedisTimeouts, Replacement,
};
use counter_tests::fixtures::{bucket_of, downloads_of};
use counter_tests::process::wait_for;
use counter_tests::proxy::{Kind, Proxy, Towards, Trouble};
use counter_tests::redis_pools::{
    STORES, applications_store, own_store, pool_of_one, r2d2_redis_store,
};
use counter_tests::servers::RedisServer;

use super::{assert_unknown, soon};

const DIRECTIONS: [Towards; 2] = [Towards::Server, Towards::Client];

/// How often a counter is counted in the server, which is asked without the proxy.
fn counted(server: &RedisServer, id: &CounterId) -> i64 {
    let name = format!("counter:{id}");
    let count: Option<i64> = redis::cmd("GET").arg(name).query(&mut server.bare()).unwrap();
    count.unwrap_or(0)
}

#[test]
fn an_increment_whose_connection_is_cut_is_unknown_at_whichever_byte() {
    is_unknown_at_whichever_byte(|store, id| store.increment(id, 1), "counter:");
}

#[test]
fn a_set_whose_connection_is_cut_is_unknown_at_whichever_byte() {
    let set =
        |store: &dyn DeltaStore, id: &CounterId| store.replace(id, Replacement::Set(1)).map(drop);
    is_unknown_at_whichever_byte(set, "counter:{counter:");
}

#[test]
fn an_increment_of_a_total_and_its_bucket_that_is_cut_is_unknown_and_made_in_both_or_in_none() {
    let joint = |store: &dyn DeltaStore, id: &CounterId| {
        let buckets = vec![bucket_of(id, "day:2026-11-28")];
        let increment = JointIncrement { total: id.clone(), buckets, by: 1 };
        store.together().unwrap().count_together(&[increment]).remove(0)
    };
    is_unknown_at_whichever_byte(joint, "counter:");
    is_unknown_at_whichever_byte(joint, "counter:{counter:");
}

/// Cut on its way there it was not carried out, cut on its way back it was; which of the two is
/// unknown.
fn is_unknown_at_whichever_byte(
    operate: fn(&dyn DeltaStore, &CounterId) -> Result<(), Error>,
    written: &str,
) {
    for (pool, store) in STORES {
        let server = RedisServer::start();
        let proxy = Proxy::to_port(server.port());
        let store = store(&proxy.redis_url());
        for towards in DIRECTIONS {
            let bytes = (0..).take_while(|&after| {
                // On a connection that is there already.
                operate(&*store, &downloads_of(0)).unwrap();
                let number = downloads_of(1000 * (1 + towards as i64) + after as i64);
                proxy.prepare(Trouble { towards, after, kind: Kind::Cut });
                let outcome = soon(pool, || operate(&*store, &number));
                let was_cut = proxy.calm() > 0;
                let is_carried_out = has_name_of(&server, written, &number);
                if was_cut {
                    assert_unknown(pool, outcome);
                    assert_eq!(is_carried_out, towards == Towards::Client, "{pool}: byte {after}");
                } else {
                    assert!(outcome.is_ok() && is_carried_out, "{pool}: {outcome:?}");
                }
                was_cut
            });
            assert!(bytes.count() >= if towards == Towards::Server { 50 } else { 4 });
        }
    }
}

/// Whether there is a name that begins so and goes on with this counter's.
fn has_name_of(server: &RedisServer, beginning: &str, id: &CounterId) -> bool {
    let glob = format!("{beginning}{id}*");
    let names = redis::cmd("KEYS").arg(glob).query::<Vec<String>>(&mut server.bare());
    !names.unwrap().is_empty()
}

#[test]
fn each_increment_of_a_batch_is_reported_honestly_wherever_its_connection_is_cut() {
    const BATCH: i64 = 20;
    for (pool, store) in STORES {
        let server = RedisServer::start();
        let proxy = Proxy::to_port(server.port());
        let store = store(&proxy.redis_url());
        for (towards, step) in [(Towards::Server, 29), (Towards::Client, 3)] {
            for (number, after) in (1..).zip((0..).step_by(step)) {
                store.increment(&downloads_of(0), 1).unwrap();
                let first = 1_000_000 * (1 + towards as i64) + number * BATCH;
                let batch = (first..first + BATCH).map(|number| (downloads_of(number), 1));
                let batch = batch.collect::<Vec<_>>();
                proxy.prepare(Trouble { towards, after, kind: Kind::Cut });
                let outcomes = soon(pool, || store.increment_many(&batch));
                let was_cut = proxy.calm() > 0;
                for ((id, _), outcome) in batch.iter().zip(&outcomes) {
                    assert_honest(outcome, counted(&server, id), &format!("{pool}: byte {after}"));
                }
                if !was_cut {
                    assert!(outcomes.iter().all(Result::is_ok), "{pool}: {outcomes:?}");
                    break;
                }
                assert!(outcomes.last().unwrap().is_err(), "{pool}: {outcomes:?}");
            }
        }
    }
}

fn assert_honest(outcome: &Result<(), Error>, times: i64, place: &str) {
    let is_honest = match outcome {
        Ok(()) => times == 1,
        Err(Error::NotCounted { .. }) => times == 0,
        Err(Error::OutcomeUnknown { .. }) => times <= 1,
        Err(_) => false,
    };
    assert!(is_honest, "counted {times} times, {place}: {outcome:?}");
}

/// Everybody waits half a second here; with the time-outs of a request these tests would be long.
fn impatient_stores(url: &str) -> [(&'static str, Arc<dyn DeltaStore>); 3] {
    [
        ("own", own_store(url, impatient())),
        ("application's", applications_store(url, impatient())),
        ("r2d2_redis", r2d2_redis_store(url, impatient())),
    ]
}

fn impatient() -> RedisTimeouts {
    let mut timeouts = RedisTimeouts::default();
    timeouts.read = Duration::from_millis(500);
    timeouts
}

/// Of the reply `:1000\r\n` some bytes come in time and the others when the next command is under
/// way.
#[test]
fn what_is_left_of_a_late_reply_is_nobody_elses() {
    for part in [0, 1, 3, 6] {
        let server = RedisServer::start();
        let proxy = Proxy::to_port(server.port());
        for (pool, store) in impatient_stores(&proxy.redis_url()) {
            let before = counted(&server, &downloads_of(1));
            store.increment(&downloads_of(1), 1000).unwrap();
            proxy.prepare(Trouble { towards: Towards::Client, after: part, kind: Kind::Hold });
            assert_unknown(pool, soon(pool, || store.increment(&downloads_of(1), 1000)));
            proxy.prepare(Trouble {
                towards: Towards::Server,
                after: 20,
                kind: Kind::Delay(Duration::from_millis(50)),
            });
            thread::scope(|scope| {
                scope.spawn(|| proxy.release());
                let look = store.look(&[downloads_of(1), downloads_of(2)]).unwrap();
                let pending = look.held.into_iter().map(|held| held.unwrap().pending);
                assert_eq!(pending.collect::<Vec<_>>(), [before + 2000, 0], "{pool}: byte {part}");
            });
            for number in 10..20 {
                let before = counted(&server, &downloads_of(number));
                store.increment(&downloads_of(number), number).unwrap();
                let look = store.look(&[downloads_of(number)]).unwrap();
                let pending = look.held[0].as_ref().unwrap().pending;
                assert_eq!(pending, before + number, "{pool}: byte {part}");
            }
            proxy.calm();
        }
    }
}

/// An application that shares its pool with the store does not get it either.
#[test]
fn an_application_does_not_get_what_is_left_of_a_late_reply() {
    let server = RedisServer::start();
    let proxy = Proxy::to_port(server.port());
    let client = redis::Client::open(proxy.redis_url()).unwrap();
    let pool = pool_of_one().build(client).unwrap();
    let store =
        RedisStore::from_pool(pool.clone(), Default::default(), impatient()).without_index();
    for part in 0..4 {
        store.increment(&downloads_of(1), 0).unwrap();
        proxy.prepare(Trouble { towards: Towards::Client, after: part, kind: Kind::Hold });
        assert_unknown("increment", soon("increment", || store.increment(&downloads_of(1), 0)));
        proxy.calm();
        let echo = redis::cmd("ECHO").arg("hello").query::<String>(&mut *pool.get().unwrap());
        assert_eq!(echo.unwrap(), "hello", "after byte {part}");
    }
}

/// Held back on its way there, it is counted long after it was given up.
#[test]
fn an_increment_that_arrives_late_was_unknown_and_is_counted_once() {
    let server = RedisServer::start();
    let proxy = Proxy::to_port(server.port());
    for (number, (pool, store)) in (1..).zip(impatient_stores(&proxy.redis_url())) {
        store.increment(&downloads_of(number), 1).unwrap();
        proxy.prepare(Trouble { towards: Towards::Server, after: 10, kind: Kind::Hold });
        assert_unknown(pool, soon(pool, || store.increment(&downloads_of(number), 10)));
        assert_eq!(counted(&server, &downloads_of(number)), 1, "{pool}");
        proxy.calm();
        wait_for("it to arrive", || (counted(&server, &downloads_of(number)) == 11).then_some(()));
        store.increment(&downloads_of(number), 100).unwrap();
        assert_eq!(counted(&server, &downloads_of(number)), 111, "{pool}");
    }
}

/// Each byte comes soon, but all of them together take long.
#[test]
fn a_batch_has_one_deadline_while_bytes_trickle() {
    let drip = Kind::Drip(Duration::from_millis(50));
    for towards in DIRECTIONS {
        let server = RedisServer::start();
        let proxy = Proxy::to_port(server.port());
        for (pool, store) in STORES {
            let store = store(&proxy.redis_url());
            store.increment(&downloads_of(0), 1).unwrap();
            let batch = (1..200).map(|number| (downloads_of(number), 1)).collect::<Vec<_>>();
            proxy.prepare(Trouble { towards, after: 0, kind: drip });
            let outcomes = soon(pool, || store.increment_many(&batch));
            proxy.calm();
            assert_unknown(pool, outcomes.into_iter().next_back().unwrap());
        }
    }
}
