//! What the Redis store does when its process is stopped in the middle of a read, and goes on: the system
//! then ends the read of a socket that has a time-out, without an answer.
//!
//! By itself in a process, because that stops.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::process::{Command, id as process_id};
use std::sync::mpsc;
use std::{fs, thread};

use counter_core::{DeltaStore, Error, RedisStore};
use counter_tests::fixtures::downloads_of;
use counter_tests::process::wait_for;
use counter_tests::servers::RedisServer;
use counter_tests::store_worlds::patient;
use rustix::thread::gettid;

/// Runs `ask` in a thread and stops and continues this process while it waits for the frozen server.
fn interrupt<T: Send>(server: &RedisServer, ask: impl FnOnce() -> T + Send) -> T {
    server.freeze();
    thread::scope(|scope| {
        let (tell, told) = mpsc::channel();
        let asking = scope.spawn(move || {
            tell.send(gettid()).unwrap();
            ask()
        });
        let thread_id = told.recv().unwrap();
        wait_for("the question to wait for its answer", || {
            let state = fs::read_to_string(format!("/proc/self/task/{thread_id}/stat")).ok()?;
            state.rsplit(')').next()?.trim().starts_with('S').then_some(())
        });
        stop_and_continue();
        server.thaw();
        asking.join().unwrap()
    })
}

fn stop_and_continue() {
    let script = r#"kill -STOP "$1"
        until grep -q '^State:[[:space:]]*T' "/proc/$1/status"; do :; done
        kill -CONT "$1""#;
    let done = Command::new("sh").args(["-c", script, "sh", &process_id().to_string()]).status();
    assert!(done.unwrap().success());
}

#[test]
fn what_may_be_asked_again_is_asked_again_and_an_increment_is_not_made_again() {
    let server = RedisServer::start();
    // It is the interruption that ends a read, and no time-out. Nothing else uses the connection.
    let builder = RedisStore::builder(server.url()).timeouts(patient()).without_index();
    let store = builder.build().unwrap();
    let id = downloads_of(1);
    store.increment(&id, 1).unwrap();

    let look = interrupt(&server, || store.look(std::slice::from_ref(&id))).unwrap();
    assert_eq!(look.held.first().unwrap().as_ref().unwrap().pending, 1);

    let outcome = interrupt(&server, || store.increment(&id, 10));
    assert!(matches!(outcome, Err(Error::OutcomeUnknown { .. })), "{outcome:?}");
    // It was in the server's socket before the server went on.
    wait_for("the server to count", || {
        let count: i64 =
            redis::cmd("GET").arg("counter:user:1:downloads").query(&mut server.bare()).unwrap();
        (count == 11).then_some(())
    });
}
