use counter_tests::command::json;
use counter_tests::fixtures::{counter_of, post, user};
use counter_tests::servers::redis::{bare, shared_url};
use counter_tests::suite::Case;
use counter_tests::world::World;
use serde_json::json;

use super::json_shapes::assert_documented;

pub(super) const CASES: &[Case<World>] = &[
    ("counters are deleted by name", |world| {
        let counters = world.counters();
        for key in ["views", "likes", "kept"] {
            counters.increment(user(1), key, 5).unwrap();
        }
        assert_eq!(
            world.output_of(&["delete", "user:1", "views", "likes"]),
            "views of user:1 is deleted\nlikes of user:1 is deleted\n"
        );
        let values = ["views", "likes", "kept"].map(|key| counters.get(user(1), key).unwrap());
        assert_eq!(values, [0, 0, 5]);
        let deleted = world.json_of(&["delete", "user:1", "kept"]);
        assert_documented(&deleted);
        assert_eq!(deleted["deleted"], json!(1));
        let ended = world.run(&["delete", "user:1"]);
        assert_eq!((ended.code(), ended.output.as_str()), (2, ""), "{ended:?}");
        let ended = world.run(&["delete", "user:1", "--all", "views"]);
        assert_eq!((ended.code(), ended.output.as_str()), (2, ""), "{ended:?}");
    }),
    ("all counters of an owner are deleted", |world| {
        let counters = world.counters();
        counters.increment(user(1), "views", 5).unwrap();
        world.output_of(&["sync"]);
        counters.increment(user(1), "likes", 5).unwrap();
        counters.increment(user(2), "likes", 5).unwrap();
        let deleted = world.output_of(&["delete", "user:1", "--all"]);
        assert_eq!(deleted, "2 counters of user:1 are deleted\n");
        let deleted = world.json_of(&["delete", "user:1", "--all"]);
        assert_eq!((&deleted["deleted"], &deleted["keys"]), (&json!(0), &json!(null)));
        assert_eq!(world.output_of(&["all", "user:1"]), "");
        assert_eq!(counters.get(user(2), "likes").unwrap(), 5);
    }),
    ("an owner is merged into another", |world| {
        let counters = world.counters();
        counters.increment(user(1), "views", 5).unwrap();
        world.output_of(&["sync"]);
        counters.increment(user(1), "likes", 1).unwrap();
        counters.increment(user(2), "views", 2).unwrap();
        assert_eq!(
            world.output_of(&["merge", "user:1", "user:2"]),
            "2 counters of user:1 moved to user:2, 0 rows removed\n1 rows of user:1 are still there; \
             once they have been 0 for an hour, the same command removes them\n"
        );
        assert_eq!(counters.get(user(2), "views").unwrap(), 7);
        let merged = world.json_of(&["merge", "user:1", "user:2"]);
        assert_documented(&merged);
        assert_eq!((&merged["complete"], &merged["moved"]), (&json!(true), &json!(0)));
        let ended = world.run(&["merge", "user:1", "user:1"]);
        assert_eq!((ended.code(), ended.output.as_str()), (2, ""), "{ended:?}");
        assert!(ended.errors.contains("cannot be merged into itself"), "{ended:?}");
    }),
    ("what could not be merged is named", |world| {
        let counters = world.counters();
        counters.increment(user(1), "views", 5).unwrap();
        let name = world.prefix.pending_name(&counter_of(&user(1), "broken"));
        let () = redis::cmd("SET").arg(name).arg("x").query(&mut bare(&shared_url())).unwrap();
        let ended = world.run(&["merge", "user:1", "user:2"]);
        assert_eq!(ended.code(), 1, "{ended:?}");
        assert!(ended.output.starts_with("1 counters of user:1 moved"), "{ended:?}");
        assert!(ended.errors.starts_with("counter: user:1:broken was not moved: "), "{ended:?}");
        let ended = world.run(&["merge", "user:1", "user:2", "--json"]);
        assert_eq!((ended.code(), ended.errors.as_str()), (1, ""), "{ended:?}");
        let merged = json(&ended.output);
        assert_documented(&merged);
        assert_eq!(merged["failed"]["first"][0]["counter"], json!("user:1:broken"));
        assert_eq!(counters.get(user(2), "views").unwrap(), 5);
    }),
    ("a type of owners is renamed", |world| {
        let counters = world.counters();
        for id in 1..=3 {
            counters.increment(user(id), "views", id).unwrap();
        }
        world.output_of(&["sync"]);
        assert_eq!(
            world.output_of(&["rename-type", "user", "a%3Ab"]),
            "3 counters of user moved to a%3Ab, 0 rows removed\n3 rows of user are still there; once \
             they have been 0 for an hour, the same command removes them\n"
        );
        assert_eq!(world.output_of(&["get", "a%3Ab:3", "views"]), "3\n");
        let renamed = world.json_of(&["rename-type", "user", "a%3Ab"]);
        assert_documented(&renamed);
        assert_eq!((&renamed["moved"], &renamed["into"]), (&json!(0), &json!("a%3Ab")));
        world.age_rows();
        let renamed = world.output_of(&["rename-type", "user", "a%3Ab"]);
        assert_eq!(renamed, "0 counters of user moved to a%3Ab, 3 rows removed\n");
        assert_eq!(world.run(&["rename-type", "user", "user"]).code(), 2);
    }),
    ("owners that are gone are shown, and deleted if asked", |world| {
        let counters = world.counters();
        world.database.execute("CREATE TABLE posts (id BIGINT NOT NULL PRIMARY KEY)").unwrap();
        world.database.execute("INSERT INTO posts VALUES (1)").unwrap();
        for id in 1..=3 {
            counters.increment(post(id), "views", id).unwrap();
        }
        world.output_of(&["sync"]);
        let search = ["orphans", "--owner-type", "post", "--table", "posts", "--column", "id"];
        let young = world.output_of(&search);
        assert_eq!(
            young,
            "0 of 3 owners of type post are not in posts: 0 counters\n2 more changed too recently\n\
             nothing to delete\n"
        );
        let search = [search.as_slice(), &["--older-than", "0s"]].concat();
        assert_eq!(
            world.output_of(&search),
            "post:2\npost:3\n2 of 3 owners of type post are not in posts: 2 counters\n\
             nothing was changed; to delete them: --delete\n"
        );
        let found = world.json_of(&search);
        assert_documented(&found);
        assert_eq!((&found["dry_run"], &found["rows"]), (&json!(true), &json!(2)));
        let deleted = world.json_of(&[search.as_slice(), &["--delete"]].concat());
        assert_eq!((&deleted["dry_run"], &deleted["deleted"]), (&json!(false), &json!(2)));
        let values = [1, 2, 3].map(|id| counters.get(post(id), "views").unwrap());
        assert_eq!(values, [1, 0, 0]);
        counters.increment(post(4), "views", 1).unwrap();
        counters.increment(post(5), "views", 1).unwrap();
        world.output_of(&["sync"]);
        let name = world.prefix.pending_name(&counter_of(&post(4), "broken"));
        let () = redis::cmd("SET").arg(name).arg("x").query(&mut bare(&shared_url())).unwrap();
        let ended = world.run(&[search.as_slice(), &["--delete"]].concat());
        assert_eq!(ended.code(), 1, "{ended:?}");
        assert!(ended.errors.starts_with("counter: post:4 was not deleted: "), "{ended:?}");
        assert!(ended.output.ends_with("2 counters deleted\n"), "{ended:?}");
        let ended = world.run(&[search.as_slice(), &["--delete", "--json"]].concat());
        assert_eq!(
            (ended.code(), ended.errors.as_str()),
            (0, ""),
            "found by rows alone: {ended:?}"
        );
        let wrong = ["orphans", "--owner-type", "post", "--table", "no\"where", "--column", "id"];
        assert_eq!(world.run(&wrong).code(), 2, "a name that is not closed");
        let wrong = ["orphans", "--owner-type", "post", "--table", "posts", "--column", "i\"d"];
        assert_eq!(world.run(&wrong).code(), 1, "a column that is not there");
    }),
];
