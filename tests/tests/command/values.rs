use counter_tests::fixtures::user;
use counter_tests::suite::Case;
use counter_tests::world::World;
use serde_json::json;

pub(super) const CASES: &[Case<World>] = &[
    ("a value is printed alone and several in lines of their own", |world| {
        let counters = world.counters();
        counters.increment(user(1), "downloads", 1234).unwrap();
        counters.decrement(user(1), "credits", 5).unwrap();
        assert_eq!(world.output_of(&["get", "user:1", "downloads"]), "1234\n");
        let ended = world.run(&["get", "user:1", "credits", "downloads", "never counted"]);
        let values = "  -5  credits\n1234  downloads\n   0  never counted\n";
        assert_eq!((ended.code(), ended.output.as_str()), (0, values));
        let unknown = "counter: user:1 has no counter never counted";
        assert!(ended.errors.starts_with(unknown), "{ended:?}");
        assert_eq!(
            world.json_of(&["get", "user:1", "downloads"])["counters"],
            json!([{ "key": "downloads", "value": 1234 }])
        );
    }),
    ("increments and decrements count by one by default", |world| {
        let lines = [
            (&["increment", "user:1", "views"][..], "views of user:1: +1\n"),
            (&["increment", "user:1", "views", "41"], "views of user:1: +41\n"),
            (&["decrement", "user:1", "views", "2"], "views of user:1: -2\n"),
            (&["increment", "user:1", "views", "-10"], "views of user:1: -10\n"),
        ];
        for (arguments, line) in lines {
            assert_eq!(world.output_of(arguments), line);
        }
        assert_eq!(world.counters().get(user(1), "views").unwrap(), 30);
        let changed = world.json_of(&["decrement", "user:1", "views", "3"]);
        assert_eq!((&changed["key"], &changed["by"]), (&json!("views"), &json!(3)));
        assert_eq!(world.counters().get(user(1), "views").unwrap(), 27);
    }),
    ("owners that are texts are written as in the store, and printed so", |world| {
        let owners =
            ["post:42", "post:%342", "post:6fa459ea-ee8a-3ca4-894e-db77e160355e", "post:a%3Ab"];
        for (owner, n) in owners.iter().zip(["1", "2", "3", "4"]) {
            world.output_of(&["increment", owner, "views", n]);
        }
        world.output_of(&["sync"]);
        for (owner, n) in owners.iter().zip(1..) {
            assert_eq!(world.output_of(&["get", owner, "views"]), format!("{n}\n"));
            assert_eq!(world.json_of(&["all", owner])["owner"], json!(owner));
        }
        let top = world.json_of(&["top", "post", "views"]);
        let named = owners.iter().rev().zip([4, 3, 2, 1]);
        let named = named.map(|(owner, value)| json!({ "owner": owner, "value": value }));
        assert_eq!(top["owners"], json!(named.collect::<Vec<_>>()));
        world.output_of(&["set", "post:%342", "views", "7"]);
        assert_eq!(world.output_of(&["get", "post:42", "views"]), "1\n");
        let ended = world.run(&["get", "post:9223372036854775808", "views"]);
        assert!(ended.code() == 2 && ended.errors.contains("user:%3123"), "{ended:?}");
    }),
    ("what is not known is 0, and what may be meant is named", |world| {
        let lower = "document:6fa459ea-ee8a-3ca4-894e-db77e160355e";
        let upper = "document:6FA459EA-EE8A-3CA4-894E-DB77E160355E";
        for owner in ["page:%342", lower, "post:7"] {
            world.output_of(&["increment", owner, "views"]);
        }
        world.output_of(&["sync"]);
        let said_of = |owner: &str, key: &str| {
            let ended = world.run(&["get", owner, key]);
            assert_eq!((ended.code(), ended.output.as_str()), (0, "0\n"), "{ended:?}");
            ended.errors
        };
        for (written, other) in [("page:42", "page:%342"), (upper, lower), ("post:%377", "")] {
            let said = said_of(written, "views");
            let start = format!("counter: no counter of {written} is known");
            assert!(said.starts_with(&start) && said.lines().count() == 1, "{said}");
            assert!(said.contains(other), "{said}");
        }
        let said = said_of("post:7", "vews");
        assert_eq!(said, "counter: post:7 has no counter vews; it has: views\n");
        world.json_of(&["get", "page:42", "views"]);
        world.output_of(&["set", "post:7", "views", "0"]);
        assert_eq!(world.output_of(&["get", "post:7", "views"]), "0\n");
    }),
    ("an increment needs no database", |world| {
        let mut command = world.command();
        command.env_remove("DATABASE_URL").args(["increment", "user:1", "views"]);
        assert!(command.output().unwrap().status.success());
        assert_eq!(world.counters().get(user(1), "views").unwrap(), 1);
    }),
    ("set and reset take effect in store and table", |world| {
        let counters = world.counters();
        counters.increment(user(1), "views", 5).unwrap();
        assert_eq!(
            world.output_of(&["set", "user:1", "views", "-7"]),
            "views of user:1 is now -7\n"
        );
        assert_eq!(counters.baseline(user(1), "views").unwrap(), -7);
        assert_eq!(counters.get(user(1), "views").unwrap(), -7);
        let output = world.output_of(&["reset", "user:1", "views", "likes"]);
        assert_eq!(output, "views of user:1 is now 0\nlikes of user:1 is now 0\n");
        assert_eq!(counters.get(user(1), "views").unwrap(), 0);
        assert_eq!(world.json_of(&["set", "user:1", "views", "9"])["value"], json!(9));
        assert_eq!(world.json_of(&["reset", "user:1", "views"])["counters"][0]["value"], json!(0));
    }),
    ("a bad key among good ones changes none", |world| {
        world.counters().increment(user(1), "views", 5).unwrap();
        let ended = world.run(&["reset", "user:1", "views", ""]);
        assert_eq!((ended.code(), ended.output.as_str()), (2, ""), "{ended:?}");
        assert_eq!(ended.errors, "counter: the counter key is empty\n");
        assert_eq!(world.counters().get(user(1), "views").unwrap(), 5);
    }),
    ("all shows what is in the table at its present value", |world| {
        let counters = world.counters();
        assert_eq!(world.output_of(&["all", "user:1"]), "");
        counters.increment(user(1), "views", 5).unwrap();
        world.output_of(&["sync"]);
        counters.increment(user(1), "views", 1).unwrap();
        counters.set(user(1), "likes", 100).unwrap();
        counters.set(user(2), "likes", 1).unwrap();
        assert_eq!(world.output_of(&["all", "user:1"]), "100  likes\n  6  views\n");
        assert_eq!(
            world.json_of(&["all", "user:1"])["counters"],
            json!([{ "key": "likes", "value": 100 }, { "key": "views", "value": 6 }])
        );
    }),
    ("any key can be asked for and none reaches the terminal raw", |world| {
        let key = "\u{1b}[31mred\u{9b}2J\n\u{202e}";
        world.output_of(&["increment", "a%3Ab:1", key, "5"]);
        let owner = counter_diesel::Owner::new("a:b", 1).unwrap();
        assert_eq!(world.counters().get(owner, key).unwrap(), 5);
        let shown = "\\u{1b}[31mred\\u{9b}2J\\n\\u{202e}";
        assert_eq!(
            world.output_of(&["get", "a%3Ab:1", key, key]),
            format!("5  {shown}\n").repeat(2)
        );
        let json = world.output_of(&["get", "a%3Ab:1", key, "--json"]);
        let hidden = |c: char| c == '\u{202e}' || (c.is_control() && c != '\n');
        assert!(!json.contains(hidden), "{json:?}");
        assert_eq!(world.json_of(&["get", "a%3Ab:1", key])["counters"][0]["key"], json!(key));
        let named = world.output_of(&["sync", "-v"]);
        assert!(!named.contains(hidden) && named.contains("+5  a%3Ab:1:%1B[31mred"), "{named:?}");
        assert_eq!(world.output_of(&["all", "a%3Ab:1"]), format!("5  {shown}\n"));
    }),
    ("an owner is printed as it was written and never raw", |world| {
        let hidden = |c: char| c == '\u{202e}' || (c.is_control() && c != '\n');
        for (written, shown) in [
            ("a%1B[31mb:1", "a%1B[31mb:1"),
            ("a\u{202e}b:1", "a\\u{202e}b:1"),
            ("a%0Ab:1", "a%0Ab:1"),
        ] {
            for (arguments, expected) in [
                (&["increment", written, "v"][..], format!("v of {shown}: +1\n")),
                (&["decrement", written, "v"], format!("v of {shown}: -1\n")),
                (&["set", written, "v", "5"], format!("v of {shown} is now 5\n")),
                (&["reset", written, "v"], format!("v of {shown} is now 0\n")),
                (&["get", written, "v"], "0\n".to_owned()),
                (&["all", written], "0  v\n".to_owned()),
                (&["increment", written, "v"], format!("v of {shown}: +1\n")),
                (&["sync", "-v", "--dry-run"], String::new()),
                (&["pending"], String::new()),
                (&["sync", "-v"], String::new()),
            ] {
                let output = world.output_of(arguments);
                assert!(!output.contains(hidden), "{arguments:?}: {output:?}");
                assert!(expected.is_empty() || output == expected, "{arguments:?}: {output:?}");
            }
        }
    }),
    ("a sum that does not fit is refused and changes nothing", |world| {
        world.counters().increment(user(1), "views", i64::MAX).unwrap();
        let ended = world.run(&["increment", "user:1", "views"]);
        assert_eq!((ended.code(), ended.output.as_str()), (1, ""), "{ended:?}");
        assert!(ended.errors.contains("was not counted"), "{ended:?}");
        assert_eq!(ended.errors.lines().count(), 1, "{ended:?}");
        let ended = world.run(&["decrement", "user:1", "views", &i64::MIN.to_string()]);
        assert_eq!(ended.code(), 1, "{ended:?}");
        assert_eq!(world.output_of(&["get", "user:1", "views"]), format!("{}\n", i64::MAX));
    }),
    ("beside a store in the application's memory values are those of its last sync", |world| {
        world.counters().set(user(1), "views", 5).unwrap();
        let run = |arguments: &[&str]| {
            let command = &mut world.command();
            command.env_remove("REDIS_URL").env("COUNTER_STORE", "memory").args(arguments);
            counter_tests::program::Program::start(command).finish()
        };
        assert_eq!(run(&["get", "user:1", "views"]).output, "5\n");
        assert_eq!(run(&["all", "user:1"]).output, "5  views\n");
        for refused in [
            &["sync"][..],
            &["pending"],
            &["set", "user:1", "views", "1"],
            &["reset", "user:1", "views"],
            &["increment", "user:1", "views"],
        ] {
            let ended = run(refused);
            assert_eq!(ended.code(), 2, "{ended:?}");
            assert!(ended.errors.contains("the memory of the application"), "{ended:?}");
        }
    }),
];
