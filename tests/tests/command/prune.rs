use counter_core::CounterId;
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
        assert_eq!(pruned["older_than_seconds"], json!(7_776_000));
        let kept = world.json_of(&["prune", "--grain", "hour", "--older-than", "100000d"]);
        assert_eq!((&kept["rows"], &kept["dry_run"]), (&json!(0), &json!(false)));
        assert_eq!(counts(), [5, 0, 5]);
    })];
