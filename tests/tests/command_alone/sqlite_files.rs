//! Commands that only read a SQLite file change no byte of it, and need no right to write.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use counter_tests::command::counter;
use counter_tests::folder;
use counter_tests::program::{Program, ProgramEnd};
use counter_tests::servers::redis::shared_url;
use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use tempfile::TempDir;

/// Every command that reads the database, and what it prints first.
const READING: [(&[&str], &str); 9] = [
    (&["get", "user:1", "views"], "5\n"),
    (&["all", "user:1"], ""),
    (&["top", "user", "views"], ""),
    (&["conflicts"], "no conflicts\n"),
    (ORPHANS, "0 of 1 owners"),
    (PRUNE, "0 rows of the grain day"),
    (&["sync", "--dry-run"], ""),
    (&["migrate", "--status"], "run: "),
    (&["doctor"], "Redis "),
];

/// Days without buckets.
const PRUNE: &[&str] = &["prune", "--grain", "day", "--older-than", "90d", "--dry-run"];

/// Owners whose ids are not in a table: one of ours will do.
const ORPHANS: &[&str] =
    &["orphans", "--owner-type", "user", "--table", "model_counters", "--column", "owner_id"];

/// A folder with a database in which `user:1` has 5 views.
struct Scene {
    folder: TempDir,
    prefix: String,
}

impl Scene {
    fn new(journal_mode: &str) -> Self {
        Self::named("app.sqlite", journal_mode)
    }

    fn named(name: &str, journal_mode: &str) -> Self {
        let folder = folder::in_memory("counter-files-", 1 << 24);
        let prefix = format!("{}:", folder.path().file_name().unwrap().display());
        let scene = Self { folder, prefix };
        let file = scene.folder.path().join(name);
        for arguments in [&["migrate"][..], &["set", "user:1", "views", "5"]] {
            assert_eq!(run(&mut scene.command(&file, arguments)).code(), 0);
        }
        scene.sql(&file, &format!("PRAGMA journal_mode = {journal_mode}"));
        scene
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("app.sqlite")
    }

    fn sql(&self, file: &Path, sql: &str) {
        let mut conn = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
        conn.batch_execute(sql).unwrap();
    }

    fn command(&self, database: impl AsRef<Path>, arguments: &[&str]) -> Command {
        let mut command = counter(database.as_ref().to_str().unwrap(), &shared_url());
        command.env("COUNTER_PREFIX", &self.prefix).args(arguments);
        command
    }

    /// The bytes of every file. The index of a WAL, `-shm`, is memory that processes share.
    fn bytes(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let files = fs::read_dir(self.folder.path()).unwrap().map(|file| file.unwrap().path());
        let files = files.filter(|path| !path.to_str().unwrap().ends_with("-shm"));
        files.map(|path| (path.clone(), fs::read(path).unwrap())).collect()
    }

    /// The same files as a process leaves them that dies in the middle of this.
    fn after_death_in(journal_mode: &str, sql: &str) -> Self {
        let scene = Self::new(journal_mode);
        let copy = folder::in_memory("counter-files-", 1 << 24);
        let mut conn = SqliteConnection::establish(scene.file().to_str().unwrap()).unwrap();
        conn.batch_execute(sql).unwrap();
        for (path, bytes) in scene.bytes() {
            fs::write(copy.path().join(path.file_name().unwrap()), bytes).unwrap();
        }
        Self { folder: copy, prefix: scene.prefix.clone() }
    }
}

/// A folder that may not be written to, as on a medium that is read-only.
struct ReadOnly<'a>(&'a Scene);

impl<'a> ReadOnly<'a> {
    fn new(scene: &'a Scene) -> Self {
        let read_only = Self(scene);
        for file in scene.bytes().keys() {
            fs::set_permissions(file, Permissions::from_mode(0o444)).unwrap();
        }
        read_only.set_mode(0o555);
        read_only
    }

