//! Triggers that drop or undo what is written, while the statement succeeds.

use counter_diesel::{Counters, Error};
use counter_tests::fixtures::post;
use counter_tests::suite::Case;
use counter_tests::world::World;

use super::{Kind, count_each, execute, kind_of, sum_of_rows, sync};

/// The post that is counted and kept out.
pub const KEPT_OUT: i64 = 500;

pub const CASES: &[Case<World>] = &[
    ("an insert that a trigger drops is named and not acknowledged", |world| {
        drop_inserts(world);
        let counters = world.counters();
        are_kept_out(&counters);
    }),
    ("an update that a trigger undoes is named and not acknowledged", |world| {
        let counters = world.counters();
        count_each(&counters, [KEPT_OUT]);
        assert!(sync(&counters).is_clean());
        undo_updates(world);
        are_kept_out(&counters);
    }),
    ("a set and a delete that a trigger undoes are left to a later sync", |world| {
        let counters = world.counters();
        count_each(&counters, [KEPT_OUT]);
        assert!(sync(&counters).is_clean());
        undo_updates(world);
        counters.set(post(KEPT_OUT), "views", 7).unwrap();
        assert_eq!(counters.get(post(KEPT_OUT), "views").unwrap(), 7);
        assert_eq!(sum_of_rows(&counters, [KEPT_OUT]), 1);
        counters.delete(post(KEPT_OUT), "views").unwrap();
        assert_eq!(counters.get(post(KEPT_OUT), "views").unwrap(), 0);
        assert_eq!(sum_of_rows(&counters, [KEPT_OUT]), 1);
        let report = sync(&counters);
        assert!(matches!(report.failed.iter().next().unwrap().error, Error::KeptOut { .. }));

        drop_trigger(world, "undoing");
        let report = sync(&counters);
        assert!(report.is_clean(), "{report}");
        assert_eq!(sum_of_rows(&counters, [KEPT_OUT]), 0);
    }),
];

/// Cases for databases whose triggers can leave a statement undone.
pub const DROPPING: &[Case<World>] = &[
    ("a delete that a trigger drops is named and not acknowledged", |world| {
        let keep = match kind_of(world) {
            Kind::Postgres => {
                "CREATE FUNCTION keeping() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                 RETURN NULL; END $$; \
                 CREATE TRIGGER keeping BEFORE DELETE ON model_counters \
                 FOR EACH ROW EXECUTE FUNCTION keeping()"
            }
            Kind::Sqlite => {
                "CREATE TRIGGER keeping BEFORE DELETE ON model_counters \
                 BEGIN SELECT RAISE(IGNORE); END"
            }
            Kind::Mysql => unreachable!("its triggers cannot drop a statement"),
        };
        let keep = || execute(world, keep);
        a_row_that_stays_is_named(world, keep, || drop_trigger(world, "keeping"));
    }),
    ("nothing is acknowledged without its record", |world| {
        let counters = world.counters();
        count_each(&counters, 1..=3);
        assert!(sync(&counters).is_clean());
        match kind_of(world) {
            Kind::Postgres => execute(
                world,
                "CREATE FUNCTION forgetting() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                 RETURN NULL; END $$; \
                 CREATE TRIGGER forgetting BEFORE INSERT OR UPDATE ON model_counters_state \
                 FOR EACH ROW EXECUTE FUNCTION forgetting()",
            ),
            Kind::Sqlite => execute(
                world,
                "CREATE TRIGGER forgetting BEFORE INSERT ON model_counters_state \
                 BEGIN SELECT RAISE(IGNORE); END",
            ),
            Kind::Mysql => unreachable!("its triggers cannot drop a statement"),
        }
        count_each(&counters, 1..=3);
        let report = sync(&counters);
        let is_recorded = world.store.generation().is_some();
        let applied = if is_recorded { 0 } else { 3 };
        assert_eq!((report.applied, report.stopped.is_some()), (applied, is_recorded), "{report}");
        assert_eq!(sum_of_rows(&counters, 1..=3), 3 + applied as i64);
        let on = if kind_of(world) == Kind::Postgres { " ON model_counters_state" } else { "" };
        execute(world, &format!("DROP TRIGGER forgetting{on}"));
        assert!(sync(&counters).is_clean());
        assert_eq!(sum_of_rows(&counters, 1..=3), 6);
    }),
];

