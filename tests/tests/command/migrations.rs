use std::fs;
use std::path::Path;

use counter_tests::database::connect_patiently;
use counter_tests::fixtures::user;
use counter_tests::suite::Case;
use counter_tests::world::World;
use diesel::{Connection, MysqlConnection, PgConnection, SqliteConnection};
use diesel_migrations::{FileBasedMigrations, MigrationHarness};
use serde_json::json;

const NAMES: [&str; 4] = [
    "2026-01-01-000000_create_model_counters",
    "2026-11-29-000000_add_owner_key",
    "2026-11-30-000000_create_model_counters_periods",
    "2026-11-30-010000_create_model_counters_kept",
];

/// A line for each migration.
fn all(state: &str) -> String {
    NAMES.map(|name| format!("{state}: {name}\n")).concat()
}

pub(super) const CASES: &[Case<World>] = &[
    ("migrations are run once and their status is shown", |world| {
        world.drop_tables();
        let ended = world.run(&["migrate", "--status"]);
        assert_eq!((ended.code(), ended.output), (1, all("pending")));
        assert_eq!(world.output_of(&["migrate"]), all("run"));
        assert_eq!(world.output_of(&["migrate"]), "the tables of model_counters are up to date\n");
        assert_eq!(world.output_of(&["migrate", "--status"]), all("run"));
        let status = world.json_of(&["migrate", "--status"]);
        assert_eq!(
            status["migrations"],
            json!(NAMES.map(|name| json!({ "name": name, "state": "run" })))
        );
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
    ("a migration that was begun and not finished is pending, not the application's", |world| {
        let is_pending = || {
            let ended = world.run(&["migrate", "--status"]);
            assert_eq!((ended.code(), ended.output), (1, all("pending")));
        };
        world.database.execute("DELETE FROM model_counters_migrations").unwrap();
        is_pending();
        world.database.execute("DROP TABLE model_counters_migrations").unwrap();
        assert_eq!(world.output_of(&["migrate", "--status"]), all("by-application"));
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
        assert_eq!(named(&["migrate"]), all("run"));
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
        let names = names_in(folder.path());
        let lines = names.iter().map(|name| format!("written: {path}/{name}\n"));
        assert_eq!(written, lines.collect::<String>());
        for (name, ours) in names.iter().zip(NAMES) {
            assert_eq!(name.split_once('_').unwrap().1, ours.split_once('_').unwrap().1);
        }
        run_by_diesel(&world.database.url(), folder.path(), 4);
        let status = world.output_of(&[&["migrate", "--status"][..], &table].concat());
        assert_eq!(status, all("by-application"));
        let ended = world.run(&[&["migrate"][..], &table].concat());
        let nothing = "nothing to run: the application's own migrations made the tables of hits\n";
        assert_eq!((ended.code(), ended.output.as_str(), ended.errors.as_str()), (0, nothing, ""));
        world.output_of(&[&["set", "user:1", "views", "5"][..], &table].concat());
        world.output_of(&[&["sync"][..], &table].concat());
        revert_by_diesel(&world.database.url(), folder.path());
        assert_eq!(world.run(&[&["migrate", "--status"][..], &table].concat()).code(), 1);
    }),
    ("a copy is newer than all that is there, so all are run and it is reverted first", |world| {
        for newest in ["2026-01-01-000000_init", "2087-03-01-120000_init"] {
            world.drop_tables();
            let folder = tempfile::tempdir().unwrap();
            let own = folder.path().join(newest);
            fs::create_dir(&own).unwrap();
            fs::write(own.join("up.sql"), "CREATE TABLE posts (id INTEGER PRIMARY KEY)").unwrap();
            fs::write(own.join("down.sql"), "DROP TABLE posts").unwrap();
            world.output_of(&["migrate", "--copy", folder.path().to_str().unwrap()]);
            run_by_diesel(&world.database.url(), folder.path(), 5);
            world.database.execute("SELECT id FROM posts").unwrap();
            assert_eq!(world.output_of(&["migrate", "--status"]), all("by-application"));
            for _ in NAMES {
                revert_by_diesel(&world.database.url(), folder.path());
                assert_eq!(world.run(&["migrate", "--status"]).code(), 1);
            }
            world.database.execute("DROP TABLE posts").unwrap();
            world.database.execute("DROP TABLE __diesel_schema_migrations").unwrap();
            world.output_of(&["migrate"]);
        }
    }),
    ("a copy that could not be newer is refused", |world| {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("init")).unwrap();
        let ended = world.run(&["migrate", "--copy", folder.path().to_str().unwrap()]);
        assert_eq!(ended.code(), 2, "{ended:?}");
        assert!(ended.errors.contains("no date comes after the version of"), "{ended:?}");
        assert_eq!(names_in(folder.path()), ["init"]);
    }),
    ("what an earlier version has copied is not copied again, and what is new is", |world| {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join(NAMES[0])).unwrap();
        world.output_of(&["migrate", "--copy", folder.path().to_str().unwrap()]);
        let [first, second, third, fourth] = names_in(folder.path()).try_into().unwrap();
        assert_eq!(first, NAMES[0]);
        assert!(second.ends_with("_add_owner_key"), "{second}");
        assert!(third.ends_with("_create_model_counters_periods"), "{third}");
        assert!(fourth.ends_with("_create_model_counters_kept"), "{fourth}");
    }),
    ("copying overwrites nothing and makes no folder by mistake", |world| {
        let folder = tempfile::tempdir().unwrap();
        // Copied by an earlier version, which dated them otherwise.
        let [taken, ..] = NAMES.map(|name| {
            let taken = folder.path().join(name);
            fs::create_dir(&taken).unwrap();
            fs::write(taken.join("up.sql"), "mine").unwrap();
            taken
        });
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

/// The folders in a folder, in order.
fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names = names.collect::<Vec<_>>();
    names.sort();
    names
}

/// Runs all pending migrations, of which there must be this many, as `diesel migration run` does.
fn run_by_diesel(url: &str, folder: &Path, count: usize) {
    with_harness(url, folder, Some(count));
}

/// Reverts the newest, which must be the one that was copied, as `diesel migration revert` does.
fn revert_by_diesel(url: &str, folder: &Path) {
    with_harness(url, folder, None);
}

fn with_harness(url: &str, folder: &Path, pending: Option<usize>) {
    let migrations = FileBasedMigrations::from_path(folder).unwrap();
    match url.split("://").next().unwrap() {
        "postgres" => turn::<PgConnection>(url, migrations, pending),
        "mysql" => turn::<MysqlConnection>(url, migrations, pending),
        _ => turn::<SqliteConnection>(url, migrations, pending),
    }
}

fn turn<C>(url: &str, migrations: FileBasedMigrations, pending: Option<usize>)
where
    C: Connection + MigrationHarness<C::Backend>,
{
    let mut conn = connect_patiently::<C>(url);
    match pending {
        Some(count) => {
            assert_eq!(conn.run_pending_migrations(migrations).unwrap().len(), count);
        }
        None => {
            conn.revert_last_migration(migrations).unwrap();
        }
    }
}
