use counter_core::CounterId;
use counter_tests::command::json as json_in;
use counter_tests::program::Program;
use counter_tests::suite::Case;
use counter_tests::world::World;
use serde_json::json;

use super::json_shapes::assert_documented;

pub(super) const CASES: &[Case<World>] =
    &[("old periods are counted, set to 0 and removed, and what is kept is not", |world| {
        let [total, old, hour] = ["", "@day:2020-02-29", "@hour:2020-02-29T10"];
        let ids = [total, old, hour].map(|of| format!("user:1:views{of}").parse::<CounterId>());
        let ids = ids.map(Result::unwrap);
        for id in &ids {
            world.store.increment(id, 5).unwrap();
        }
        world.output_of(&["sync"]);
        let prune = ["prune", "--grain", "day", "--older-than", "90d"];
        let dry = [&prune[..], &["--dry-run"]].concat();
        assert_eq!(
            world.output_of(&dry),
            "1 rows of the grain day are old enough: 1 would be set to 0, 0 would be removed\n"
        );
        let rolled = [&dry[..], &["--roll-up", "month"]].concat();
        assert_eq!(
            world.output_of(&rolled),
            "1 rows of the grain day are old enough: 0 would be set to 0, 0 would be removed, 1 \
             left to a later call\n"
        );
        let counts = || {
            let rows = world.ledger.baselines(&ids).unwrap();
            rows.into_iter().map(|row| row.count).collect::<Vec<_>>()
        };
        assert_eq!(counts(), [5, 5, 5]);
        assert_eq!(
            world.output_of(&prune),
            "1 rows of the grain day are old enough: 1 set to 0, 0 removed\n"
        );
        assert_eq!(counts(), [5, 0, 5]);
        world.age_rows();
        let pruned = world.json_of(&prune);
        assert_documented(&pruned);
        assert_eq!((&pruned["rows"], &pruned["removed"]), (&json!(1), &json!(1)));
        assert_eq!(pruned["retention"], json!("day=90d"));
        let kept = world.json_of(&["prune", "--grain", "hour", "--older-than", "100000d"]);
        assert_eq!((&kept["rows"], &kept["dry_run"]), (&json!(0), &json!(false)));
        assert_eq!(counts(), [5, 0, 5]);
        let late = world.run(&["prune", "--grain", "hour", "--older-than", "7d"]);
        assert_eq!((late.code(), late.output.as_str()), (2, ""), "{late:?}");
        assert!(late.errors.contains("--even-if-late"), "{late:?}");
        let dry = ["prune", "--grain", "hour", "--older-than", "3m", "--even-if-late", "--dry-run"];
        assert_eq!(world.json_of(&dry)["rows"], json!(1));
        assert_eq!(
            world.output_of(&["prune"]),
            "everything is kept: no --grain is given and COUNTER_RETENTION is not set\n"
        );
        let mut configured = world.command();
        configured.args(["prune", "--json"]).env("COUNTER_RETENTION", "hour=100000d");
        let configured = json_in(&Program::start(&mut configured).finish().output);
        assert_eq!(
            (&configured["retention"], &configured["rows"]),
            (&json!("hour=100000d"), &json!(0))
        );
        let into = ["prune", "--grain", "hour", "--older-than", "90d", "--roll-up", "day"];
        assert_eq!(world.run(&into).code(), 2);
        // The rows of owners of this type are kept out.
        refuse(world);
        let refused = world.run(&["prune", "--grain", "hour", "--older-than", "90d", "--json"]);
        assert_eq!(refused.code(), 1, "{refused:?}");
        let pruned = json_in(&refused.output);
        assert_documented(&pruned);
        assert_eq!((&pruned["cleared"], &pruned["failed"]["count"]), (&json!(0), &json!(1)));
        let refused = world.run(&["prune", "--grain", "hour", "--older-than", "90d"]);
        assert_eq!(refused.code(), 1, "{refused:?}");
        assert!(refused.output.contains("1 rows of the grain hour"), "{refused:?}");
        let named = "user:1:views@hour:2020-02-29T10 could not be removed: ";
        assert!(refused.errors.contains(named), "{refused:?}");
    })];

/// Makes the database refuse every bucket that is written from now on.
fn refuse(world: &World) {
    let url = world.database.url();
    let sql = if url.starts_with("postgres") {
        "ALTER TABLE model_counters_periods ADD CHECK (count <> 0) NOT VALID"
    } else if url.starts_with("mysql") {
        "ALTER TABLE model_counters_periods ADD CHECK (count <> 0)"
    } else {
        "CREATE TRIGGER refusing BEFORE UPDATE ON model_counters_periods \
         BEGIN SELECT RAISE(ABORT, 'not this one'); END"
    };
    world.database.execute(sql).unwrap();
}
