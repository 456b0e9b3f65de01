use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use counter_diesel::ledger::PoolLedger;
use counter_diesel::{Config, Counters, SyncOptions};
use counter_tests::faults::Faults;
use counter_tests::fixtures::{post, user};
use counter_tests::suite::Case;
use counter_tests::world::World;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::r2d2::{ConnectionManager, CustomizeConnection, Pool};
use diesel::sql_query;
use diesel::sql_types::Text;

use super::{Kind, count_each, execute, kind_of, sum_of_rows, sync};

/// The post that is counted and must not be.
const BAD: i64 = 99_999;

/// The cases of servers, which can refuse a row without a trigger.
pub const SERVERS: &[Case<World>] = &[
    ("one row in a thousand that a foreign key refuses is named and all others are in", |world| {
        refer_to_posts(world, "");
        others_are_applied(world);
    }),
    ("one row in a thousand that a check refuses is named and all others are in", |world| {
        execute(world, "ALTER TABLE model_counters ADD CHECK (owner_id < 9999)");
        others_are_applied(world);
    }),
];

/// The cases of PostgreSQL alone.
pub const POSTGRES: &[Case<World>] = &[
    (
        "one row in a thousand that only the commit refuses is named and all others are in",
        |world| {
            refer_to_posts(world, "DEFERRABLE INITIALLY DEFERRED");
            others_are_applied(world);
        },
    ),
    ("one row in a thousand without a partition is named and all others are in", |world| {
        partition(world);
        others_are_applied(world);
    }),
];

pub const CASES: &[Case<World>] = &[
    ("one row in a thousand that a trigger refuses is named and all others are in", |world| {
        refuse_by_trigger(world);
        others_are_applied(world);
    }),
    (
        "a set of many with a row that is refused sets all, and the others are in the table",
        |world| {
            let counters = world.counters();
            refuse_by_trigger(world);
            // The bad one is in the second of three batches.
            let posts = (1..=299).chain([BAD]).chain(301..=600).collect::<Vec<_>>();
            let outcomes =
                counters.set_many(posts.iter().map(|id| (post(*id), "views", 2))).unwrap();
            assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 600);
            assert_eq!(sum_of_rows(&counters, 1..201), 400, "the batch before");
            assert_eq!(sum_of_rows(&counters, 401..601), 400, "the batch after");
            assert_eq!(counters.get(post(BAD), "views").unwrap(), 2);
            let report = sync(&counters);
            assert_eq!((report.applied, report.failed.count()), (199, 1), "{report}");
            assert_eq!(
                sum_of_rows(&counters, posts.iter().copied().filter(|id| *id != BAD)),
                1_198
            );
            assert_eq!(counters.baseline(post(BAD), "views").unwrap(), 0);
        },
    ),
    ("many that are refused in a row do not keep out what comes after them", |world| {
        let counters = world.counters();
        refuse_by_trigger(world);
        count_each(&counters, BAD..BAD + 8);
        // Owners of another type, which come after posts.
        (1..=500).for_each(|n| counters.increment(user(n), "views", 1).unwrap());
        // With this one, their part is refused as a whole, and divided once others are applied.
        counters.increment(user(BAD), "views", 1).unwrap();
        let report = sync(&counters);
        assert_eq!((report.applied, report.failed.count()), (500, 9), "{report}");
        assert_eq!((report.stopped.is_none(), report.postponed.count()), (true, 0), "{report}");
    }),
    ("a good row is in after a few passes wherever it is among bad ones", |world| {
        const POSTS: i64 = 500;
        refuse_nine_of_ten(world);
        let counters = world.counters();
        count_each(&counters, 1..=POSTS);
        let routine = SyncOptions::default().retry_refused(false);
        let started = Instant::now();
        let passes = (1..=3).map(|_| counters.sync(&routine).unwrap().applied);
        assert_eq!(passes.sum::<u64>(), POSTS as u64 / 10);
        let good = (1..=POSTS).filter(|n| n * 7919 % 1000 < 100);
        assert_eq!(sum_of_rows(&counters, good), POSTS / 10);
        // Nothing is tried again before its backoff of 10 s is over, which a busy machine may take.
        let report = counters.sync(&routine).unwrap();
        let (failed, postponed) = (report.failed.count(), report.postponed.count());
        assert_eq!(failed + postponed, 450, "{report}");
        assert!(failed == 0 || started.elapsed() >= Duration::from_secs(10), "{report}");
    }),
    ("what was refused costs the next passes of a worker nothing and is retried later", |world| {
        let upserts = Arc::new(AtomicUsize::new(0));
        let counting = Arc::clone(&upserts);
        let faults = Faults::calling(move |step| {
            counting.fetch_add(usize::from(step == "upsert"), Ordering::SeqCst);
        });
        let counters = world.counters_behind(&faults, Config::default());
        refuse_by_trigger(world);
        count_each(&counters, BAD..BAD + 600);
        count_each(&counters, 1..=10);
        let report = sync(&counters);
        assert_eq!((report.applied, report.failed.count() > 8), (10, true), "{report}");
        // Each explicit sync that is refused doubles the wait of a worker's.
        let _ = sync(&counters);
        let _ = sync(&counters);
        let refused = upserts.swap(0, Ordering::SeqCst);

        count_each(&counters, 1..=10);
        let routine = SyncOptions::default().retry_refused(false);
        let report = counters.sync(&routine).unwrap();
        assert_eq!((report.applied, report.failed.count()), (10, 0), "{report}");
        assert_eq!((report.postponed.count(), report.scanned), (600, 610), "{report}");
        // The ten are in as many batches as the scan makes of all that is claimed.
        let upserts = upserts.swap(0, Ordering::SeqCst);
        assert!(upserts <= 4, "{upserts}, and {refused} in three passes before");

        // An explicit sync tries everything, and finds everything as soon as it can.
        allow_again(world);
        let report = sync(&counters);
        assert!(report.is_clean() && report.applied == 600, "{report}");
        assert_eq!(sum_of_rows(&counters, [BAD, BAD + 299, BAD + 599, 1]), 5);
    }),
];

