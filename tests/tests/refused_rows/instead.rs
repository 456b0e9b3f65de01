//! What PostgreSQL does in the place of a statement, or beside it: rules, policies and views.

use std::sync::Arc;

use counter_diesel::ledger::{Ledger, PoolLedger};
use counter_diesel::{Config, Counters, Error};
use counter_tests::fixtures::post;
use counter_tests::suite::Case;
use counter_tests::world::World;
use diesel::PgConnection;
use diesel::r2d2::{ConnectionManager, Pool};

use super::kept_out::{KEPT_OUT, a_row_that_stays_is_named, is_named};
use super::{count_each, execute, sum_of_rows, sync};

/// The case of SQLite, which writes through no view.
pub const SQLITE: &[Case<World>] =
    &[("a view takes nothing and nothing is acknowledged", |world| {
        put_before(world, "SELECT * FROM behind");
        let counters = world.counters();
        count_each(&counters, 1..=3);
        let report = sync(&counters);
        assert!(report.stopped.is_some() && report.applied == 0, "{report}");
        assert_eq!([1, 2, 3].map(|n| counters.get(post(n), "views").unwrap()), [1; 3]);
    })];

/// The case of MySQL and MariaDB, which have no index by which to read many rows of a view.
pub const MYSQL: &[Case<World>] =
    &[("a row that a view does not show is named and no read of many is guessed", |world| {
        put_before(world, "SELECT * FROM behind WHERE owner_id <> 500");
        let counters = world.counters();
        is_named(&counters, 0, |error| matches!(error, Error::KeptOut { .. }));
        let many = [1, 2].map(|n| (post(n), "views"));
        assert!(matches!(counters.get_many(many), Err(Error::Database { .. })));
    })];

