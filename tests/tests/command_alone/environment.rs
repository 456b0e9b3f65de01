use std::fs;
use std::process::Command;

use counter_tests::command::shared_pairs;
use counter_tests::fixtures::user;
use counter_tests::program::{Program, ProgramEnd};
use counter_tests::servers::redis::{bare, shared_url};
use counter_tests::world::World;

fn world() -> World {
    let (_, make) = shared_pairs()[0];
    make()
}

fn run(command: &mut Command) -> ProgramEnd {
    Program::start(command).finish()
}

#[test]
fn flags_win_over_the_environment_and_that_over_a_file_in_this_folder_or_above() {
    let world = world();
    let folder = tempfile::tempdir().unwrap();
    let below = folder.path().join("below");
    fs::create_dir(&below).unwrap();
    let prefix = |from: &str| format!("{}{from}:", world.prefix);
    fs::write(folder.path().join(".env"), format!("COUNTER_PREFIX={}\n", prefix("file"))).unwrap();
    let counted = |from: &str| {
        let name = format!("{}user:1:views", prefix(from));
        redis::cmd("GET").arg(name).query::<Option<i64>>(&mut bare(&shared_url())).unwrap()
    };
    for (place, is_set, is_flag) in
        [("file", false, false), ("environment", true, false), ("flag", true, true)]
    {
        let mut command = world.command();
        command.env_remove("COUNTER_PREFIX").current_dir(&below);
        command.args(["increment", "user:1", "views"]);
        if is_set {
            command.env("COUNTER_PREFIX", prefix("environment"));
        }
        if is_flag {
            command.args(["--prefix", &prefix("flag")]);
        }
        assert_eq!(counted(place), None);
        assert_eq!(run(&mut command).code(), 0);
        assert_eq!(counted(place), Some(1));
    }
    assert_eq!(counted("file"), Some(1));
}

#[test]
fn urls_come_from_a_file_too_and_an_empty_variable_is_none() {
    let world = world();
    world.counters().set(user(1), "views", 5).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let urls = [("DATABASE_URL", world.database.url()), ("REDIS_URL", shared_url())];
    let lines = urls.iter().map(|(name, url)| format!("export {name}='{url}'\n"));
    fs::write(folder.path().join(".env"), lines.collect::<String>()).unwrap();
    let mut command = world.command();
    command.env_remove("DATABASE_URL").env_remove("REDIS_URL").current_dir(folder.path());
    command.args(["get", "user:1", "views"]);
    assert_eq!(run(&mut command).output, "5\n");
    let ended = run(world.command().env("DATABASE_URL", "").args(["get", "user:1", "views"]));
    let expected = "counter: no database is given; set DATABASE_URL, or pass --database-url\n";
    assert_eq!((ended.code(), ended.errors.as_str()), (2, expected));
    let ended = run(world.command().env("REDIS_URL", "").args(["get", "user:1", "views"]));
    let expected = "counter: no store is given; set REDIS_URL, or pass --redis-url\n";
    assert_eq!((ended.code(), ended.errors.as_str()), (2, expected));
}

#[test]
fn a_wrong_setting_is_named_with_where_it_is_from_unless_a_flag_replaces_it() {
    let world = world();
    for (variable, value, flag) in [
        ("COUNTER_PREFIX", "no colon", "--prefix=x:"),
        ("COUNTER_TABLE_NAME", "a-b", "--table-name=model_counters"),
        ("COUNTER_STORE", "disk", "--store=redis"),
        ("COUNTER_PREPARED_STATEMENTS", "no", "--prepared-statements=off"),
    ] {
        let mut command = world.command();
        command.env(variable, value).args(["get", "user:1", "views"]);
        let ended = run(&mut command);
        assert_eq!((ended.code(), ended.errors.lines().count()), (2, 1), "{ended:?}");
        assert!(ended.errors.contains(variable), "{ended:?}");
        assert_eq!(run(command.arg(flag)).code(), 0);
    }
    let ended = run(world.command().env("COUNTER_SYNC_BATCH_SIZE", "0").arg("sync"));
    assert!(ended.code() == 2 && ended.errors.contains("COUNTER_SYNC_BATCH_SIZE"), "{ended:?}");
    for (zone, code) in [("Europe/Berlin", 0), ("Mars/Olympus", 2)] {
        let ended = run(world.command().env("COUNTER_ZONE", zone).arg("sync"));
        assert_eq!(ended.code(), code, "{ended:?}");
    }
}

#[test]
fn a_misspelt_database_file_is_not_made() {
    let world = world();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("app.sqlite");
    for arguments in [&["sync"][..], &["get", "user:1", "views"], &["migrate", "--status"]] {
        let mut command = world.command();
        let ended = run(command.env("DATABASE_URL", &file).args(arguments));
        assert_eq!(ended.code(), 2, "{ended:?}");
        assert!(ended.errors.contains("there is no database file"), "{ended:?}");
        assert!(!file.exists());
    }
    for url in [file.display().to_string(), format!("sqlite://{}", file.display())] {
        assert_eq!(run(world.command().env("DATABASE_URL", url).arg("migrate")).code(), 0);
        assert!(file.exists());
    }
}

#[test]
fn wrong_usage_has_its_own_code() {
    let world = world();
    for arguments in [
        &[][..],
        &["nothing"],
        &["get"],
        &["get", "user", "views"],
        &["get", "user:1"],
        &["set", "user:1", "views", "many"],
        &["top", "user"],
        &["top", "user:1", "views"],
        &["top", "user", "views", "-n", "0"],
        &["conflicts", "ignore"],
        &["conflicts", "--store", "memory"],
        &["delete", "user:1"],
        &["delete", "user:1", "views", "--all"],
        &["merge", "user:1"],
        &["merge", "user:1", "user:2", "--store", "memory"],
        &["rename-type", "user:1", "person"],
        &["orphans", "--owner-type", "user"],
        &["prune", "--grain", "day"],
        &["prune", "--grain", "minute", "--older-than", "90d"],
        &["prune", "--grain", "day", "--older-than", "90"],
        &["prune", "--grain", "day", "--older-than", "3m"],
        &["doctor", "all"],
        &["sync", "--batch-size", "0"],
        &["sync", "--pattern", "user:["],
        &["sync", "--watch", "0s"],
        &["sync", "--watch", "1s", "--dry-run"],
        &["migrate", "--status", "--copy", "/tmp"],
    ] {
        let ended = run(world.command().args(arguments));
        assert_eq!((ended.code(), ended.output.as_str()), (2, ""), "{arguments:?} {ended:?}");
        assert!(!ended.errors.is_empty(), "{arguments:?}");
    }
    let ended = run(world.command().env("DATABASE_URL", "oracle://h/d").arg("sync"));
    assert!(ended.code() == 2 && ended.errors.contains("postgres://"), "{ended:?}");
    let ended = run(world.command().args(["get", "\u{1b}[31muser", "views"]));
    assert!(ended.code() == 2 && !ended.errors.contains('\u{1b}'), "{ended:?}");
}
