use std::time::{Duration, Instant};

use counter_diesel::sync::PostponedCause;
use counter_diesel::{Counters, Error, SyncReport};
use counter_tests::effort::load_time;
use counter_tests::fixtures::post;
use counter_tests::process::wait_for;
use counter_tests::suite::Case;
use counter_tests::world::World;

use super::{Kind, count_each, kind_of, sum_of_rows, sync};

/// The cases of servers, which lock rows.
pub const ROWS: &[Case<World>] = &[
    ("a locked row is named and all others are in, wherever it is in the batch", |world| {
        let counters = world.counters();
        count_each(&counters, 1..=1000);
        assert!(sync(&counters).is_clean());
        for locked in [1, 512, 1000] {
            let held = world.database.hold(&lock_of(locked));
            others_are_applied(&counters, locked, Duration::from_secs(10));
            drop(held);
            let report = sync(&counters);
            assert!(report.is_clean() && report.applied == 1, "{report}");
        }
        assert_eq!(sum_of_rows(&counters, 1..=1000), 4 * 1000);
    }),
    ("a worker goes on with all others for as long as a row is locked", |world| {
        let counters = world.counters();
        count_each(&counters, 1..=100);
        assert!(sync(&counters).is_clean());
        let held = world.database.hold(&lock_of(1));
        let (started, lasting) = (Instant::now(), load_time(Duration::from_secs(8)));
        let worker = counters.spawn_sync(Duration::from_millis(100)).unwrap();
        let mut counted = 1;
        while started.elapsed() < lasting {
            let at = started.elapsed();
            count_each(&counters, 1..=100);
            counted += 1;
            let took = applied_after(&counters, 2..=100, counted);
            let pass = worker.status().last_report.map(|report| report.elapsed);
            println!("counted at {at:.1?}: in the table after {took:.1?}, last pass: {pass:.1?}");
        }
        let is_named = worker.wait_until(SOON, |status| {
            let report = status.last_report.as_ref();
            report.is_some_and(|report| {
                let postponed = report.postponed.iter();
                let postponed = postponed.map(|p| (p.claim.id.owner_id(), p.cause));
                postponed.eq([(post(1).id(), PostponedCause::Locked)])
            })
        });
        assert!(is_named, "{:?}", worker.status());
        assert_eq!(sum_of_rows(&counters, [1]), 1);
        drop(held);
        let took = applied_after(&counters, [1], counted);
        println!("locked for {:.1?}: in the table after {took:.1?}", started.elapsed());
        let report = worker.stop().unwrap().last_report.unwrap();
        assert!(report.is_clean(), "{report}");
    }),
    (
        "a row that the insert of another transaction locks is named and all others are in",
        |world| {
            let insert = "INSERT INTO model_counters (owner_type, owner_id, \"key\", count, claim_seq) \
                      VALUES ('post', 512, 'views', 100, 0)";
            let held = world.database.hold(insert);
            let counters = world.counters();
            if kind_of(world) == Kind::Postgres {
                others_are_applied(&counters, 512, Duration::from_secs(10));
            } else {
                others_but_neighbours_are_applied(&counters, 512);
            }
            drop(held);
            let report = sync(&counters);
            assert!(report.is_clean(), "{report}");
            assert_eq!(sum_of_rows(&counters, 1..=1000), 1000);
        },
    ),
    ("a row that is refused slowly beside a locked one is not taken for locked", |world| {
        let refuse = match kind_of(world) {
            Kind::Postgres => {
                "CREATE FUNCTION refusing() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                 IF NEW.owner_id = 7 THEN PERFORM pg_sleep(0.2); RAISE 'not this one'; END IF; \
                 RETURN NEW; END $$; \
                 CREATE TRIGGER refusing BEFORE INSERT ON model_counters \
                 FOR EACH ROW EXECUTE FUNCTION refusing()"
            }
            Kind::Mysql => {
                "CREATE TRIGGER refusing BEFORE INSERT ON model_counters FOR EACH ROW \
                 IF NEW.owner_id = 7 THEN DO SLEEP(0.2); SIGNAL SQLSTATE '45000' \
                 SET MESSAGE_TEXT = 'no Lock wait timeout exceeded'; END IF"
            }
            Kind::Sqlite => unreachable!("SQLite has neither locks of rows nor slow triggers"),
        };
        let counters = world.counters();
        count_each(&counters, [1]);
        assert!(sync(&counters).is_clean());
        super::execute(world, refuse);
        let held = world.database.hold(&lock_of(1));
        count_each(&counters, 1..=8);
        let report = sync(&counters);
        assert_eq!((report.applied, report.failed.count()), (6, 1), "{report}");
        assert_eq!(report.failed.iter().next().unwrap().claim.id.owner_id(), post(7).id());
        let postponed = report.postponed.iter().map(|postponed| postponed.cause);
        assert!(postponed.eq([PostponedCause::Locked]), "{report}");
        drop(held);
    }),
    ("a lock on the record of passes ends a pass in time, after all rows are in", |world| {
        let counters = world.counters();
        count_each(&counters, [1]);
        assert!(sync(&counters).is_clean());
        count_each(&counters, [1]);
        let recorded = world.ledger.state(&world.prefix).unwrap().recorded;
        let store_id = recorded.map(|recorded| recorded.store_id).unwrap_or_default();
        // By its whole key: MariaDB would lock all rows that it looks at, and the gaps between
        // them.
        let held = world.database.hold(&format!(
            "UPDATE model_counters_state SET claim_seq = claim_seq \
             WHERE prefix = '{}' AND store_id = '{store_id}' AND writer = 0",
            world.prefix
        ));
        let (report, took) = timed(&counters);
        assert_eq!(report.applied, 1, "{report}");
        let is_private = world.store.generation().is_none();
        assert!(is_private || matches!(report.stopped, Some(Error::Locked { .. })), "{report}");
        assert!(took < Duration::from_secs(10), "{took:?}");
        drop(held);
    }),
];