    fn set_mode(&self, mode: u32) {
        fs::set_permissions(self.0.folder.path(), Permissions::from_mode(mode)).unwrap();
    }

    /// Runs the command without the capability to write everywhere, if this is root.
    fn run(&self, arguments: &[&str]) -> ProgramEnd {
        let command = self.0.command(self.0.file(), arguments);
        if self.0.folder.path().metadata().unwrap().uid() != 0 {
            return run(&mut { command });
        }
        let mut bound = Command::new("/usr/bin/setpriv");
        bound.args(["--inh-caps=-all", "--bounding-set=-dac_override,-dac_read_search,-fowner"]);
        bound.arg(command.get_program()).args(command.get_args()).env_clear().current_dir("/");
        run(bound.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?)))))
    }
}

impl Drop for ReadOnly<'_> {
    fn drop(&mut self) {
        self.set_mode(0o755);
    }
}

fn run(command: &mut Command) -> ProgramEnd {
    Program::start(command).finish()
}

fn assert_reads(ended: &ProgramEnd, arguments: &[&str], starts_with: &str) {
    assert_eq!((ended.code(), ended.errors.as_str()), (0, ""), "{arguments:?} {ended:?}");
    assert!(ended.output.starts_with(starts_with), "{arguments:?} {ended:?}");
}

#[test]
fn what_reads_changes_no_byte() {
    for journal_mode in ["DELETE", "WAL"] {
        let scene = Scene::new(journal_mode);
        let mut before = scene.bytes();
        assert_eq!(before.len(), 1, "the database alone");
        for (arguments, output) in READING {
            assert_reads(&run(&mut scene.command(scene.file(), arguments)), arguments, output);
            let mut after = scene.bytes();
            // An empty file is made if there is none, because others may write meanwhile.
            after.retain(|_, bytes| !bytes.is_empty());
            assert!(after == before, "{journal_mode} {arguments:?}");
        }
        scene.sql(&scene.file(), "PRAGMA user_version = 1");
        before.retain(|_, bytes| !bytes.is_empty());
        assert!(scene.bytes() != before, "a change is seen");
    }
}

#[test]
fn commits_that_a_process_left_in_its_wal_are_read_where_they_are() {
    let scene = Scene::after_death_in("WAL", "UPDATE model_counters SET count = 6");
    let before = scene.bytes();
    assert_eq!(before.len(), 2, "the database and its WAL");
    for (arguments, output) in READING {
        let output = if arguments[0] == "get" { "6\n" } else { output };
        assert_reads(&run(&mut scene.command(scene.file(), arguments)), arguments, output);
        assert!(scene.bytes() == before, "{arguments:?}");
    }
}

#[test]
fn what_reads_needs_no_right_to_write() {
    for journal_mode in ["DELETE", "WAL"] {
        let scene = Scene::new(journal_mode);
        let before = scene.bytes();
        let read_only = ReadOnly::new(&scene);
        for (arguments, output) in READING.iter().filter(|(name, _)| *name != ["doctor"]) {
            assert_reads(&read_only.run(arguments), arguments, output);
        }
        let ended = read_only.run(&["doctor"]);
        assert_eq!((ended.code(), ended.errors.as_str()), (1, ""), "{ended:?}");
        assert!(ended.output.contains("error database-refuses-writes"), "{ended:?}");
        assert_eq!(read_only.run(&["increment", "user:1", "views"]).code(), 0);
        assert_ne!(read_only.run(&["sync"]).code(), 0, "{journal_mode}");
        assert!(scene.bytes() == before, "{journal_mode}");
    }
}

#[test]
fn a_wal_that_cannot_be_read_is_not_left_out() {
    let scene = Scene::after_death_in("WAL", "UPDATE model_counters SET count = 6");
    let read_only = ReadOnly::new(&scene);
    for (arguments, _) in READING {
        let ended = read_only.run(arguments);
        assert_eq!(ended.code(), 3, "{arguments:?} {ended:?}");
        let said = format!("{}{}", ended.output, ended.errors);
        assert!(said.contains("the commits in the -wal file beside it cannot be read"), "{said}");
        assert!(said.contains("or on a copy of both files"), "{said}");
    }
}

