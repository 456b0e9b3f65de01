//! A password that changes while a process counts.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use counter_core::{DeltaStore, RedisCredentials, RedisStore};
use counter_tests::fixtures::downloads_of;
use counter_tests::process::wait_for;
use counter_tests::servers::RedisServer;

use super::{assert_not_counted, count_again, never_quiet};

fn set_user(server: &RedisServer, rules: &[&str]) {
    redis::cmd("ACL").arg("SETUSER").arg("app").arg(rules).exec(&mut server.bare()).unwrap();
}

/// Ends all connections but the one that asks for it.
fn end_connections(server: &RedisServer) {
    redis::cmd("CLIENT").arg("KILL").arg("TYPE").arg("normal").exec(&mut server.bare()).unwrap();
}

/// A store of the user `app`, and the password that its connections log in with.
fn store(server: &RedisServer) -> (RedisStore, Arc<Mutex<&'static str>>) {
    let password = Arc::new(Mutex::new("old"));
    let source = Arc::clone(&password);
    let builder = RedisStore::builder(server.url()).timeouts(never_quiet()).without_index();
    let builder =
        builder.credentials(move || Ok(RedisCredentials::new("app", *source.lock().unwrap())));
    (builder.connect_lazily().build().unwrap(), password)
}

#[test]
fn a_new_password_is_asked_for_by_each_new_connection() {
    let server = RedisServer::start();
    set_user(&server, &["on", ">old", "~*", "+@all"]);
    let (store, password) = store(&server);
    store.increment(&downloads_of(1), 1).unwrap();

    set_user(&server, &[">new", "<old"]);
    end_connections(&server);
    // The outcome is unknown, because the connection was in use just now. The next increment needs
    // another connection.
    assert!(store.increment(&downloads_of(1), 1).is_err());
    let refused = store.increment(&downloads_of(1), 1);
    let said = counter_tests::said::everything_said(refused.as_ref().unwrap_err());
    assert!(said.contains("authentication failed") && !said.contains("old"), "{said}");
    assert_not_counted("with the old password", refused);

    *password.lock().unwrap() = "new";
    let counted = count_again(&store, &downloads_of(1));
    let pending = store.look(&[downloads_of(1)]).unwrap().held[0].as_ref().unwrap().pending;
    assert!(counted.contains(&(pending - 1)), "{pending}, {counted:?}");
}

/// A password is replaced as a careful operator does it: both are right for a while.
#[test]
fn a_rotation_under_traffic_refuses_no_increment() {
    let server = RedisServer::start();
    set_user(&server, &["on", ">old", "~*", "+@all"]);
    let (store, password) = store(&server);
    let (end, counted) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        let counting = [1, 2, 3].map(|number| {
            let (store, end, counted) = (&store, &end, &counted);
            scope.spawn(move || {
                let mut refused = 0;
                while !end.load(Ordering::Relaxed) {
                    match store.increment(&downloads_of(number), 1) {
                        Ok(()) => drop(counted.fetch_add(1, Ordering::Relaxed)),
                        Err(error) => refused += u64::from(error.is_not_counted()),
                    }
                }
                refused
            })
        });
        let wait_for_more = || {
            let before = counted.load(Ordering::Relaxed);
            wait_for("increments", || {
                (counted.load(Ordering::Relaxed) > before + 100).then_some(())
            });
        };
        wait_for_more();
        set_user(&server, &[">new"]);
        *password.lock().unwrap() = "new";
        set_user(&server, &["<old"]);
        for _ in 0..3 {
            end_connections(&server);
            wait_for_more();
        }
        end.store(true, Ordering::Relaxed);
        let refused = counting.map(|counting| counting.join().unwrap());
        assert_eq!(refused, [0, 0, 0]);
    });
}
