use std::collections::BTreeMap;

use counter_diesel::SyncOptions;
use counter_tests::fixtures::{counter_of, user};
use counter_tests::program::Program;
use counter_tests::servers::redis::is_of_index;
use counter_tests::suite::Case;
use counter_tests::world::World;
use counter_tests::writers::{Writers, baselines};
use serde_json::{Value, json};

pub(super) const CASES: &[Case<World>] = &[
    ("a sync moves everything and says how much in a table", |world| {
        let counters = world.counters();
        (0..30).for_each(|id| counters.increment(user(id), "views", id + 1).unwrap());
        counters.increment(user(99), "zero", 1).unwrap();
        counters.decrement(user(99), "zero", 1).unwrap();
        let table = world.output_of(&["sync", "--batch-size", "7"]);
        let numbers = numbers_of(&table);
        let number = |name: &str| numbers[name];
        assert_eq!(number("found"), 31.0, "{table}");
        assert_eq!(number("applied"), 30.0, "{table}");
        assert_eq!(number("skipped"), 1.0, "{table}");
        for name in [
            "recovered",
            "discarded",
            "busy",
            "postponed",
            "foreign",
            "failed",
            "conflicts",
            "lost",
            "expiring",
            "held",
        ] {
            assert_eq!(number(name), 0.0, "{table}");
        }
        assert!(number("seconds") > 0.0 && number("counters per second") > 0.0, "{table}");
        for id in 0..30 {
            assert_eq!(counters.baseline(user(id), "views").unwrap(), id + 1);
        }
        assert_eq!(numbers_of(&world.output_of(&["sync"]))["found"], 0.0);
    }),
    ("with -v each counter is named with what became of it", |world| {
        let counters = world.counters();
        counters.increment(user(1), "views", 5).unwrap();
        counters.decrement(user(2), "a b", 7).unwrap();
        claim(world, "views");
        counters.increment(user(1), "views", 1).unwrap();
        world
            .store
            .replace(&counter_of(&user(1), "likes"), counter_core::Replacement::Set(-3))
            .unwrap();
        world
            .store
            .replace(&counter_of(&user(1), "gone"), counter_core::Replacement::Delete)
            .unwrap();
        let named = names_of(&world.output_of(&["sync", "--dry-run", "-v"]));
        let dry =
            ["+5, +1  user:1:views", "-7  user:2:a b", "=-3  user:1:likes", "deleted  user:1:gone"];
        assert_eq!(named, sorted(&dry));
        // The other claims are another sync's, which does not go on. A set may be applied by any
        // number.
        let applied = ["-7  user:2:a b", "=-3  user:1:likes (recovered)"];
        let ended = world.run(&["sync", "-v"]);
        assert_eq!(names_of(&ended.output), sorted(&applied), "{ended:?}");
        let unfinished = "counter: user:1:views is left unfinished: another sync has claimed it";
        assert!(ended.errors.contains(unfinished), "{ended:?}");
        assert!(ended.errors.contains("user:1:gone is left unfinished"), "{ended:?}");
        assert_eq!((ended.code(), ended.errors.lines().count()), (1, 2), "{ended:?}");
    }),
    ("what is left behind is finished and marked", |world| {
        world.counters().increment(user(1), "views", 5).unwrap();
        // As old as a claim of the year 2001.
        let claim = "1000000000000000:add:7";
        let name = world.prefix.claim_name(&counter_of(&user(1), "likes"));
        let url = counter_tests::servers::redis::shared_url();
        let mut redis = counter_tests::servers::redis::bare(&url);
        let () = redis::cmd("SET").arg(name).arg(claim).query(&mut redis).unwrap();
        let output = world.output_of(&["sync", "-v"]);
        let names = ["+5  user:1:views", "+7  user:1:likes (recovered)"];
        assert_eq!(names_of(&output), sorted(&names));
        let numbers = numbers_of(&output);
        assert_eq!((numbers["applied"], numbers["recovered"]), (2.0, 1.0), "{output}");
        assert_eq!(world.counters().baseline(user(1), "likes").unwrap(), 7);
    }),
    ("a dry run changes nothing in the store and nothing in the database", |world| {
        let counters = world.counters();
        counters.set(user(1), "views", 10).unwrap();
        (0..20).for_each(|id| counters.increment(user(id), "views", 1).unwrap());
        counters.increment(user(1), "zero", 0).unwrap();
        claim(world, "views");
        let before = everything(world);
        for arguments in
            [&["sync", "--dry-run"][..], &["sync", "--dry-run", "-v", "--batch-size", "3"]]
        {
            let output = world.output_of(arguments);
            assert_eq!(numbers_of(&output)["would be applied"], 20.0, "{output}");
            assert_eq!(everything(world), before);
        }
        let report = world.json_of(&["sync", "--dry-run"]);
        assert_eq!((&report["dry_run"], &report["applied"]), (&json!(true), &json!(20)));
        assert_eq!(everything(world), before);
    }),
    ("a pattern syncs only what matches", |world| {
        let counters = world.counters();
        counters.increment(user(1), "views", 1).unwrap();
        counters.increment(user(2), "views", 1).unwrap();
        let output = world.output_of(&["sync", "--pattern", "user:1:*"]);
        assert_eq!(numbers_of(&output)["applied"], 1.0, "{output}");
        assert_eq!(counters.baseline(user(2), "views").unwrap(), 0);
    }),
    ("with --json and -v names go to standard error", |world| {
        world.counters().increment(user(1), "views", 5).unwrap();
        let ended = world.run(&["sync", "--json", "-v"]);
        assert_eq!(ended.errors.trim(), "+5  user:1:views", "{ended:?}");
        assert_eq!(counter_tests::command::json(&ended.output)["applied"], json!(1));
    }),
    ("two at once share the work and count nothing twice", |world| {
        let counters = world.counters();
        let writers = Writers::start(2, 300, &counters);
        let start =
            || Program::start(world.command().args(["sync", "--batch-size", "20", "--json"]));
        for _ in 0..3 {
            for command in [start(), start()] {
                let ended = command.finish();
                let report = serde_json::from_str::<Value>(&ended.output).unwrap();
                // A sync that ends while the other one is slow reports what that one has in
                // hand, has locked or changes, or what the database was too slow for.
                let is_left = ["held", "postponed"].map(|what| &report[what]["count"]);
                assert_eq!(ended.code(), i32::from(is_left != [0, 0]), "{ended:?}");
                let postponed = report["postponed"]["first"].as_array().unwrap();
                let is_refused = |claim: &Value| claim["why"].as_str().unwrap().contains("refused");
                assert!(!postponed.iter().any(is_refused), "{ended:?}");
                assert_eq!(ended.errors, "", "{ended:?}");
                for trouble in ["failed", "conflicts", "lost", "foreign"] {
                    assert_eq!(report[trouble]["count"], 0, "{ended:?}");
                }
            }
        }
        let counted = writers.stop();
        // Also what one of them could not finish, which any sync takes over only after a while.
        let report = world.impatient_counters().sync(&SyncOptions::default()).unwrap();
        assert!(report.is_clean(), "{report}");
        assert_eq!(baselines(&counters, 300), counted);
    }),
];