/// Cases for stores that other processes see too.
pub const SHARED: &[Case<World>] = &[(
    "a set of another process is applied while what it replaced waits out its backoff",
    |world| {
        let (counters, other) = (world.counters(), world.counters());
        refuse_by_trigger(world);
        count_each(&counters, [BAD, BAD + 1]);
        let report = sync(&counters);
        assert_eq!((report.applied, report.failed.count()), (0, 2), "{report}");
        other.set(post(BAD), "views", 7).unwrap();
        allow_again(world);

        let routine = SyncOptions::default().retry_refused(false);
        let report = counters.sync(&routine).unwrap();
        assert_eq!((report.applied, report.superseded), (1, 1), "{report}");
        assert_eq!((report.postponed.count(), report.scanned), (1, 2), "{report}");
        assert_eq!(counters.baseline(post(BAD), "views").unwrap(), 7);
        assert_eq!(counters.get(post(BAD + 1), "views").unwrap(), 1);
    },
)];

/// Cases for SQLite, which has foreign keys on connections that ask for them.
pub const FILES: &[Case<World>] = &[
    ("one row in a thousand that a foreign key of SQLite refuses is named", |world| {
        refer_to_posts_in_file(world, "");
        others_of_are_applied(&counters_with_foreign_keys(world));
    }),
    ("one row in a thousand that a deferred foreign key of SQLite refuses is named", |world| {
        refer_to_posts_in_file(world, "DEFERRABLE INITIALLY DEFERRED");
        others_of_are_applied(&counters_with_foreign_keys(world));
    }),
];

#[derive(Debug)]
struct ForeignKeys;

impl CustomizeConnection<SqliteConnection, diesel::r2d2::Error> for ForeignKeys {
    fn on_acquire(&self, conn: &mut SqliteConnection) -> Result<(), diesel::r2d2::Error> {
        let asked = conn.batch_execute("PRAGMA busy_timeout = 5000; PRAGMA foreign_keys = ON");
        asked.map_err(diesel::r2d2::Error::QueryError)
    }
}

fn counters_with_foreign_keys(world: &World) -> Counters {
    let pool = Pool::builder().max_size(4).connection_customizer(Box::new(ForeignKeys));
    let pool = pool.build(ConnectionManager::<SqliteConnection>::new(world.database.url()));
    let mut config = Config::default();
    config.prefix = world.prefix.clone();
    let ledger = PoolLedger::new(pool.unwrap(), config.table_name.clone()).unwrap();
    Counters::from_parts(config, Arc::clone(&world.store), Arc::new(ledger))
}

/// SQLite adds no foreign key to a table that is there.
fn refer_to_posts_in_file(world: &World, deferrable: &str) {
    let mut conn = SqliteConnection::establish(&world.database.url()).unwrap();
    let made = "SELECT sql FROM sqlite_master WHERE name = 'model_counters'";
    let made = sql_query(made).get_result::<Made>(&mut conn).unwrap().sql;
    let (columns, rest) = made.rsplit_once(')').unwrap();
    let key = format!("FOREIGN KEY (owner_id) REFERENCES posts (id) {deferrable}");
    let ids = (1..1000).map(|id| format!("({id})")).collect::<Vec<_>>().join(", ");
    execute(
        world,
        &format!(
            "CREATE TABLE posts (id BIGINT PRIMARY KEY); INSERT INTO posts VALUES {ids}; \
             DROP TABLE model_counters; {columns}, {key}){rest}"
        ),
    );
}

