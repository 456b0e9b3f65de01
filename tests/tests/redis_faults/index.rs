//! The index while the server is away, frozen, full, or refuses it. Increments know nothing of
//! that.

use std::num::NonZeroUsize;
use std::thread;
use std::time::Duration;

use counter_core::{DeltaStore as _, Error, JointIncrement, Prefix, RedisStore};
use counter_tests::fixtures::{bucket_of, downloads_of};
use counter_tests::process::wait_for;
use counter_tests::proxy::{Kind, Proxy, Towards, Trouble};
use counter_tests::servers::RedisServer;
use redis::Connection;

use super::{never_quiet, soon};

/// The counters that the index names.
fn named(server: &RedisServer) -> Vec<String> {
    let mut bare = server.bare();
    let fields = |name: String| {
        redis::cmd("HKEYS").arg(name).query::<Vec<String>>(&mut bare).unwrap_or_default()
    };
    let mut named =
        Prefix::default().dirty_names().into_iter().flat_map(fields).collect::<Vec<_>>();
    named.sort();
    named
}

fn texts(numbers: impl IntoIterator<Item = i64>) -> Vec<String> {
    let mut texts = numbers
        .into_iter()
        .map(|number| downloads_of(number).as_str().to_owned())
        .collect::<Vec<_>>();
    texts.sort();
    texts
}

fn count(store: &RedisStore, number: i64) {
    store.increment(&downloads_of(number), 1).unwrap();
}

#[test]
fn what_was_gathered_while_the_server_was_frozen_is_written_later() {
    let server = RedisServer::start();
    let store = RedisStore::builder(server.url()).build().unwrap();
    count(&store, 1);
    wait_for("the first to be named", || (named(&server) == texts([1])).then_some(()));
    count(&store, 2);
    server.freeze();
    let frozen = soon("an increment", || store.increment(&downloads_of(3), 1));
    assert!(frozen.is_err(), "{frozen:?}");
    server.thaw();
    count(&store, 4);
    wait_for("all to be named", || {
        let named = named(&server);
        // The third may have been counted.
        texts([1, 2, 4]).iter().all(|id| named.contains(id)).then_some(())
    });
}

#[test]
fn the_end_of_a_store_writes_what_is_gathered_and_waits_for_no_frozen_server() {
    let server = RedisServer::start();
    for round in 0..3 {
        let store = RedisStore::builder(server.url()).build().unwrap();
        (1..=20).for_each(|number| count(&store, 20 * round + number));
        drop(store);
        // On a busy machine its thread may end after it.
        wait_for("all to be named", || {
            (named(&server) == texts(1..=20 * round + 20)).then_some(())
        });
    }
    let store = RedisStore::builder(server.url()).build().unwrap();
    count(&store, 100);
    count(&store, 101);
    server.freeze();
    soon("the end", || drop(store));
    server.thaw();
    // Its thread ends too, and with it what the store held.
    let mut bare = server.bare();
    wait_for("the store to close its connections", || {
        let clients: String = redis::cmd("CLIENT").arg("LIST").query(&mut bare).unwrap();
        (clients.lines().count() == 1).then_some(())
    });
}

#[test]
fn a_write_whose_connection_is_cut_is_repeated_at_whichever_byte() {
    let server = RedisServer::start();
    let proxy = Proxy::to_port(server.port());
    let store = RedisStore::builder(proxy.redis_url()).build().unwrap();
    let index = store.pending_index().unwrap();
    for (towards, step) in [(Towards::Server, 11), (Towards::Client, 1)] {
        for (round, after) in (0..4).zip((0..).step_by(step)) {
            let first = 1000 * (1 + towards as i64) + 10 * round;
            // The thread may be first with some of them.
            (first..first + 10).for_each(|number| count(&store, number));
            proxy.prepare(Trouble { towards, after, kind: Kind::Cut });
            let _ = index.page(&[], NonZeroUsize::MIN);
            wait_for("all to be named", || {
                let _ = index.page(&[], NonZeroUsize::MIN);
                let named = named(&server);
                texts(first..first + 10).iter().all(|id| named.contains(id)).then_some(())
            });
        }
    }
}

