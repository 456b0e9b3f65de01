use std::fs;
use std::path::Path;

use counter_tests::fixtures::user;
use counter_tests::suite::Case;
use counter_tests::world::World;
use diesel::{Connection, MysqlConnection, PgConnection, SqliteConnection};
use diesel_migrations::{FileBasedMigrations, MigrationHarness};
use serde_json::json;

const NAME: &str = "2026-01-01-000000_create_model_counters";

pub(super) const CASES: &[Case<World>] = &[
    ("migrations are run once and their status is told", |world| {
        world.drop_tables();
        let ended = world.run(&["migrate", "--status"]);
        assert_eq!((ended.code(), ended.output), (1, format!("pending: {NAME}\n")));
        assert_eq!(world.output_of(&["migrate"]), format!("run: {NAME}\n"));
        assert_eq!(world.output_of(&["migrate"]), "the tables of model_counters are up to date\n");
        assert_eq!(world.output_of(&["migrate", "--status"]), format!("run: {NAME}\n"));
        let status = world.json_of(&["migrate", "--status"]);
        assert_eq!(status["migrations"], json!([{ "name": NAME, "state": "run" }]));
        assert_eq!(world.json_of(&["migrate"])["run"], json!([]));
        world.output_of(&["increment", "user:1", "views"]);
        world.output_of(&["sync"]);
        assert_eq!(world.counters().baseline(user(1), "views").unwrap(), 1);
    }),
    ("asking for the status makes no table", |world| {
        world.drop_tables();
        world.run(&["migrate", "--status"]);
        let makes = "CREATE TABLE model_counters_migrations (name INTEGER)";
        world.database.execute(makes).unwrap();
    }),
    ("a migration that was begun and not finished is pending, not copied", |world| {
        let is_pending = || {
            let ended = world.run(&["migrate", "--status"]);
            assert_eq!((ended.code(), ended.output), (1, format!("pending: {NAME}\n")));
        };
        world.database.execute("DELETE FROM model_counters_migrations").unwrap();
        is_pending();
        world.database.execute("DROP TABLE model_counters_migrations").unwrap();
        assert_eq!(world.output_of(&["migrate", "--status"]), format!("copied: {NAME}\n"));
        world.database.execute("DROP TABLE model_counters_state").unwrap();
        is_pending();
    }),
    ("migrating needs no store", |world| {
        world.drop_tables();
        let mut command = world.command();
        let output = command.env_remove("REDIS_URL").arg("migrate").output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }),
    ("a table of another name is made and used", |world| {
        let named =
            |arguments: &[&str]| world.output_of(&[arguments, &["--table-name", "hits"]].concat());
        assert_eq!(named(&["migrate"]), format!("run: {NAME}\n"));
        named(&["set", "user:1", "views", "5"]);
        assert_eq!(named(&["all", "user:1"]), "5  views\n");
        assert_eq!(world.output_of(&["all", "user:1"]), "");
    }),
    ("copied migrations are run and reverted by diesel's own", |world| {
        world.drop_tables();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_str().unwrap();
        let table = ["--table-name", "hits"];
        let copy = [&["migrate", "--copy", path][..], &table].concat();
        let written = world.output_of(&copy);
        assert_eq!(written, format!("written: {path}/{NAME}\n"));
        run_by_diesel(&world.database.url(), folder.path());
        let status = world.output_of(&[&["migrate", "--status"][..], &table].concat());
        assert_eq!(status, format!("copied: {NAME}\n"));
        world.output_of(&[&["set", "user:1", "views", "5"][..], &table].concat());
        world.output_of(&[&["sync"][..], &table].concat());
        revert_by_diesel(&world.database.url(), folder.path());
        assert_eq!(world.run(&[&["migrate", "--status"][..], &table].concat()).code(), 1);
    }),
    ("copying overwrites nothing and makes no folder by mistake", |world| {
        let folder = tempfile::tempdir().unwrap();
        let taken = folder.path().join(NAME);
        fs::create_dir(&taken).unwrap();
        fs::write(taken.join("up.sql"), "mine").unwrap();
        let ended = world.run(&["migrate", "--copy", folder.path().to_str().unwrap()]);
        assert_eq!(ended.code(), 2, "{ended:?}");
        assert!(ended.errors.contains("there already is"), "{ended:?}");
        assert_eq!(fs::read_to_string(taken.join("up.sql")).unwrap(), "mine");
        assert_eq!(fs::read_dir(&taken).unwrap().count(), 1);
        let missing = folder.path().join("missing");
        let ended = world.run(&["migrate", "--copy", missing.to_str().unwrap()]);
        assert_eq!(ended.code(), 2, "{ended:?}");
        assert!(ended.errors.contains("there is no folder") && !missing.exists(), "{ended:?}");
    }),
];

fn run_by_diesel(url: &str, folder: &Path) {
    with_harness(url, folder, true);
}

fn revert_by_diesel(url: &str, folder: &Path) {
    with_harness(url, folder, false);
}

fn with_harness(url: &str, folder: &Path, is_up: bool) {
    let migrations = FileBasedMigrations::from_path(folder).unwrap();
    match url.split("://").next().unwrap() {
        "postgres" => turn(PgConnection::establish(url), migrations, is_up),
        "mysql" => turn(MysqlConnection::establish(url), migrations, is_up),
        _ => turn(SqliteConnection::establish(url), migrations, is_up),
    }
}

fn turn<C>(conn: diesel::ConnectionResult<C>, migrations: FileBasedMigrations, is_up: bool)
where
    C: Connection + MigrationHarness<C::Backend>,
{
    let mut conn = conn.unwrap();
    if is_up {
        assert_eq!(conn.run_pending_migrations(migrations).unwrap().len(), 1);
    } else {
        assert_eq!(conn.revert_all_migrations(migrations).unwrap().len(), 1);
    }
}
