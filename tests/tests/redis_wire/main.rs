//! What the Redis store writes into Redis and sends over the wire, seen by a client that knows
//! nothing of it.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed"
)]

mod canonical;
mod commands;
mod foreign;
mod format;
mod generation;
mod globs;
mod permissions;
mod published;
mod slowlog;
mod tls;

use std::time::Duration;

use counter_core::{Claim, Claimed, CounterId, DeltaStore, RedisStore};
use counter_tests::servers::RedisServer;
use counter_tests::servers::redis::is_of_index;
use counter_tests::store_worlds::patient;
use redis::{Connection, FromRedisValue, ToRedisArgs};

/// Longer than any test: every claim is a living sync's.
const LONG: Duration = Duration::from_secs(3600);

/// A server, a store on it and a bare client.
struct Setting {
    server: RedisServer,
    store: RedisStore,
    bare: Connection,
}

impl Setting {
    fn new() -> Self {
        let server = RedisServer::start();
        let builder = RedisStore::builder(server.url()).timeouts(patient());
        Self { store: builder.build().unwrap(), bare: server.bare(), server }
    }

    /// Sends a command of words that have no spaces.
    fn run<T: FromRedisValue>(&mut self, command: &str) -> T {
        run(&mut self.bare, command)
    }

    /// The names that the server holds, but for those of the index.
    fn names(&mut self) -> Vec<Vec<u8>> {
        let mut names: Vec<Vec<u8>> = self.run("KEYS *");
        names.retain(|name| !is_of_index(name));
        names.sort();
        names
    }

    fn set(&mut self, name: impl ToRedisArgs, value: impl ToRedisArgs) {
        redis::cmd("SET").arg(name).arg(value).exec(&mut self.bare).unwrap();
    }

    fn get(&mut self, name: &str) -> Option<String> {
        redis::cmd("GET").arg(name).query(&mut self.bare).unwrap()
    }

    fn claim(&self, id: &CounterId, claim_timeout: Duration) -> Claimed {
        let claimed = self.store.claim(std::slice::from_ref(id), claim_timeout);
        claimed.unwrap().remove(0)
    }

    /// Increments and claims a counter.
    fn fresh(&self, id: &CounterId, by: i64) -> Claim {
        self.store.increment(id, by).unwrap();
        match self.claim(id, LONG) {
            Claimed::Fresh(claim) => claim,
            other => panic!("{other:?}"),
        }
    }
}

fn run<T: FromRedisValue>(bare: &mut Connection, command: &str) -> T {
    let mut words = command.split(' ');
    let mut with_arguments = redis::cmd(words.next().unwrap());
    words.for_each(|word| {
        with_arguments.arg(word);
    });
    with_arguments.query(bare).unwrap()
}