/// The numbers of a summary, by what stands beside them.
fn numbers_of(table: &str) -> BTreeMap<&str, f64> {
    let rows = table.lines().filter_map(|line| line.trim_start().split_once("  "));
    rows.filter_map(|(number, name)| Some((name, number.parse().ok()?))).collect()
}

/// The lines that name counters, sorted.
fn names_of(output: &str) -> Vec<String> {
    let lines = output.lines().map(str::trim_start).filter(|line| line.contains("user:"));
    let mut lines = lines.map(str::to_owned).collect::<Vec<_>>();
    lines.sort();
    lines
}

fn sorted(lines: &[&str]) -> Vec<String> {
    let mut lines = lines.iter().map(ToString::to_string).collect::<Vec<_>>();
    lines.sort();
    lines
}

/// Claims like a sync that is still alive.
fn claim(world: &World, key: &str) {
    world.store.claim(&[counter_of(&user(1), key)], std::time::Duration::from_secs(30)).unwrap();
}

/// Everything that Redis holds under the prefix, and all rows of the counters and of the store's
/// state.
fn everything(world: &World) -> (BTreeMap<String, Vec<u8>>, Vec<String>) {
    let mut redis =
        counter_tests::servers::redis::bare(&counter_tests::servers::redis::shared_url());
    let pattern = format!("{}*", counter_core::Pattern::escape(world.prefix.as_str()));
    let mut names: Vec<String> = redis::cmd("KEYS").arg(pattern).query(&mut redis).unwrap();
    names.retain(|name| !is_of_index(name.as_bytes()));
    let value = |name: String| {
        let value: Vec<u8> = redis::cmd("DUMP").arg(&name).query(&mut redis).unwrap();
        (name, value)
    };
    let held = names.into_iter().map(value).collect();
    let state = format!("{:?}", world.ledger.state(&world.prefix).unwrap());
    let rows = (0..20).map(|id| format!("{:?}", world.ledger.rows_of(&user(id)).unwrap()));
    (held, rows.chain([state]).collect())
}