/// The case of SQLite, which locks the whole file.
pub const FILES: &[Case<World>] =
    &[("a locked file ends a pass in time, and the next one finishes its work", |world| {
        let counters = world.counters();
        count_each(&counters, 1..=10);
        let held = world.database.hold("");
        let started = Instant::now();
        let result = counters.sync(&counter_diesel::SyncOptions::default());
        let error = result.map_or_else(Some, |report| report.stopped);
        assert!(matches!(error, Some(Error::Locked { .. })), "{error:?}");
        // Three waits of 5 s. SQLite counts only its sleeps, so on a busy machine they are longer.
        assert!(started.elapsed() < Duration::from_secs(45), "{:?}", started.elapsed());
        drop(held);
        let report = sync(&counters);
        assert!(report.is_clean(), "{report}");
        assert_eq!(sum_of_rows(&counters, 1..=10), 10);
    })];

/// How soon the table has counts beside a locked row, and those of a row that was locked.
const SOON: Duration = Duration::from_secs(10);

/// Returns after how long each of these posts has this value in the table.
fn applied_after(
    counters: &Counters,
    posts: impl IntoIterator<Item = i64>,
    value: i64,
) -> Duration {
    let started = Instant::now();
    for n in posts {
        let is_there = || counters.baseline(post(n), "views").unwrap() == value;
        wait_for("a row", || is_there().then_some(()));
    }
    let took = started.elapsed();
    assert!(took < SOON, "{took:?}");
    took
}

/// Locks the row of this post.
fn lock_of(post: i64) -> String {
    format!(
        "UPDATE model_counters SET count = count \
         WHERE owner_type = 'post' AND owner_id = {post} \
         AND owner_key = '' AND \"key\" = 'views'"
    )
}

/// Counts posts 1 to 1000, and syncs all but the one whose row is locked.
fn others_are_applied(counters: &Counters, locked: i64, within: Duration) {
    count_each(counters, 1..=1000);
    let (report, took) = timed(counters);
    assert!(report.stopped.is_none() && report.failed.is_empty(), "{report}: {:?}", report.failed);
    assert_eq!((report.applied, report.postponed.count()), (999, 1), "{report}");
    let postponed = report.postponed.iter().next().unwrap();
    assert_eq!(postponed.claim.id.owner_id(), post(locked).id());
    assert_eq!(postponed.cause, PostponedCause::Locked);
    assert!(took < within, "{took:?}");
}

/// InnoDB lets no transaction insert a row into the gap before one that waits for a commit. Each
/// part of the batch that has such a row waits a second or two.
fn others_but_neighbours_are_applied(counters: &Counters, locked: i64) {
    count_each(counters, 1..=1000);
    let (report, took) = timed(counters);
    assert!(report.stopped.is_none() && report.failed.is_empty(), "{report}: {:?}", report.failed);
    let postponed = report.postponed.iter().map(|postponed| &postponed.claim.id);
    let postponed = postponed.map(|id| id.owner_id().clone()).collect::<Vec<_>>();
    assert!(postponed.contains(post(locked).id()) && postponed.len() <= 16, "{postponed:?}");
    assert_eq!(report.applied, 1000 - postponed.len() as u64, "{report}");
    assert!(took < Duration::from_secs(60), "{took:?}");
}

fn timed(counters: &Counters) -> (SyncReport, Duration) {
    let started = Instant::now();
    (sync(counters), started.elapsed())
}