#[test]
fn a_write_that_was_not_finished_is_not_taken_for_one_that_was() {
    let unfinished = "PRAGMA cache_size = 2; CREATE TABLE big (bytes BLOB); BEGIN; \
                      UPDATE model_counters SET count = 6; \
                      INSERT INTO big WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 \
                      FROM n WHERE i < 200) SELECT randomblob(4000) FROM n";
    let scene = Scene::after_death_in("DELETE", unfinished);
    let before = scene.bytes();
    assert_eq!(before.len(), 2, "the database and its journal");
    for (arguments, _) in READING {
        let ended = run(&mut scene.command(scene.file(), arguments));
        assert_eq!(ended.code(), 3, "{arguments:?} {ended:?}");
        let said = format!("{}{}", ended.output, ended.errors);
        assert!(said.contains("a write was not finished"), "{said}");
    }
    assert!(scene.bytes() == before);
    assert_eq!(run(&mut scene.command(scene.file(), &["migrate"])).code(), 0);
    let ended = run(&mut scene.command(scene.file(), &["get", "user:1", "views"]));
    assert_eq!(ended.output, "5\n", "{ended:?}");
}

#[test]
fn any_name_of_a_file_is_one_in_a_path_and_in_a_uri() {
    let name = "a b?c#d%41&e=:memory:\u{e4}.sqlite";
    let encoded = "a%20b%3Fc%23d%2541%26e%3D%3Amemory%3A%C3%A4.sqlite";
    let scene = Scene::named(name, "DELETE");
    let folder = scene.folder.path().to_str().unwrap();
    let before = scene.bytes().into_keys().collect::<Vec<_>>();
    for url in [
        format!("{folder}/{name}"),
        format!("/{folder}/{name}"),
        format!("file:{folder}/{encoded}"),
        format!("file://{folder}/{encoded}?mode=rwc#x"),
        format!("file://localhost{folder}/{encoded}"),
        format!("sqlite://{folder}/{encoded}?mode=rw&cache=private"),
    ] {
        for (arguments, output) in READING {
            assert_reads(&run(&mut scene.command(&url, arguments)), arguments, output);
        }
        let ended = run(&mut scene.command(&url, &["set", "user:1", "views", "5"]));
        assert_eq!(ended.code(), 0, "{url} {ended:?}");
        scene.sql(&scene.folder.path().join(name), "PRAGMA journal_mode = DELETE");
        assert_eq!(scene.bytes().into_keys().collect::<Vec<_>>(), before, "{url}");
    }
}

#[test]
fn what_reads_makes_no_file() {
    let scene = Scene::new("DELETE");
    let folder = scene.folder.path().to_str().unwrap();
    let before = scene.bytes();
    for url in [
        format!("{folder}/other.sqlite"),
        format!("{}?mode=rwc", scene.file().display()),
        format!("file:{folder}/other%2Esqlite?mode=rwc"),
        format!("sqlite://{folder}/other.sqlite?mode=rwc"),
        format!("file:{folder}/other.sqlite?mode=memory"),
        "sqlite://".to_owned(),
        "file:".to_owned(),
        ":memory:".to_owned(),
        "file::memory:".to_owned(),
    ] {
        for (arguments, _) in READING.iter().chain([&(&["sync"][..], "")]) {
            let ended = run(scene.command(&url, arguments).current_dir(folder));
            assert_eq!((ended.code(), ended.output.as_str()), (2, ""), "{url} {ended:?}");
            assert!(ended.errors.contains("there is no database file"), "{url} {ended:?}");
        }
    }
    assert!(scene.bytes() == before);
}