/// The database keeps the row of the post that is deleted, which was 1. Then `allow` lets it go.
pub fn a_row_that_stays_is_named(world: &World, keep: impl Fn(), allow: impl Fn()) {
    let counters = world.counters();
    count_each(&counters, [KEPT_OUT]);
    assert!(sync(&counters).is_clean());
    keep();
    counters.delete(post(KEPT_OUT), "views").unwrap();
    assert_eq!(counters.get(post(KEPT_OUT), "views").unwrap(), 0);
    count_each(&counters, 1000..1999);
    let report = sync(&counters);
    assert_eq!((report.applied, report.failed.count()), (999, 1), "{report}");
    let failed = report.failed.iter().next().unwrap();
    assert!(matches!(failed.error, Error::KeptOut { .. }), "{failed:?}");
    assert_eq!(failed.claim.id.owner_id(), post(KEPT_OUT).id(), "{failed:?}");
    assert_eq!(sum_of_rows(&counters, [KEPT_OUT]), 1);

    // A claim that the store loses is applied to its row alone.
    let claim = counters.pending(post(KEPT_OUT), "views").unwrap().claim.unwrap();
    world.store.ack(std::slice::from_ref(&claim)).unwrap();
    let report = sync(&counters);
    assert_eq!((report.lost.count(), report.failed.count()), (0, 1), "{report}");
    assert_eq!(sum_of_rows(&counters, [KEPT_OUT]), 1);

    allow();
    let report = sync(&counters);
    let lost = report.lost.iter().map(|lost| (&lost.claim, lost.applied));
    assert!(lost.eq([(&claim, true)]) && report.failed.is_empty(), "{report}");
    assert_eq!(world.ledger.rows_of(&post(KEPT_OUT)).unwrap(), []);
}

/// Counts one post that the database keeps out, and that many others beside it. It is
/// named with an error of this kind.
pub fn is_named(counters: &Counters, others: i64, is_of_kind: impl Fn(&Error) -> bool) {
    let before = counters.get(post(KEPT_OUT), "views").unwrap();
    let posts = 1000..1000 + others;
    count_each(counters, posts.clone().chain([KEPT_OUT]));
    let rows = sum_of_rows(counters, posts.clone());
    let report = sync(counters);
    assert_eq!((report.applied, report.failed.count()), (others as u64, 1), "{report}");
    let failed = report.failed.iter().next().unwrap();
    assert!(is_of_kind(&failed.error), "{failed:?}");
    assert_eq!(failed.claim.id.owner_id(), post(KEPT_OUT).id(), "{failed:?}");
    assert_eq!(sum_of_rows(counters, posts), rows + others);
    assert_eq!(counters.get(post(KEPT_OUT), "views").unwrap(), before + 1);
    // The counter is still there until the table is fixed.
    let held = counters.pending(post(KEPT_OUT), "views").unwrap();
    assert!(held.claim.is_some(), "{held:?}");
}

fn are_kept_out(counters: &Counters) {
    for others in [0, 999] {
        is_named(counters, others, |error| matches!(error, Error::KeptOut { .. }));
    }
}

fn drop_inserts(world: &World) {
    match kind_of(world) {
        Kind::Postgres => execute(
            world,
            "CREATE FUNCTION dropping() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             IF NEW.owner_id = 500 THEN RETURN NULL; END IF; RETURN NEW; END $$; \
             CREATE TRIGGER dropping BEFORE INSERT ON model_counters \
             FOR EACH ROW EXECUTE FUNCTION dropping()",
        ),
        // It cannot drop a row, but it can write another one.
        Kind::Mysql => execute(
            world,
            "CREATE TRIGGER dropping BEFORE INSERT ON model_counters FOR EACH ROW \
             IF NEW.owner_id = 500 THEN SET NEW.owner_type = 'elsewhere'; END IF",
        ),
        Kind::Sqlite => execute(
            world,
            "CREATE TRIGGER dropping BEFORE INSERT ON model_counters \
             WHEN NEW.owner_id = 500 BEGIN SELECT RAISE(IGNORE); END",
        ),
    }
}

fn undo_updates(world: &World) {
    match kind_of(world) {
        Kind::Postgres => execute(
            world,
            "CREATE FUNCTION undoing() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             IF NEW.owner_id = 500 THEN RETURN OLD; END IF; RETURN NEW; END $$; \
             CREATE TRIGGER undoing BEFORE UPDATE ON model_counters \
             FOR EACH ROW EXECUTE FUNCTION undoing()",
        ),
        Kind::Mysql => execute(
            world,
            "CREATE TRIGGER undoing BEFORE UPDATE ON model_counters FOR EACH ROW \
             IF NEW.owner_id = 500 THEN SET NEW.count = OLD.count, \
             NEW.claim_seq = OLD.claim_seq; END IF",
        ),
        Kind::Sqlite => execute(
            world,
            "CREATE TRIGGER undoing BEFORE UPDATE ON model_counters \
             WHEN NEW.owner_id = 500 BEGIN SELECT RAISE(IGNORE); END",
        ),
    }
}

fn drop_trigger(world: &World, name: &str) {
    let on = if kind_of(world) == Kind::Postgres { " ON model_counters" } else { "" };
    execute(world, &format!("DROP TRIGGER {name}{on}"));
}
