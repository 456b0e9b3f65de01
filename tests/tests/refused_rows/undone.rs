//! Triggers that undo, once a row was written, what was written.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use counter_diesel::{Config, Error};
use counter_tests::faults::{Fault, Faults};
use counter_tests::fixtures::post;
use counter_tests::suite::Case;
use counter_tests::world::World;

use super::kept_out::{KEPT_OUT, is_named};
use super::refused::partition;
use super::{Kind, count_each, execute, kind_of, sum_of_rows, sync};

/// Deletes the row of the post that is kept out.
const DELETING: &str = "DELETE FROM model_counters WHERE owner_id = 500;";

/// Undoes what was applied to the post that is kept out.
const CHANGING_BACK: &str = "UPDATE model_counters SET count = OLD.count, \
                             claim_seq = OLD.claim_seq WHERE owner_id = 500;";

pub const CASES: &[Case<World>] = &[
    ("a row that a trigger deletes after its insert is named and not acknowledged", |world| {
        act_after(world, "INSERT", DELETING);
        is_undone(world);
    }),
    ("a row that a trigger changes back after its update is named and not acknowledged", |world| {
        let counters = world.counters();
        count_each(&counters, [KEPT_OUT]);
        assert!(sync(&counters).is_clean());
        act_after(world, "UPDATE", CHANGING_BACK);
        is_undone(world);
    }),
    ("a row that goes when the row of another counter is deleted is not acknowledged", |world| {
        const DELETED: i64 = 1;
        let is_away = Arc::new(AtomicBool::new(false));
        let away = Arc::clone(&is_away);
        let faults = Faults::deciding(move |step| {
            let is_fault = away.load(Ordering::SeqCst) && matches!(step, "begin" | "ask_writes");
            is_fault.then_some(Fault::Before)
        });
        let counters = world.counters_behind(&faults, Config::default());
        counters.set(post(DELETED), "views", 7).unwrap();
        act_after(world, "DELETE", DELETING);
        is_away.store(true, Ordering::SeqCst);
        count_each(&counters, [KEPT_OUT]);
        assert!(sync(&counters).stopped.is_some());
        counters.delete(post(DELETED), "views").unwrap();
        is_away.store(false, Ordering::SeqCst);

        // In one batch.
        let report = sync(&counters);
        assert_eq!((report.applied, report.failed.count()), (1, 1), "{report}");
        let failed = &report.failed.iter().next().unwrap().claim.id;
        let bad = if kind_of(world) == Kind::Mysql { DELETED } else { KEPT_OUT };
        assert_eq!(failed.owner_id(), post(bad).id());
        assert_eq!(counters.get(post(KEPT_OUT), "views").unwrap(), 1);
        assert_eq!(counters.get(post(DELETED), "views").unwrap(), 0);
    }),
    ("a trigger that only takes notes keeps nothing out", |world| {
        execute(world, "CREATE TABLE notes (owner_id BIGINT)");
        act_after(world, "INSERT", "INSERT INTO notes VALUES (NEW.owner_id);");
        let counters = world.counters();
        count_each(&counters, 1..=1000);
        let report = sync(&counters);
        assert!(report.is_clean() && report.applied == 1000, "{report}");
        counters.delete(post(1), "views").unwrap();
        assert_eq!(sum_of_rows(&counters, 1..=1000), 999);
        assert!(sync(&counters).is_clean());
    }),
    // To notice would take the row from before, which the statement that writes does not return.
    ("a trigger that changes a count alone changes the counter's value", |world| {
        let counting = match kind_of(world) {
            Kind::Postgres => {
                "CREATE FUNCTION counting() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                 NEW.count := 70; RETURN NEW; END $$; \
                 CREATE TRIGGER counting BEFORE INSERT OR UPDATE ON model_counters \
                 FOR EACH ROW EXECUTE FUNCTION counting()"
            }
            Kind::Mysql => {
                "CREATE TRIGGER counting BEFORE INSERT ON model_counters FOR EACH ROW \
                 SET NEW.count = 70"
            }
            Kind::Sqlite => {
                "CREATE TRIGGER counting AFTER INSERT ON model_counters BEGIN \
                 UPDATE model_counters SET count = 70; END"
            }
        };
        execute(world, counting);
        let counters = world.counters();
        count_each(&counters, [KEPT_OUT]);
        let report = sync(&counters);
        assert!(report.is_clean() && report.applied == 1, "{report}");
        assert_eq!(sum_of_rows(&counters, [KEPT_OUT]), 70);
        assert_eq!(counters.get(post(KEPT_OUT), "views").unwrap(), 70);
    }),
];

/// The cases of PostgreSQL alone.
pub const POSTGRES: &[Case<World>] = &[
    ("a row that a trigger deletes at the commit is named and not acknowledged", |world| {
        let kind = "CONSTRAINT TRIGGER acting AFTER INSERT ON model_counters \
                    DEFERRABLE INITIALLY DEFERRED";
        act_by_function(world, kind, DELETING);
        is_undone(world);
    }),
    ("a row that the trigger of a partition deletes is named and not acknowledged", |world| {
        partition(world);
        act_by_function(world, "TRIGGER acting AFTER INSERT ON small", DELETING);
        is_undone(world);
    }),
];

/// Counts the post that is kept out, alone and beside 999 others. In MySQL and MariaDB no trigger
/// may write to its own table, so the statement fails.
fn is_undone(world: &World) {
    let counters = world.counters();
    for others in [0, 999] {
        is_named(&counters, others, |error| match kind_of(world) {
            Kind::Mysql => matches!(error, Error::Database { .. }),
            Kind::Postgres | Kind::Sqlite => matches!(error, Error::KeptOut { .. }),
        });
    }
}

/// Acts after each row that is written, unless a trigger has written it.
fn act_after(world: &World, event: &str, action: &str) {
    let kind = format!("TRIGGER acting AFTER {event} ON model_counters");
    match kind_of(world) {
        Kind::Postgres => act_by_function(world, &kind, action),
        Kind::Sqlite => {
            execute(world, &format!("CREATE {kind} FOR EACH ROW BEGIN {action} END"));
        }
        Kind::Mysql => {
            let row = if event == "DELETE" { "OLD" } else { "NEW" };
            let condition = format!("IF {row}.owner_id IN (1, 500) THEN {action} END IF");
            execute(world, &format!("CREATE {kind} FOR EACH ROW {condition}"));
        }
    }
}

fn act_by_function(world: &World, kind: &str, action: &str) {
    execute(
        world,
        &format!(
            "CREATE FUNCTION acting() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             IF pg_trigger_depth() = 1 THEN {action} END IF; RETURN NULL; END $$; \
             CREATE {kind} FOR EACH ROW EXECUTE FUNCTION acting()"
        ),
    );
}
