//! What an application and a client that knows nothing of this library see of each other.

use counter_diesel::{Counters, HasCounters, Owner, SyncOptions, sqlite_pool};
use counter_tests::fixtures::user;
use counter_tests::servers::RedisServer;
use counter_tests::servers::redis::is_of_index;
use redis::Connection;
use tempfile::TempDir;

use super::run;

#[derive(HasCounters)]
#[counters(keys(downloads))]
struct User {
    id: i64,
}

const USER: User = User { id: 123 };

/// An application with a Redis of its own, and a bare client of that.
struct Application {
    counters: Counters,
    bare: Connection,
    _redis: RedisServer,
    _folder: TempDir,
}

impl Application {
    fn new(prefix: &str) -> Self {
        let (redis, folder) = (RedisServer::start(), tempfile::tempdir().unwrap());
        let file = folder.path().join("app.sqlite");
        let pool = sqlite_pool(file.to_str().unwrap(), 2).unwrap();
        let builder = Counters::builder(pool).prefix(prefix.parse().unwrap()).redis(&redis.url());
        let counters = builder.build().unwrap();
        counters.run_pending_migrations().unwrap();
        Self { counters, bare: redis.bare(), _redis: redis, _folder: folder }
    }

    fn keys(&mut self) -> Vec<String> {
        let mut keys: Vec<String> = run(&mut self.bare, "KEYS *");
        keys.retain(|key| !is_of_index(key.as_bytes()));
        keys.sort();
        keys
    }
}

#[test]
fn an_increment_of_anybody_is_an_increment() {
    let mut app = Application::new("counter:");
    USER.increment_counter(&app.counters, UserCounter::Downloads, 1).unwrap();
    let held: String = run(&mut app.bare, "GET counter:user:123:downloads");
    assert_eq!(held, "1");
    let _: i64 = run(&mut app.bare, "INCRBY counter:user:123:downloads 4");
    assert_eq!(USER.counter(&app.counters, UserCounter::Downloads).unwrap(), 5);
    let report = app.counters.sync(&SyncOptions::default()).unwrap();
    assert!(report.is_clean() && report.applied == 1, "{report}");
    assert_eq!(app.counters.baseline(&USER, UserCounter::Downloads).unwrap(), 5);
    assert_eq!(app.keys(), ["counter:{given}", "counter:{id}", "counter:{marks}", "counter:{seq}"]);
    assert_eq!(USER.counter(&app.counters, UserCounter::Downloads).unwrap(), 5);
}

#[test]
fn what_is_not_a_counter_survives_a_sync_and_is_named_in_its_report() {
    let mut app = Application::new("counter:");
    let _: String = run(&mut app.bare, "SET counter:x 1");
    let _: i64 = run(&mut app.bare, "RPUSH counter:user:1:y a b");
    let _: String = run(&mut app.bare, "SET counter:user:1:z abc");
    let _: String = run(&mut app.bare, "SET counter:user:%61:d 5");
    USER.increment_counter(&app.counters, UserCounter::Downloads, 1).unwrap();
    let report = app.counters.sync(&SyncOptions::default()).unwrap();
    assert_eq!((report.applied, report.foreign.count()), (1, 4), "{report:?}");
    let mut named = report.foreign.iter().map(|foreign| foreign.name.as_str()).collect::<Vec<_>>();
    named.sort_unstable();
    let foreign = ["counter:user:%61:d", "counter:user:1:y", "counter:user:1:z", "counter:x"];
    assert_eq!(named, foreign);
    let mut left = foreign.to_vec();
    left.extend(["counter:{given}", "counter:{id}", "counter:{marks}", "counter:{seq}"]);
    assert_eq!(app.keys(), left);
    let list: Vec<String> = run(&mut app.bare, "LRANGE counter:user:1:y 0 -1");
    let text: String = run(&mut app.bare, "GET counter:user:1:z");
    assert_eq!((list, text.as_str()), (vec!["a".to_owned(), "b".to_owned()], "abc"));
    // A counter whose place is taken says so instead of a number.
    let error = app.counters.get(user(1), "z").unwrap_err();
    assert!(error.to_string().contains("counter:user:1:z"), "{error}");
}

#[test]
fn a_prefix_with_glob_characters_and_a_pattern_touch_only_what_they_mean() {
    let mut app = Application::new("a*:");
    let _: String = run(&mut app.bare, "SET ab:user:1:x 7");
    for owner_type in ["user", "users", "post"] {
        app.counters.increment(Owner::new(owner_type, 1).unwrap(), "x", 1).unwrap();
    }
    let report =
        app.counters.sync(&SyncOptions::default().pattern("user:*".parse().unwrap())).unwrap();
    assert_eq!((report.scanned, report.applied), (1, 1), "{report}");
    let own = ["a*:{given}", "a*:{id}", "a*:{marks}", "a*:{seq}"];
    let left = [&["a*:post:1:x", "a*:users:1:x"][..], &own, &["ab:user:1:x"]].concat();
    assert_eq!(app.keys(), left);
}
