use counter_tests::command::json;
use counter_tests::fixtures::user;
use counter_tests::suite::Case;
use counter_tests::world::World;
use serde_json::json;

use super::json_shapes::assert_documented;

pub(super) const CASES: &[Case<World>] = &[
    ("the right database is named so, and nothing changes", |world| {
        assert_eq!(world.output_of(&["adopt"]), RIGHT, "nothing was synced yet");
        count(world, 5);
        assert_eq!(world.run(&["sync"]).code(), 0);
        assert_eq!(world.output_of(&["adopt"]), RIGHT);
        let shown = world.json_of(&["adopt"]);
        assert_documented(&shown);
        assert_eq!((&shown["mismatch"], &shown["adopted"]), (&json!(null), &json!(false)));
    }),
    ("a restored database is refused with the range that is gone, until it is adopted", |world| {
        restored(world);
        let ended = world.run(&["sync"]);
        assert_eq!((ended.code(), ended.output.as_str()), (1, ""), "{ended:?}");
        assert!(ended.errors.ends_with("; to see and decide: counter adopt\n"), "{ended:?}");
        assert_eq!(world.run(&["set", "user:1", "views", "1"]).code(), 1);
        let merged = world.run(&["merge", "user:1", "user:2"]);
        assert_eq!((merged.code(), merged.output.as_str()), (1, ""), "{merged:?}");
        assert!(merged.errors.ends_with("; to see and decide: counter adopt\n"), "{merged:?}");
        let found = world.run(&["doctor", "--json"]);
        assert!(found.output.contains("\"other-database\""), "{found:?}");

        for _ in 0..2 {
            let ended = world.run(&["adopt", "--json"]);
            assert_eq!((ended.code(), ended.errors.as_str()), (1, ""), "{ended:?}");
            let shown = json(&ended.output);
            assert_documented(&shown);
            assert_eq!(
                (&shown["mismatch"], &shown["adopted"]),
                (&json!("went-back"), &json!(false))
            );
            assert!(shown["recorded"].as_i64() < shown["noted"].as_i64(), "{shown}");
            assert!(shown["noted_at"].is_string(), "{shown}");
        }
        let ended = world.run(&["adopt"]);
        assert_eq!((ended.code(), ended.errors.as_str()), (1, ""), "{ended:?}");
        assert!(ended.output.starts_with("the database was restored"), "{ended:?}");
        assert!(ended.output.contains("\nto decide: if it is the right one, "), "{ended:?}");

        let adopted = world.output_of(&["adopt", "--yes"]);
        assert!(adopted.starts_with("the database was restored"), "{adopted}");
        assert!(
            adopted.ends_with("is synced into this database, and into no other\n"),
            "{adopted}"
        );
        assert_eq!(world.output_of(&["adopt"]), RIGHT);
        assert_eq!(world.json_of(&["sync"])["applied"], json!(1));
        assert_eq!(world.counters().baseline(user(1), "views").unwrap(), 12);
    }),
    ("with --yes the JSON says what was decided about", |world| {
        restored(world);
        let adopted = world.json_of(&["adopt", "--yes"]);
        assert_documented(&adopted);
        assert_eq!(
            (&adopted["mismatch"], &adopted["adopted"]),
            (&json!("went-back"), &json!(true))
        );
    }),
];

const RIGHT: &str = "this is the database that Redis is synced into\n";

fn count(world: &World, by: i64) {
    world.counters().increment(user(1), "views", by).unwrap();
}

/// Redis holds 7 views, and 5 are in the table, whose record is as it was before the first sync.
fn restored(world: &World) {
    count(world, 5);
    assert_eq!(world.run(&["sync"]).code(), 0);
    world.database.execute("DELETE FROM model_counters_state WHERE prefix <> ''").unwrap();
    count(world, 7);
}
