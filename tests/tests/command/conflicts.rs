use counter_tests::command::json;
use counter_tests::fixtures::{counter_of, user};
use counter_tests::servers::redis::{bare, shared_url};
use counter_tests::suite::Case;
use counter_tests::world::World;
use serde_json::json;

use super::json_shapes::{assert_documented, assert_documented_decision};

pub(super) const CASES: &[Case<World>] = &[
    ("where there is no conflict there is nothing to see or to decide", |world| {
        world.counters().increment(user(1), "views", 5).unwrap();
        assert_eq!(world.output_of(&["conflicts"]), "no conflicts\n");
        let none = world.json_of(&["conflicts"]);
        assert_eq!(none["counters"], json!({ "count": 0, "first": [] }));
        assert_documented(&none);
        let decided = world.json_of(&["conflicts", "discard"]);
        assert_eq!((&decided["discarded"], &decided["applied"]), (&json!(0), &json!(1)));
        assert_eq!(world.counters().baseline(user(1), "views").unwrap(), 5);
    }),
    ("conflicts are shown with what both sides hold, and are still there", |world| {
        contradict(world);
        for _ in 0..2 {
            let ended = world.run(&["conflicts", "--json"]);
            assert_eq!((ended.code(), ended.errors.as_str()), (1, ""), "{ended:?}");
            let shown = json(&ended.output);
            assert_documented(&shown);
            assert_eq!(
                (&shown["went_back"], &shown["counters"]["count"]),
                (&json!(null), &json!(1))
            );
            let both = &shown["counters"]["first"][0];
            assert_eq!((&both["counter"], &both["pending"]), (&json!("user:1:views"), &json!(2)));
            assert_eq!(both["claim"]["made_at"], json!("2001-09-09T01:46:40Z"));
            assert_eq!(both["row"]["value"], json!(100));
        }
        let ended = world.run(&["conflicts"]);
        assert_eq!((ended.code(), ended.errors.as_str()), (1, ""), "{ended:?}");
        let lines = ended.output.lines().collect::<Vec<_>>();
        let heading =
            "          claimed at  claimed  pending              table of  table  counter";
        assert_eq!(lines[0], heading, "{ended:?}");
        let row = "2001-09-09T01:46:40Z       +7       +2  20";
        assert!(
            lines[1].starts_with(row) && lines[1].ends_with("Z    100  user:1:views"),
            "{ended:?}"
        );
        assert!(lines[2].starts_with("to decide: `counter conflicts apply` "), "{ended:?}");
        assert_eq!(lines.len(), 4, "{ended:?}");
    }),
    ("a decision is carried out and reported as by a sync", |world| {
        for (decision, value, numbers) in [("apply", 109, [2, 0]), ("discard", 102, [1, 1])] {
            contradict(world);
            let report = world.json_of(&["conflicts", decision]);
            assert_documented_decision(&report, decision);
            let counts = [&report["applied"], &report["discarded"]];
            assert_eq!(counts, numbers.map(|number| json!(number)).each_ref(), "{report}");
            assert_eq!(world.counters().baseline(user(1), "views").unwrap(), value, "{decision}");
            assert_eq!(world.output_of(&["conflicts"]), "no conflicts\n");
            world.output_of(&["sync"]);
        }
        contradict(world);
        let table = world.output_of(&["conflicts", "discard"]);
        assert!(table.contains("  1  discarded\n"), "{table}");
    }),
];

/// A claim of +7 that is older than what its row has seen, and 2 that are pending beside it.
fn contradict(world: &World) {
    let counters = world.counters();
    counters.set(user(1), "views", 100).unwrap();
    let name = world.prefix.claim_name(&counter_of(&user(1), "views"));
    let set = ["SET", &name, "1000000000000000:add:7"];
    let () = redis::cmd(set[0]).arg(&set[1..]).query(&mut bare(&shared_url())).unwrap();
    counters.increment(user(1), "views", 2).unwrap();
}
