use diesel::MysqlConnection as Connection;
use diesel::mysql::Mysql as Backend;

#[path = "explain.rs"]
mod explain;
#[path = "models.rs"]
mod models;
#[path = "values.rs"]
mod values;

use counter_tests::query_world::QueryWorld;
use counter_tests::suite::Case;
use diesel::sql_types::Text;

use explain::{Asked, assert_looked_up, explained};

pub(crate) fn cases() -> Vec<Case<QueryWorld<Connection>>> {
    [values::CASES, CASES].concat()
}

const EXPLAIN: &str = "EXPLAIN FORMAT=JSON ";
type Plan = Text;

const CASES: &[Case<QueryWorld<Connection>>] =
    &[("a value is looked up in the unique index", |world| {
        // What the database knows of the table stays what it knew when it was empty.
        world.run(
            "ALTER TABLE model_counters STATS_PERSISTENT = 1, STATS_AUTO_RECALC = 0; \
             ANALYZE TABLE model_counters",
        );
        explain::fill(world);
        for asked in Asked::ALL {
            let plan = explained::<String>(world, asked).join("\n");
            let of_counters = plan.split("\"table_name\": \"counter_").skip(1);
            let of_counters = of_counters.collect::<Vec<_>>();
            assert!(!of_counters.is_empty(), "{plan}");
            for plan in of_counters {
                assert!(plan.contains("\"key\": \"counter\""), "{plan}");
                assert_looked_up(plan.split("\"used_key_parts\":").nth(1).unwrap());
            }
        }
    })];