/// The cases of PostgreSQL.
pub const POSTGRES: &[Case<World>] = &[
    (
        "a table with a rule for inserts or updates takes nothing and nothing is acknowledged",
        |world| {
            for event in ["INSERT", "UPDATE"] {
                for action in ["INSTEAD NOTHING", "INSTEAD SELECT 1", "ALSO SELECT 1"] {
                    let on = format!("RULE ruling AS ON {event} TO model_counters DO {action}");
                    nothing_is_acknowledged(world, &on);
                }
            }
        },
    ),
    ("a delete that a rule drops is named and not acknowledged", |world| {
        let keep = "CREATE RULE keeping AS ON DELETE TO model_counters DO INSTEAD NOTHING";
        let allow = "DROP RULE keeping ON model_counters";
        a_row_that_stays_is_named(world, || execute(world, keep), || execute(world, allow));
    }),
    ("a delete beside which a rule does something else is applied", |world| {
        execute(world, "CREATE TABLE notes (owner_id BIGINT)");
        execute(
            world,
            "CREATE RULE noting AS ON DELETE TO model_counters \
             DO ALSO INSERT INTO notes VALUES (OLD.owner_id)",
        );
        let counters = world.counters();
        count_each(&counters, 1..=3);
        assert!(sync(&counters).is_clean());
        counters.delete(post(2), "views").unwrap();
        assert!(sync(&counters).is_clean());
        assert_eq!(world.ledger.rows_of(&post(2)).unwrap(), []);
    }),
    ("a count for which another index finds the row of another counter is named", |world| {
        execute(
            world,
            "CREATE COLLATION caseless \
             (provider = icu, locale = 'und-u-ks-level2', deterministic = false)",
        );
        execute(
            world,
            "CREATE UNIQUE INDEX caseless ON model_counters \
             (owner_type, owner_id, owner_key, key COLLATE caseless)",
        );
        let counters = world.counters();
        counters.increment(post(1), "views", 10).unwrap();
        assert!(sync(&counters).is_clean());
        counters.increment(post(1), "Views", 5).unwrap();
        let report = sync(&counters);
        assert!(!report.is_clean() && report.applied == 0, "{report}");
        assert_eq!(["views", "Views"].map(|key| counters.get(post(1), key).unwrap()), [10, 5]);
    }),
    ("a row that a policy does not let in is named and all others are in", |world| {
        let application = Application::new(
            world,
            &[
                "FOR SELECT USING (true)",
                "FOR INSERT WITH CHECK (owner_id <> 500)",
                "FOR UPDATE USING (true)",
            ],
        );
        application.is_refused();
    }),
    ("a row that a policy does not let be updated is named and all others are in", |world| {
        count_each(&world.counters(), [KEPT_OUT]);
        assert!(sync(&world.counters()).is_clean());
        let application = Application::new(
            world,
            &[
                "FOR SELECT USING (true)",
                "FOR INSERT WITH CHECK (true)",
                "FOR UPDATE USING (owner_id <> 500)",
            ],
        );
        application.is_refused();
    }),
    (
        "a row that a policy hides is named and all others are in, whether or not it is there",
        |world| {
            let application = Application::new(
                world,
                &[
                    "FOR SELECT USING (owner_id <> 500)",
                    "FOR INSERT WITH CHECK (true)",
                    "FOR UPDATE USING (true)",
                ],
            );
            application.is_refused();
            let _ = sync(&world.impatient_counters());
            assert!(sum_of_rows(&world.counters(), [KEPT_OUT]) > 0);
            application.is_refused();
        },
    ),
    ("a delete that a policy does not allow is named and not acknowledged", |world| {
        let policies =
            ["FOR SELECT USING (true)", "FOR INSERT WITH CHECK (true)", "FOR UPDATE USING (true)"];
        let Application { counters, .. } = &Application::new(world, &policies);
        count_each(counters, [KEPT_OUT]);
        assert!(sync(counters).is_clean());
        counters.delete(post(KEPT_OUT), "views").unwrap();
        let report = sync(counters);
        let failed = report.failed.iter().map(|failed| &failed.error).collect::<Vec<_>>();
        assert!(matches!(failed[..], [Error::KeptOut { .. }]), "{report}: {failed:?}");
        assert_eq!(sum_of_rows(counters, [KEPT_OUT]), 1);
        execute(world, "CREATE POLICY deletes ON model_counters FOR DELETE USING (true)");
        assert!(sync(counters).is_clean());
        assert_eq!(world.ledger.rows_of(&post(KEPT_OUT)).unwrap(), []);
    }),
    (
        "a record that no policy lets be written ends the pass and nothing is acknowledged",
        |world| {
            let Application { counters, .. } = &Application::new(world, &["USING (true)"]);
            assert!(sync(counters).is_clean());
            execute(world, "ALTER TABLE model_counters_state ENABLE ROW LEVEL SECURITY");
            count_each(counters, 1..=3);
            let report = sync(counters);
            assert!(report.stopped.is_some() && report.applied == 0, "{report}");
            assert_eq!(sum_of_rows(counters, 1..=3), 0);
            execute(world, "CREATE POLICY all_rows ON model_counters_state USING (true)");
            let report = sync(counters);
            assert!(report.is_clean() && report.applied == 3, "{report}");
        },
    ),
    ("a view of all rows is written to", |world| {
        put_before(world, "SELECT * FROM behind");
        let counters = world.counters();
        for _ in 0..2 {
            count_each(&counters, 1..=3);
            counters.delete(post(2), "views").unwrap();
            assert!(sync(&counters).is_clean());
        }
        assert_eq!(sum_of_rows(&counters, 1..=3), 4);
    }),
    ("a row that a view does not show is named and all others are in", |world| {
        put_before(world, "SELECT * FROM behind WHERE owner_id <> 500");
        let counters = world.counters();
        for others in [0, 999] {
            is_named(&counters, others, |error| matches!(error, Error::KeptOut { .. }));
        }
    }),
    ("a row that a view does not let in is named and all others are in", |world| {
        put_before(world, "SELECT * FROM behind WHERE owner_id <> 500 WITH CHECK OPTION");
        let counters = world.counters();
        for others in [0, 999] {
            is_named(&counters, others, |error| matches!(error, Error::Database { .. }));
        }
    }),
    ("a view with triggers of its own takes nothing and nothing is acknowledged", |world| {
        put_before(world, "SELECT * FROM behind");
        execute(
            world,
            "CREATE FUNCTION acting() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             RETURN NEW; END $$; \
             CREATE TRIGGER acting INSTEAD OF INSERT OR UPDATE OR DELETE ON model_counters \
             FOR EACH ROW EXECUTE FUNCTION acting()",
        );
        let counters = world.counters();
        count_each(&counters, 1..=3);
        let report = sync(&counters);
        assert_eq!((report.applied, report.failed.count()), (0, 3), "{report}");
        assert_eq!([1, 2, 3].map(|n| counters.get(post(n), "views").unwrap()), [1; 3]);
    }),
];

