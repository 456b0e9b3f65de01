use counter_tests::fixtures::{counter_of, user};
use counter_tests::program::ProgramEnd;
use counter_tests::servers::redis::{bare, shared_url};
use counter_tests::suite::Case;
use counter_tests::world::World;
use serde_json::json;

pub(super) const CASES: &[Case<World>] = &[
    ("what is not a counter is named without its escape codes, and the rest is synced", |world| {
        world.counters().increment(user(1), "views", 5).unwrap();
        put(&format!("{}\u{1b}[31mx", world.prefix), "1");
        let ended = world.run(&["sync"]);
        assert_eq!(ended.code(), 1, "{ended:?}");
        assert!(ended.errors.contains("\\u{1b}[31mx"), "{ended:?}");
        assert!(!ended.errors.contains('\u{1b}'), "{ended:?}");
        assert_eq!(ended.errors.lines().count(), 1, "{ended:?}");
        assert_eq!(world.counters().baseline(user(1), "views").unwrap(), 5);
        let report = json_of(&world.run(&["sync", "--json"]), 1);
        assert_eq!((&report["foreign"]["count"], &report["clean"]), (&json!(1), &json!(false)));
        let found = world.run(&["pending"]);
        assert_eq!(found.code(), 0, "{found:?}");
        assert!(found.errors.contains("is not a counter's"), "{found:?}");
    }),
    ("a row that the database refuses fails alone", |world| {
        let counters = world.counters();
        counters.set(user(1), "full", i64::MAX).unwrap();
        counters.increment(user(1), "full", 1).unwrap();
        counters.increment(user(1), "views", 5).unwrap();
        let ended = world.run(&["sync"]);
        assert_eq!(ended.code(), 1, "{ended:?}");
        assert!(ended.errors.starts_with("counter: +1 of user:1:full failed: "), "{ended:?}");
        assert_eq!(ended.errors.lines().count(), 1, "{ended:?}");
        assert_eq!(counters.baseline(user(1), "views").unwrap(), 5);
        let ended = world.run(&["get", "user:1", "full"]);
        assert_eq!((ended.code(), ended.output.as_str()), (1, ""), "{ended:?}");
        assert!(ended.errors.contains("set the counter to a value that fits"), "{ended:?}");
    }),
    ("a conflict is named with what to do, and that settles it", |world| {
        world.counters().set(user(1), "views", 100).unwrap();
        let id = counter_of(&user(1), "views");
        put(&world.prefix.claim_name(&id), "1000000000000000:add:7");
        let ended = world.run(&["sync"]);
        assert_eq!(ended.code(), 1, "{ended:?}");
        assert!(ended.errors.contains("+7 of user:1:views is in conflict"), "{ended:?}");
        assert!(ended.errors.contains("set the counter to the right value"), "{ended:?}");
        assert_eq!(world.run(&["get", "user:1", "views"]).code(), 1);
        world.output_of(&["set", "user:1", "views", "107"]);
        assert_eq!(world.output_of(&["get", "user:1", "views"]), "107\n");
        world.output_of(&["sync"]);
    }),
    ("a store that lost its data is reported with the time of the last good sync", |world| {
        world.counters().increment(user(1), "views", 5).unwrap();
        world.output_of(&["sync"]);
        remove(&world.prefix.generation_name());
        world.counters().increment(user(1), "views", 1).unwrap();
        let report = json_of(&world.run(&["sync", "--json"]), 1);
        super::json_shapes::assert_documented(&report);
        assert!(report["store_replaced"]["store_id"].is_string(), "{report}");
        assert_eq!(report["applied"], json!(1));
        remove(&world.prefix.generation_name());
        let ended = world.run(&["sync"]);
        assert_eq!(ended.code(), 1, "{ended:?}");
        let line = "counter: the store lost its data or was replaced: the last one was synced at ";
        assert!(ended.errors.starts_with(line), "{ended:?}");
        assert_eq!(world.run(&["sync"]).code(), 0);
    }),
    ("what another sync has claimed and does not finish is named", |world| {
        world.counters().increment(user(1), "views", 5).unwrap();
        let id = counter_of(&user(1), "views");
        world.store.claim(std::slice::from_ref(&id), std::time::Duration::MAX).unwrap();
        let report = json_of(&world.run(&["sync", "--json"]), 1);
        super::json_shapes::assert_documented(&report);
        assert_eq!(report["held"]["first"][0]["counter"], json!("user:1:views"), "{report}");
        assert_eq!((&report["busy"], &report["clean"]), (&json!(1), &json!(false)));
        world.store.replace(&id, counter_core::Replacement::Set(6)).unwrap();
        world.output_of(&["sync"]);
    }),
    ("what the database refuses the doctor can explain", |world| {
        world.database.execute("ALTER TABLE model_counters RENAME COLUMN count TO amount").unwrap();
        let ended = world.run(&["get", "user:1", "views"]);
        assert!(ended.errors.starts_with("counter: the database refused to read"), "{ended:?}");
        assert!(ended.errors.ends_with("; to find out why: counter doctor\n"), "{ended:?}");
        assert!(world.run(&["doctor"]).output.contains("schema-unusable"));
    }),
    ("without the tables each command says how they are made", |world| {
        world.drop_tables();
        for arguments in
            [&["sync"][..], &["sync", "--dry-run"], &["get", "user:1", "views"], &["all", "user:1"]]
        {
            let ended = world.run(arguments);
            let expected = "counter: the table model_counters is not in the database, or a migration of it was not run: ";
            assert_eq!((ended.code(), ended.output.as_str()), (2, ""), "{ended:?}");
            assert!(ended.errors.starts_with(expected), "{ended:?}");
            assert!(
                ended.errors.ends_with("; correct COUNTER_TABLE_NAME, or run: counter migrate\n"),
                "{ended:?}"
            );
            assert_eq!(ended.errors.lines().count(), 1, "{ended:?}");
        }
    }),
];

fn put(name: &str, value: &str) {
    let () = redis::cmd("SET").arg(name).arg(value).query(&mut bare(&shared_url())).unwrap();
}

fn remove(name: &str) {
    let () = redis::cmd("DEL").arg(name).query(&mut bare(&shared_url())).unwrap();
}

fn json_of(ended: &ProgramEnd, code: i32) -> serde_json::Value {
    assert_eq!((ended.code(), ended.errors.as_str()), (code, ""), "{ended:?}");
    counter_tests::command::json(&ended.output)
}