#[test]
fn an_increment_of_a_total_and_its_bucket_without_an_answer_is_named_with_both() {
    let server = RedisServer::start();
    let proxy = Proxy::to_port(server.port());
    let builder = RedisStore::builder(proxy.redis_url()).timeouts(never_quiet());
    let store = builder.build().unwrap();
    let index = store.pending_index().unwrap();
    count(&store, 1);
    index.page(&[], NonZeroUsize::MIN).unwrap();
    // The counter has something pending already, so nothing is gathered, and a connection is fresh.
    count(&store, 1);
    let total = downloads_of(2);
    let buckets = vec![bucket_of(&total, "day:2026-11-28")];
    let increment = JointIncrement { total, buckets, by: 1 };
    proxy.prepare(Trouble { towards: Towards::Client, after: 0, kind: Kind::Cut });
    let outcome =
        store.together().unwrap().count_together(std::slice::from_ref(&increment)).remove(0);
    assert!(outcome.as_ref().is_err_and(Error::is_outcome_unknown), "{outcome:?}");
    wait_for("both to be named", || {
        let named = named(&server);
        increment.ids().all(|id| named.contains(&id.as_str().to_owned())).then_some(())
    });
}

#[test]
fn what_the_server_refuses_for_good_is_not_written_again_and_for_now_is() {
    let server = RedisServer::start();
    let mut bare = server.bare();
    let store = RedisStore::builder(server.url()).build().unwrap();
    let index = store.pending_index().unwrap();
    let name = Prefix::default().dirty_name(&downloads_of(1));
    redis::cmd("RPUSH").arg(&name).arg("a").exec(&mut bare).unwrap();
    count(&store, 1);
    assert!(index.page(&[], NonZeroUsize::MIN).unwrap().has_gaps);
    redis::cmd("DEL").arg(&name).exec(&mut bare).unwrap();
    index.page(&[], NonZeroUsize::MIN).unwrap();
    assert_eq!(named(&server), [""; 0]);

    count(&store, 2);
    index.page(&[], NonZeroUsize::MIN).unwrap();
    let refuse = |value: &str| require_replicas(&server, value);
    // An increment from before the server refused writes, which is not in the index.
    redis::cmd("INCRBY").arg("counter:user:2:downloads").arg(0).exec(&mut bare).unwrap();
    let gathered = downloads_of(3);
    store.increment(&gathered, 1).unwrap();
    refuse("1");
    let _ = index.page(&[], NonZeroUsize::MIN);
    refuse("0");
    wait_for("the third to be named", || (named(&server) == texts([2, 3])).then_some(()));
}

/// The server holds the write of a sync for longer than the thread pauses. So the thread finds
/// nothing gathered, and waits, before what the sync took is refused.
#[test]
fn what_was_refused_while_the_thread_waited_is_written_all_the_same() {
    let server = RedisServer::start();
    let store = RedisStore::builder(server.url()).build().unwrap();
    let index = store.pending_index().unwrap();
    count(&store, 1);
    wait_for("the first to be named", || (named(&server) == texts([1])).then_some(()));
    count(&store, 2);
    let mut bare = server.bare();
    redis::cmd("CLIENT").arg("PAUSE").arg(1500).arg("WRITE").exec(&mut bare).unwrap();
    thread::scope(|scope| {
        scope.spawn(|| index.page(&[], NonZeroUsize::MIN));
        wait_for("the write to be held", || is_holding(&mut bare).then_some(()));
        require_replicas(&server, "1");
    });
    require_replicas(&server, "0");
    wait_for("the second to be named", || (named(&server) == texts([1, 2])).then_some(()));
}

/// Whether the server keeps a client waiting.
fn is_holding(bare: &mut Connection) -> bool {
    let facts: String = redis::cmd("INFO").arg("clients").query(bare).unwrap();
    !facts.contains("blocked_clients:0")
}

/// Lets the server refuse writes unless it has so many replicas.
fn require_replicas(server: &RedisServer, number: &str) {
    redis::cmd("CONFIG")
        .arg("SET")
        .arg("min-replicas-to-write")
        .arg(number)
        .exec(&mut server.bare())
        .unwrap();
}

/// An application that never shuts down properly still names what it counts.
#[test]
fn what_is_counted_is_named_within_a_second_or_two() {
    let server = RedisServer::start();
    let store = RedisStore::builder(server.url()).build().unwrap();
    for number in 1..=3 {
        count(&store, number);
        wait_for("it to be named", || (named(&server) == texts(1..=number)).then_some(()));
    }
    std::mem::forget(store);
}

#[test]
fn a_server_that_is_away_keeps_nobody_waiting_and_no_more_than_so_many_in_mind() {
    let mut server = RedisServer::start();
    let store =
        RedisStore::builder(server.url()).wait_timeout(Duration::from_millis(50)).build().unwrap();
    count(&store, 1);
    server.kill();
    let outcome = store.increment(&downloads_of(2), 1);
    assert!(outcome.is_err(), "{outcome:?}");
    soon("the end", || drop(store));
}
