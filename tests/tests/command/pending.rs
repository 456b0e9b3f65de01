use counter_tests::fixtures::{bucket_of, counter_of, post, user};
use counter_tests::servers::redis::{bare, shared_url};
use counter_tests::suite::Case;
use counter_tests::world::World;
use serde_json::json;

pub(super) const CASES: &[Case<World>] = &[
    ("what the store holds is summed up by owner type", |world| {
        fill(world);
        let output = world.output_of(&["pending"]);
        let (table, oldest) = output.split_at(output.find("oldest").unwrap());
        assert_eq!(
            table,
            "counters  pending  claims  owner type\n       1      -20       0  post\n       \
             3       12       1  user\n       4       -8       1  in all\n"
        );
        let claim = "oldest claim: +7 of user:3:views, made at 2001-09-09T01:46:40Z, ";
        assert!(oldest.starts_with(claim), "{oldest}");
        assert!(oldest.ends_with(" s ago\n"), "{oldest}");
        assert_eq!(world.output_of(&["pending"]).len(), output.len(), "looking changed something");
    }),
    ("a pattern narrows it down", |world| {
        fill(world);
        let found = world.json_of(&["pending", "--pattern", "post:*"]);
        assert_eq!(
            found["total"],
            json!({ "counters": 1, "pending": -20, "claims": 0, "buckets": 0 })
        );
        assert_eq!(found["oldest_claim"], json!(null));
        let found = world.json_of(&["pending", "--pattern", "user:3:*"]);
        assert_eq!(found["oldest_claim"]["counter"], json!("user:3:views"));
        assert_eq!(found["oldest_claim"]["value"], json!(7));
    }),
    ("buckets of periods are counted beside the sums, where there are any", |world| {
        fill(world);
        let day = bucket_of(&counter_of(&user(3), "views"), "day:2026-11-28");
        world.store.increment(&day, 50).unwrap();
        let output = world.output_of(&["pending"]);
        let (table, _) = output.split_at(output.find("oldest").unwrap());
        assert_eq!(
            table,
            "counters  pending  buckets  claims  owner type\n       1      -20        0       0  post\n\
             \u{20}      3       12        1       1  user\n       4       -8        1       1  in all\n"
        );
        let sums = json!({ "counters": 3, "pending": 12, "claims": 1, "buckets": 1 });
        assert_eq!(world.json_of(&["pending"])["owner_types"]["user"], sums);
    }),
    ("an empty store has nothing and needs no database", |world| {
        let mut command = world.command();
        let output = command.env_remove("DATABASE_URL").arg("pending").output().unwrap();
        let output = String::from_utf8(output.stdout).unwrap();
        let expected = "counters  pending  claims  owner type\n       0        0       0  in all\n";
        assert_eq!(output, expected);
    }),
    ("deltas that do not fit together are null in JSON and exact in text", |world| {
        for id in 1..=2 {
            world.counters().increment(user(id), "views", i64::MAX).unwrap();
        }
        assert_eq!(world.json_of(&["pending"])["total"]["pending"], json!(null));
        assert!(world.output_of(&["pending"]).contains("18446744073709551614"));
    }),
];

/// Deltas of two types, one of them beside a claim of the year 2001.
fn fill(world: &World) {
    let counters = world.counters();
    counters.increment(user(1), "views", 5).unwrap();
    counters.increment(user(2), "views", 6).unwrap();
    counters.increment(user(3), "views", 1).unwrap();
    counters.decrement(post(1), "views", 20).unwrap();
    let name = world.prefix.claim_name(&counter_of(&user(3), "views"));
    let mut redis = bare(&shared_url());
    let () = redis::cmd("SET").arg(name).arg("1000000000000000:add:7").query(&mut redis).unwrap();
}
