//! Tables that an earlier version has made, with rows in them.

use counter_diesel::ledger::{
    CounterConnection, CounterHarness, CounterMigrations, Kept, KeptChange, Ledger, LockWait,
    TableName,
};
use counter_diesel::query::{Grain, OwnerType};
use counter_diesel::store::{Claim, ClaimOp, ClaimSeq};
use counter_diesel::{CounterId, CounterKey, Error};
use counter_tests::database::{self, Database, connect_patiently};
use counter_tests::fixtures::bucket_of;
use diesel::migration::{Migration, MigrationSource};
use diesel::{MysqlConnection, PgConnection, SqliteConnection};
use diesel_migrations::MigrationHarness;

/// The table of the first state, and one whose name means something in a text of SQL.
const TABLES: [&str; 2] = ["model_counters", "\"it's $counter$ \\ a\""];

/// A row of the first state: id, owner, key, count.
const ROWS: [(i64, &str, i64, &str, i64); 4] = [
    (1003, "post", 1, "views", 5),
    (1008, "post", 0, "views", 6),
    (1009, "Post", i64::MIN, "Views", 7),
    (1004, "post", i64::MAX, "likes", -8),
];

#[test]
fn rows_of_every_earlier_state_are_kept_up_down_and_up_again_on_sqlite() {
    on::<SqliteConnection>(&*database::sqlite());
}

#[test]
fn rows_of_every_earlier_state_are_kept_up_down_and_up_again_on_postgres() {
    on::<PgConnection>(&*database::postgres());
}

#[test]
fn rows_of_every_earlier_state_are_kept_up_down_and_up_again_on_mariadb() {
    on::<MysqlConnection>(&*database::mariadb());
}

fn on<C>(database: &dyn Database)
where
    C: CounterConnection,
    CounterMigrations: MigrationSource<C::Backend>,
{
    for table in TABLES {
        let earlier = Earlier::<C>::new(database, table);
        earlier.turn(|harness, [first, ..]| harness.run_migration(first).map(drop)).unwrap();
        earlier.insert();
        earlier.assert_not_migrated();
        assert_eq!(earlier.ledger().pending_migrations().unwrap().len(), 3, "{table}");
        assert_eq!(earlier.ledger().run_pending_migrations().unwrap().len(), 3, "{table}");
        earlier.assert_kept("\"owner_key\" = ''");
        earlier.assert_buckets_are_kept();
        earlier.turn(|harness, [.., kept]| harness.revert_migration(kept).map(drop)).unwrap();
        earlier.assert_since_is_unknown();
        assert_eq!(earlier.ledger().run_pending_migrations().unwrap().len(), 1, "{table}");
        earlier.assert_all_is_kept();
        earlier
            .turn(|harness, [_, _, periods, _]| harness.revert_migration(periods).map(drop))
            .unwrap();
        earlier.assert_kept("\"owner_key\" = ''");
        earlier.add_text_owner();
        earlier.assert_keeps_no_buckets();
        assert_eq!(earlier.ledger().run_pending_migrations().unwrap().len(), 1, "{table}");
        earlier.assert_buckets_are_kept();
        earlier
            .turn(|harness, [_, _, periods, _]| harness.revert_migration(periods).map(drop))
            .unwrap();
        let refused =
            earlier.turn(|harness, [_, second, ..]| harness.revert_migration(second).map(drop));
        assert!(refused.is_err(), "{table}: it would be the integer 0");
        earlier.assert_kept("\"owner_key\" = ''");
        assert_eq!(earlier.ledger().baselines(&[text_owner()]).unwrap()[0].count, 1, "{table}");
        let texts = format!("DELETE FROM {table} WHERE \"owner_key\" <> ''");
        earlier.execute(&texts).unwrap();
        earlier
            .turn(|harness, [_, second, ..]| harness.revert_migration(second).map(drop))
            .unwrap();
        earlier.assert_kept("1 = 1");
        earlier.assert_unique();
        earlier.assert_not_migrated();
        assert_eq!(earlier.ledger().run_pending_migrations().unwrap().len(), 2, "{table}");
        earlier.assert_kept("\"owner_key\" = ''");
        earlier.assert_unique();
        earlier.add_text_owner();
        earlier.assert_buckets_are_kept();
    }
}