#[derive(QueryableByName)]
struct Made {
    #[diesel(sql_type = Text)]
    sql: String,
}

fn others_are_applied(world: &World) {
    others_of_are_applied(&world.counters());
}

fn others_of_are_applied(counters: &Counters) {
    count_each(counters, (1..1000).chain([BAD]));
    let report = sync(counters);
    assert!(report.stopped.is_none(), "{report}");
    assert_eq!((report.applied, report.failed.count()), (999, 1), "{report}");
    let failed = report.failed.iter().next().unwrap();
    assert_eq!(failed.claim.id.owner_id(), post(BAD).id(), "{failed:?}");

    // Its neighbours go on, in the next pass too.
    count_each(counters, (1..1000).chain([BAD]));
    let report = sync(counters);
    assert_eq!((report.applied, report.failed.count()), (999, 1), "{report}");
    assert_eq!(sum_of_rows(counters, 1..1000), 2 * 999);
    assert_eq!(counters.get(post(BAD), "views").unwrap(), 2);
    assert_eq!(counters.baseline(post(BAD), "views").unwrap(), 0);
}

fn refer_to_posts(world: &World, deferrable: &str) {
    execute(world, "CREATE TABLE posts (id BIGINT PRIMARY KEY)");
    let ids = (1..1000).map(|id| format!("({id})")).collect::<Vec<_>>().join(", ");
    execute(world, &format!("INSERT INTO posts VALUES {ids}"));
    let references = "ADD CONSTRAINT refusing FOREIGN KEY (owner_id) REFERENCES posts (id)";
    execute(world, &format!("ALTER TABLE model_counters {references} {deferrable}"));
}

/// Refuses owners from [`BAD`] on.
fn refuse_by_trigger(world: &World) {
    match kind_of(world) {
        Kind::Postgres => execute(
            world,
            "CREATE FUNCTION refusing() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             IF NEW.owner_id >= 99999 THEN RAISE 'not this one'; END IF; RETURN NEW; END $$; \
             CREATE TRIGGER refusing BEFORE INSERT ON model_counters \
             FOR EACH ROW EXECUTE FUNCTION refusing()",
        ),
        Kind::Mysql => execute(
            world,
            "CREATE TRIGGER refusing BEFORE INSERT ON model_counters FOR EACH ROW \
             IF NEW.owner_id >= 99999 THEN \
             SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'not this one'; END IF",
        ),
        Kind::Sqlite => execute(
            world,
            "CREATE TRIGGER refusing BEFORE INSERT ON model_counters \
             WHEN NEW.owner_id >= 99999 BEGIN SELECT RAISE(ABORT, 'not this one'); END",
        ),
    }
}

/// Refuses nine of ten owners, in no order.
fn refuse_nine_of_ten(world: &World) {
    let is_bad = "NEW.owner_id * 7919 % 1000 >= 100";
    match kind_of(world) {
        Kind::Postgres => execute(
            world,
            &format!(
                "CREATE FUNCTION refusing() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                 IF {is_bad} THEN RAISE 'not this one'; END IF; RETURN NEW; END $$; \
                 CREATE TRIGGER refusing BEFORE INSERT ON model_counters \
                 FOR EACH ROW EXECUTE FUNCTION refusing()"
            ),
        ),
        Kind::Mysql => execute(
            world,
            &format!(
                "CREATE TRIGGER refusing BEFORE INSERT ON model_counters FOR EACH ROW \
                 IF {is_bad} THEN SIGNAL SQLSTATE '45000'; END IF"
            ),
        ),
        Kind::Sqlite => execute(
            world,
            &format!(
                "CREATE TRIGGER refusing BEFORE INSERT ON model_counters \
                 WHEN {is_bad} BEGIN SELECT RAISE(ABORT, 'not this one'); END"
            ),
        ),
    }
}

fn allow_again(world: &World) {
    let on = if kind_of(world) == Kind::Postgres { " ON model_counters" } else { "" };
    execute(world, &format!("DROP TRIGGER refusing{on}"));
}

/// Only ids below 9999 have a partition.
pub fn partition(world: &World) {
    execute(
        world,
        "CREATE TABLE parted (LIKE model_counters INCLUDING DEFAULTS) \
         PARTITION BY RANGE (owner_id); \
         CREATE TABLE small PARTITION OF parted FOR VALUES FROM (0) TO (9999); \
         ALTER TABLE parted ADD UNIQUE (owner_type, owner_id, owner_key, \"key\"); \
         DROP TABLE model_counters; \
         CREATE SEQUENCE parted_id; ALTER TABLE parted ALTER id SET DEFAULT nextval('parted_id'); \
         ALTER TABLE parted RENAME TO model_counters",
    );
}