/// Puts a view in the place of the table, which is `behind` from now on.
fn put_before(world: &World, select: &str) {
    execute(world, "ALTER TABLE model_counters RENAME TO behind");
    execute(world, &format!("CREATE VIEW model_counters AS {select}"));
}

/// Counts, sets and deletes while there is this rule, which lets nothing into the table.
fn nothing_is_acknowledged(world: &World, rule: &str) {
    let counters = world.counters();
    (1..=3).for_each(|n| counters.set(post(n), "views", 1).unwrap());
    assert!(sync(&counters).is_clean());
    execute(world, &format!("CREATE {rule}"));
    count_each(&counters, [1]);
    counters.set(post(2), "views", 70).unwrap();
    counters.delete(post(3), "views").unwrap();
    for _ in 0..2 {
        let report = sync(&counters);
        assert_eq!((report.applied, report.failed.count()), (0, 3), "{rule}: {report}");
        assert_eq!(sum_of_rows(&counters, 1..=3), 3, "{rule}");
        let values = [1, 2, 3].map(|n| counters.get(post(n), "views").unwrap());
        assert_eq!(values, [2, 70, 0], "{rule}");
    }
    execute(world, "DROP RULE ruling ON model_counters");
    let report = sync(&counters);
    assert!(report.is_clean() && report.applied == 3, "{rule}: {report}");
    let rows = [1, 2, 3].map(|n| counters.baseline(post(n), "views").unwrap());
    assert_eq!(rows, [2, 70, 0], "{rule}");
}

/// A user who may read and write, as far as the policies of the table let it.
struct Application<'a> {
    world: &'a World,
    user: String,
    counters: Counters,
}

impl<'a> Application<'a> {
    fn new(world: &'a World, policies: &[&str]) -> Self {
        let url = world.database.url();
        let (_, name) = url.split_once(":///").unwrap();
        let user = format!("app_{}", name.split('?').next().unwrap());
        execute(world, &format!("CREATE ROLE {user} LOGIN"));
        for table in ["model_counters", "model_counters_state"] {
            let grant = format!("GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {user}");
            execute(world, &grant);
        }
        execute(world, "GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO PUBLIC");
        let own = url.replace("user=postgres", &format!("user={user}"));
        assert_ne!(own, url);
        let pool = Pool::builder().max_size(4).min_idle(Some(1));
        let pool = pool.build(ConnectionManager::<PgConnection>::new(own)).unwrap();
        let ledger: Arc<dyn Ledger> = Arc::new(PoolLedger::new(pool, Default::default()).unwrap());
        let mut config = Config::default();
        config.prefix = world.prefix.clone();
        let counters = Counters::from_parts(config, Arc::clone(&world.store), ledger);
        for (number, policy) in policies.iter().enumerate() {
            execute(world, &format!("CREATE POLICY p{number} ON model_counters {policy}"));
        }
        execute(world, "ALTER TABLE model_counters ENABLE ROW LEVEL SECURITY");
        Self { world, user, counters }
    }

    /// Counts the post that is kept out, alone and beside 999 others.
    fn is_refused(&self) {
        for others in [0, 999] {
            is_named(&self.counters, others, |error| matches!(error, Error::Database { .. }));
        }
    }
}

impl Drop for Application<'_> {
    fn drop(&mut self) {
        execute(self.world, &format!("DROP OWNED BY {0}; DROP ROLE {0}", self.user));
    }
}