/// MySQL commits after each statement that changes a table, so a migration may have been run
/// without being recorded.
#[test]
fn a_migration_that_was_cut_short_is_finished_by_the_next_on_mariadb() {
    let database = database::mariadb();
    for table in TABLES {
        let earlier = Earlier::<MysqlConnection>::new(&*database, table);
        let before_record = |nth: usize, up: bool| {
            let mut conn =
                <MysqlConnection as diesel::Connection>::establish(&database.url()).unwrap();
            let all = earlier.migrations();
            let run = if up { all[nth].run(&mut conn) } else { all[nth].revert(&mut conn) };
            run.unwrap();
        };
        earlier.turn(|harness, [first, ..]| harness.run_migration(first).map(drop)).unwrap();
        earlier.insert();
        before_record(1, true);
        before_record(2, true);
        before_record(3, true);
        assert_eq!(earlier.ledger().run_pending_migrations().unwrap().len(), 3, "{table}");
        earlier.assert_kept("\"owner_key\" = ''");
        earlier.add_text_owner();
        earlier.assert_buckets_are_kept();
        before_record(1, true);
        before_record(2, true);
        before_record(3, true);
        earlier.assert_all_is_kept();
        let bucket = bucket_of(&text_owner(), "day:2026-11-28");
        assert_eq!(earlier.ledger().baselines(&[bucket]).unwrap()[0].count, 8, "{table}");
        assert_eq!(earlier.ledger().baselines(&[text_owner()]).unwrap()[0].count, 1, "{table}");
        earlier.execute(&format!("DELETE FROM {table} WHERE \"owner_key\" <> ''")).unwrap();
        before_record(3, false);
        earlier.turn(|harness, [.., kept]| harness.revert_migration(kept).map(drop)).unwrap();
        before_record(2, false);
        earlier
            .turn(|harness, [_, _, periods, _]| harness.revert_migration(periods).map(drop))
            .unwrap();
        before_record(1, false);
        earlier
            .turn(|harness, [_, second, ..]| harness.revert_migration(second).map(drop))
            .unwrap();
        earlier.assert_kept("1 = 1");
        earlier.assert_unique();
    }
}

/// SQLite makes the table anew, and would take along what the application has added to it.
#[test]
fn what_the_application_has_added_to_the_table_is_not_dropped_on_sqlite() {
    let database = database::sqlite();
    for table in TABLES {
        let earlier = Earlier::<SqliteConnection>::new(&*database, table);
        earlier.turn(|harness, [first, ..]| harness.run_migration(first).map(drop)).unwrap();
        earlier.insert();
        let added = [
            ("INDEX added", format!("ON {table} (\"count\")")),
            ("TRIGGER added", format!("AFTER INSERT ON {table} BEGIN SELECT 1; END")),
            ("TABLE added", format!("(counter INTEGER REFERENCES {table} (\"id\"))")),
        ];
        for (thing, how) in &added {
            earlier.execute(&format!("CREATE {thing} {how}")).unwrap();
            let refused = earlier.ledger().run_pending_migrations().unwrap_err();
            let words = "columns, indexes, triggers or foreign keys of the application";
            assert!(format!("{refused:?}").contains(words), "{refused:?}");
            earlier.assert_kept("1 = 1");
            earlier.assert_not_migrated();
            earlier.execute(&format!("DROP {thing}")).unwrap();
        }
        let column = |change: &str| earlier.execute(&format!("ALTER TABLE {table} {change}"));
        column("ADD COLUMN note TEXT DEFAULT 'kept'").unwrap();
        let refused = earlier.ledger().run_pending_migrations().unwrap_err();
        assert!(format!("{refused:?}").contains("columns"), "{refused:?}");
        earlier.assert_kept("note = 'kept'");
        earlier.assert_not_migrated();
        column("DROP COLUMN note").unwrap();
        earlier.execute(&format!("CREATE VIEW added AS SELECT * FROM {table}")).unwrap();
        assert_eq!(earlier.ledger().run_pending_migrations().unwrap().len(), 3, "{table}");
        earlier.assert_kept("\"owner_key\" = ''");
        earlier.execute("DROP VIEW added").unwrap();
        let revert =
            || earlier.turn(|harness, [_, second, ..]| harness.revert_migration(second).map(drop));
        column("ADD COLUMN note TEXT DEFAULT 'kept'").unwrap();
        revert().unwrap_err();
        earlier.assert_kept("note = 'kept'");
        column("DROP COLUMN note").unwrap();
        let (thing, how) = &added[0];
        earlier.execute(&format!("CREATE {thing} {how}")).unwrap();
        revert().unwrap_err();
        earlier.assert_kept("\"owner_key\" = ''");
        earlier.execute(&format!("DROP {thing}")).unwrap();
    }
}

