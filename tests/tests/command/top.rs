use counter_diesel::Owner;
use counter_tests::fixtures::{post, user};
use counter_tests::suite::Case;
use counter_tests::world::World;
use serde_json::json;

pub(super) const CASES: &[Case<World>] = &[
    ("the owners with the highest values come first", |world| {
        let counters = world.counters();
        (1..=12).for_each(|id| counters.increment(user(id), "views", 100 * id).unwrap());
        counters.increment(user(1), "likes", 5000).unwrap();
        counters.increment(post(1), "views", 5000).unwrap();
        assert_eq!(world.output_of(&["top", "user", "views"]), "", "no owner has been synced");
        world.output_of(&["sync"]);
        counters.decrement(user(12), "views", 195).unwrap();
        let three = "1100  user:11\n1005  user:12\n1000  user:10\n";
        assert_eq!(world.output_of(&["top", "user", "views", "-n", "3"]), three);
        assert_eq!(world.output_of(&["top", "user", "views"]).lines().count(), 10);
        let top = world.json_of(&["top", "user", "views", "-n", "1"]);
        super::json_shapes::assert_documented(&top);
        // The first of the table, at its present value.
        assert_eq!(top["owners"], json!([{ "owner": "user:12", "value": 1005 }]));
        assert_eq!((&top["owner_type"], &top["key"]), (&json!("user"), &json!("views")));
    }),
    ("owners are printed as they are written", |world| {
        world.counters().set(Owner::new("a:b", -1).unwrap(), "x", 7).unwrap();
        assert_eq!(world.output_of(&["top", "a%3Ab", "x"]), "7  a%3Ab:-1\n");
        assert_eq!(world.output_of(&["get", "a%3Ab:-1", "x"]), "7\n");
    }),
];
