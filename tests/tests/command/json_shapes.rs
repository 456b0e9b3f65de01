use std::collections::BTreeMap;

use counter_tests::command::json;
use counter_tests::fixtures::{counter_of, user};
use counter_tests::program::Program;
use counter_tests::servers::redis::{bare, shared_url};
use counter_tests::suite::Case;
use counter_tests::world::World;
use serde_json::Value;

pub(super) const CASES: &[Case<World>] =
    &[("what is printed has the shape that is documented", |world| {
        world.counters().set(user(1), "views", i64::MAX).unwrap();
        for arguments in [
            &["increment", "user:1", "likes"][..],
            &["decrement", "user:1", "likes"],
            &["get", "user:1", "views", "likes"],
            &["all", "user:1"],
            &["set", "user:2", "views", "5"],
            &["reset", "user:2", "views"],
            &["migrate"],
            &["migrate", "--status"],
        ] {
            assert_documented(&world.json_of(arguments));
        }
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().to_str().unwrap();
        assert_documented(&world.json_of(&["migrate", "--copy", folder]));

        // One counter for each kind of trouble.
        world.counters().increment(user(1), "views", 1).unwrap();
        put(&world.prefix.claim_name(&counter_of(&user(2), "views")), "1000000000000000:add:7");
        put(&format!("{}x", world.prefix), "1");
        let report = json(&world.run(&["sync", "--json"]).output);
        for finding in ["foreign", "failed", "conflicts"] {
            assert_eq!(report[finding]["count"], 1, "{report}");
        }
        assert_documented(&report);
        assert_documented(&json(&world.run(&["pending", "--json"]).output));

        let mut command = world.command();
        command.args(["sync", "--json", "--redis-url", "redis://127.0.0.1:1/"]);
        let ended = Program::start(&mut command).finish();
        assert_eq!((ended.code(), ended.output.as_str()), (3, ""), "{ended:?}");
        assert_documented(&json(&ended.errors));
    })];

fn put(name: &str, value: &str) {
    let () = redis::cmd("SET").arg(name).arg(value).query(&mut bare(&shared_url())).unwrap();
}

/// The examples of COMMAND.md, by command and action.
fn examples() -> BTreeMap<String, Value> {
    let manual = include_str!("../../../counter-cli/COMMAND.md");
    let blocks = manual.split("```json\n").skip(1).filter_map(|rest| rest.split("```").next());
    let examples = blocks.map(|block| serde_json::from_str::<Value>(block).unwrap());
    examples.map(|example| (name_of(&example), example)).collect()
}

fn name_of(value: &Value) -> String {
    let text = |field: &str| value[field].as_str().unwrap_or_default().to_owned();
    format!("{} {}", text("command"), text("action"))
}

pub(super) fn assert_documented(value: &Value) {
    let examples = examples();
    let name = name_of(value);
    let example = examples.get(&name).unwrap_or_else(|| panic!("{name} is not documented"));
    assert_same_shape(value, example, &name);
}

/// What a sync prints, with what was decided.
pub(super) fn assert_documented_decision(value: &Value, decision: &str) {
    let mut report = value.clone();
    let fields = report.as_object_mut().unwrap();
    assert_eq!(fields.remove("action"), Some(decision.into()), "{value}");
    assert_eq!(fields.insert("command".to_owned(), "sync".into()), Some("conflicts".into()));
    assert_documented(&report);
}

/// The same fields with the same types of values; where one is null or an empty list the other may
/// be anything.
fn assert_same_shape(value: &Value, example: &Value, place: &str) {
    match (value, example) {
        (Value::Null, _) | (_, Value::Null) => {}
        (Value::Object(fields), Value::Object(expected)) => {
            let names = |fields: &serde_json::Map<_, _>| fields.keys().cloned().collect::<Vec<_>>();
            // Owner types are whatever there is.
            if !place.ends_with("owner_types") {
                assert_eq!(names(fields), names(expected), "in {place}");
            }
            for ((name, value), expected) in fields.iter().zip(expected.values()) {
                assert_same_shape(value, expected, &format!("{place} {name}"));
            }
        }
        (Value::Array(items), Value::Array(expected)) => {
            for (item, expected) in items.iter().zip(expected) {
                assert_same_shape(item, expected, place);
            }
        }
        (value, example) => {
            let kind = |value: &Value| std::mem::discriminant(value);
            assert_eq!(kind(value), kind(example), "in {place}: {value} is not like {example}");
        }
    }
}