fn text_owner() -> CounterId {
    CounterId::new("post", "0", "views").unwrap()
}

/// A database, and a table in it.
struct Earlier<'a, C> {
    database: &'a dyn Database,
    table: &'static str,
    kind: std::marker::PhantomData<C>,
}

impl<'a, C> Earlier<'a, C>
where
    C: CounterConnection,
    CounterMigrations: MigrationSource<C::Backend>,
{
    fn new(database: &'a dyn Database, table: &'static str) -> Self {
        Self { database, table, kind: std::marker::PhantomData }
    }

    fn ledger(&self) -> std::sync::Arc<dyn Ledger> {
        self.database.ledger(self.table)
    }

    fn execute(&self, sql: &str) -> diesel::QueryResult<()> {
        self.database.execute(sql)
    }

    fn migrations(&self) -> Vec<Box<dyn Migration<C::Backend>>> {
        let name = self.table.parse::<TableName>().unwrap();
        MigrationSource::<C::Backend>::migrations(&CounterMigrations::new(&name)).unwrap()
    }

    /// Turns the table by our harness, which is given the migrations, oldest first.
    fn turn(
        &self,
        turn: impl FnOnce(
            &mut CounterHarness<'_, C>,
            [&dyn Migration<C::Backend>; 4],
        ) -> diesel::migration::Result<()>,
    ) -> diesel::migration::Result<()> {
        let mut conn = connect_patiently::<C>(&self.database.url());
        let name = self.table.parse::<TableName>().unwrap();
        let all = self.migrations();
        let [first, second, third, fourth] = all.as_slice() else {
            panic!("{} migrations", all.len())
        };
        let all = [&**first, &**second, &**third, &**fourth];
        turn(&mut CounterHarness::new(&mut conn, &name), all)
    }

    /// Writes the rows as the first state has them.
    fn insert(&self) {
        for (id, owner_type, owner_id, key, count) in ROWS {
            let columns = "\"id\", \"owner_type\", \"owner_id\", \"key\", \"count\", \"claim_seq\", \
                           \"created_at\", \"updated_at\"";
            let dates = "'2001-02-03 04:05:06', '2002-03-04 05:06:07'";
            let row = format!("{id}, '{owner_type}', {owner_id}, '{key}', {count}, 77, {dates}");
            let table = self.table;
            self.execute(&format!("INSERT INTO {table} ({columns}) VALUES ({row})")).unwrap();
        }
    }

    /// Each row is there with all that it had, and with what is asked for beside it.
    fn assert_kept(&self, beside: &str) {
        let rows = ROWS.map(|(id, owner_type, owner_id, key, count)| {
            format!(
                "\"id\" = {id} AND \"owner_type\" = '{owner_type}' AND \"owner_id\" = {owner_id} \
                 AND \"key\" = '{key}' AND \"count\" = {count}"
            )
        });
        let dates =
            "\"created_at\" = '2001-02-03 04:05:06' AND \"updated_at\" = '2002-03-04 05:06:07'";
        let kept =
            format!("({}) AND \"claim_seq\" = 77 AND {dates} AND {beside}", rows.join(" OR "));
        self.execute("CREATE TABLE proof (n BIGINT NOT NULL CHECK (n = 4))").unwrap();
        let count = format!("SELECT COUNT(*) FROM {} WHERE {kept}", self.table);
        self.execute(&format!("INSERT INTO proof {count}")).unwrap();
        self.execute("DROP TABLE proof").unwrap();
    }

    /// No second row of a counter is taken.
    fn assert_unique(&self) {
        let table = self.table;
        let again = format!(
            "INSERT INTO {table} (\"owner_type\", \"owner_id\", \"key\") VALUES ('post', 1, 'views')"
        );
        self.execute(&again).unwrap_err();
    }

    fn add_text_owner(&self) {
        let ledger = self.ledger();
        let mut transaction = ledger.begin(LockWait::Usual).unwrap();
        let claim = Claim { id: text_owner(), seq: ClaimSeq::new(5), op: ClaimOp::Add(1) };
        transaction.upsert(&[claim]).unwrap();
        transaction.commit().unwrap();
        let integer = CounterId::new("post", 0, "views").unwrap();
        let rows = ledger.baselines(&[integer, text_owner()]).unwrap();
        assert_eq!(rows.iter().map(|row| row.count).collect::<Vec<_>>(), [6, 1]);
    }

    /// Buckets of owners of both kinds are written and read, beside totals.
    fn assert_buckets_are_kept(&self) {
        let ledger = self.ledger();
        let integer = CounterId::new("post", 1, "views").unwrap();
        let buckets = [integer, text_owner()].map(|id| bucket_of(&id, "day:2026-11-28"));
        let claims =
            buckets.clone().map(|id| Claim { id, seq: ClaimSeq::new(5), op: ClaimOp::Add(8) });
        let mut transaction = ledger.begin(LockWait::Usual).unwrap();
        let mut claims = claims.to_vec();
        claims.sort_by(|a, b| a.id.cmp(&b.id));
        assert_eq!(transaction.upsert(&claims).unwrap(), []);
        transaction.commit().unwrap();
        let rows = ledger.baselines(&buckets).unwrap();
        assert_eq!(rows.iter().map(|row| row.count).collect::<Vec<_>>(), [8, 8]);
    }

    /// Without the table, buckets are read and written as before.
    fn assert_since_is_unknown(&self) {
        assert_eq!(self.ledger().kept(None).unwrap(), None);
        self.assert_buckets_are_kept();
        let day = self.day_of_views();
        let refused = self.ledger().write_kept(&day, KeptChange::Always).unwrap_err();
        assert!(matches!(refused, Error::NotMigrated { .. }), "{refused:?}");
    }

    /// Existing buckets are taken to have been counted always.
    fn assert_all_is_kept(&self) {
        assert_eq!(self.ledger().kept(None).unwrap(), Some(vec![self.day_of_views()]));
    }

    fn day_of_views(&self) -> Kept {
        let (owner_type, key) =
            (OwnerType::new("post").unwrap(), CounterKey::new("views").unwrap());
        Kept::counted(owner_type, key, Grain::Day, None)
    }

    /// Without their table buckets are refused, and totals are not.
    fn assert_keeps_no_buckets(&self) {
        let ledger = self.ledger();
        let bucket = bucket_of(&text_owner(), "day:2026-11-28");
        let read = ledger.baselines(std::slice::from_ref(&bucket)).unwrap_err();
        assert!(matches!(read, Error::NotMigrated { .. }), "{read:?}");
        let mut transaction = ledger.begin(LockWait::Usual).unwrap();
        let claim = Claim { id: bucket, seq: ClaimSeq::new(5), op: ClaimOp::Add(1) };
        let written = transaction.upsert(&[claim]).unwrap_err();
        assert!(matches!(written, Error::NotMigrated { .. }), "{written:?}");
        assert_eq!(ledger.baselines(&[text_owner()]).unwrap()[0].count, 1);
        // A total is refused for what is wrong with it, so the others of its batch go on.
        let mut transaction = ledger.begin(LockWait::Usual).unwrap();
        let (seq, op) = (ClaimSeq::new(6), ClaimOp::Add(i64::MAX));
        let refused = transaction.upsert(&[Claim { id: text_owner(), seq, op }]).unwrap_err();
        assert!(matches!(refused, Error::Database { .. }), "{refused:?}");
    }

    fn assert_not_migrated(&self) {
        let ledger = self.ledger();
        let integer = CounterId::new("post", 1, "views").unwrap();
        let read = ledger.baselines(std::slice::from_ref(&integer)).unwrap_err();
        assert!(matches!(read, Error::NotMigrated { .. }), "{read:?}");
        let mut transaction = ledger.begin(LockWait::Usual).unwrap();
        let claim = Claim { id: integer, seq: ClaimSeq::new(5), op: ClaimOp::Add(1) };
        let written = transaction.upsert(&[claim]).unwrap_err();
        assert!(matches!(written, Error::NotMigrated { .. }), "{written:?}");
    }
}
