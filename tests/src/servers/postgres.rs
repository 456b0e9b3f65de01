//! PostgreSQL.

use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;

use counter_diesel::{Error, postgres_pool};
use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::r2d2::{ConnectionManager, Pool};
use diesel::sql_types::{BigInt, Text};
use diesel::{Connection, PgConnection, QueryableByName, RunQueryDsl, sql_query};
use rustix::process::Signal;
use tempfile::TempDir;

use super::data;
use super::setup::{self, Durability};
use crate::database::ServerConnection;
use crate::process::wait_for;
use crate::program::Program;

/// Ends the server at once. It handles this signal also where it was started with the signal
/// ignored, and then removes what it has in shared memory, which `SIGKILL` would leave there.
const LAST_SIGNAL: Signal = Signal::QUIT;

/// A server of the tests' own, in a temporary folder, reached through a socket in it.
#[derive(Debug)]
pub struct Postgres {
    process: Option<Program>,
    durability: Durability,
    language: &'static str,
    programs: Vec<PathBuf>,
    folder: TempDir,
}

impl Postgres {
    /// Makes a server and starts it.
    pub fn new(durability: Durability) -> Self {
        Self::speaking("en", durability)
    }

    /// Makes and starts a server of release 12, which is too old to be supported.
    pub fn old(durability: Durability) -> Self {
        Self::with_programs(vec!["/opt/postgres-12/bin".into()], "en", durability)
    }

    /// Makes and starts a server whose messages are in this language, such as `de`, for all
    /// clients.
    pub fn speaking(language: &'static str, durability: Durability) -> Self {
        // Debian's package keeps them out of `PATH`.
        let versions = (13..30).rev();
        let folders = versions.map(|version| format!("/usr/lib/postgresql/{version}/bin").into());
        Self::with_programs(folders.collect(), language, durability)
    }

    fn with_programs(
        programs: Vec<PathBuf>,
        language: &'static str,
        durability: Durability,
    ) -> Self {
        let folder = setup::folder("counter-postgres-", durability);
        let mut initdb = setup::unprivileged(&program("initdb", &programs), folder.path());
        initdb.args(["-D", "data", "-U", "postgres", "-A", "trust", "--no-sync"]);
        data::make(folder.path(), initdb.args(["-E", "UTF8", "--locale=C.UTF-8"]));
        let mut server = Self { process: None, durability, language, programs, folder };
        server.start();
        server
    }

    /// Makes a copy of it that follows it, and starts that: it can be read.
    pub fn standby(&self) -> Self {
        let folder = setup::folder("counter-postgres-", self.durability);
        let copy = program("pg_basebackup", &self.programs);
        let mut copy = setup::unprivileged(&copy, folder.path());
        copy.args(["-D", "data", "-U", "postgres", "-h"]).arg(self.folder.path());
        // It waits for no checkpoint, and the copy is set up to follow.
        setup::run(copy.args(["-R", "-X", "stream", "--checkpoint=fast", "--no-sync"]));
        let programs = self.programs.clone();
        let (durability, language) = (self.durability, self.language);
        let mut standby = Self { process: None, durability, language, programs, folder };
        standby.start();
        standby
    }

    /// Starts it, after it was stopped or killed, and waits until it answers.
    pub fn start(&mut self) {
        let mut command =
            setup::unprivileged(&program("postgres", &self.programs), self.folder.path());
        command.env_remove("LC_ALL").env("LANGUAGE", self.language);
        command.args(["-D", "data", "-k"]).arg(self.folder.path());
        self.set(&mut command);
        let log = self.folder.path().join("log");
        let mut process =
            Program::start_server(&mut command, self.folder.path(), &log, LAST_SIGNAL);
        let url = self.url("postgres");
        wait_for("PostgreSQL to answer", || {
            let log = || std::fs::read_to_string(&log).unwrap_or_default();
            assert!(process.is_running(), "PostgreSQL has ended: {}", log());
            PgConnection::establish(&url).ok()
        });
        self.process = Some(process);
    }

    fn set(&self, command: &mut Command) {
        command.args(["-c", "listen_addresses=", "-c", "max_connections=300"]);
        command.args(["-c", "shared_buffers=64MB", "-c", "autovacuum=off"]);
        // In its folder, where nothing is left of it when it is killed.
        command.args(["-c", "dynamic_shared_memory_type=mmap"]);
        if self.durability == Durability::Off {
            command.args(["-c", "fsync=off", "-c", "full_page_writes=off"]);
        }
    }

    /// Asks it to end without waiting for its clients.
    pub fn stop(&mut self) {
        self.process.take().unwrap().end(Signal::INT);
    }

    /// Ends it as a crash would.
    pub fn kill(&mut self) {
        self.process.take().unwrap().kill();
    }

    /// Starts it again as a standby, which can be read and waits for a primary that never comes.
    pub fn restart_as_standby(&mut self) {
        self.stop();
        std::fs::write(self.folder.path().join("data/standby.signal"), "").unwrap();
        self.start();
    }

    /// Ends it as a crash would, copies what it has on disk, and starts it again.
    pub fn copy(&mut self) -> TempDir {
        let copy = tempfile::tempdir().expect("a folder for a copy");
        self.kill();
        data::copy(&self.folder.path().join("data"), &copy.path().join("data"));
        self.start();
        copy
    }

    /// Ends it as a crash would, and starts it with what it once had on disk.
    pub fn go_back_to(&mut self, copy: &TempDir) {
        let data = self.folder.path().join("data");
        self.kill();
        std::fs::remove_dir_all(&data).expect("its data can be removed");
        data::copy(&copy.path().join("data"), &data);
        self.start();
    }

    /// Makes it hold still.
    pub fn pause(&self) {
        self.process.as_ref().unwrap().freeze();
    }

    /// Lets it go on.
    pub fn resume(&self) {
        self.process.as_ref().unwrap().thaw();
    }

    /// The URL of a database in it.
    pub fn url(&self, database: &str) -> String {
        let folder = self.folder.path().display();
        format!("postgres:///{database}?host={folder}&user=postgres")
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    /// The socket in its folder.
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join(".s.PGSQL.5432")
    }
}

/// The URL of the server that `COUNTER_TEST_POSTGRES_URL` names, or of one that is started for this
/// process.
pub fn shared_url() -> String {
    static SERVER: LazyLock<Postgres> = LazyLock::new(|| Postgres::new(Durability::Off));
    std::env::var("COUNTER_TEST_POSTGRES_URL").unwrap_or_else(|_| SERVER.url("postgres"))
}

/// From one of these folders, or from `PATH`.
fn program(name: &str, folders: &[PathBuf]) -> PathBuf {
    setup::find_program(name, folders, "postgresql")
}

impl ServerConnection for PgConnection {
    const DROP: &'static str = "DROP DATABASE NAME WITH (FORCE)";
    const ISOLATE: &'static str = "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL";
    const PATIENCE: &'static str = "SET deadlock_timeout = '1h'";
    const IMPATIENCE: &'static str = "ALTER DATABASE NAME SET deadlock_timeout = '200ms'";
    const LOCK_TABLE: &'static str =
        "BEGIN; LOCK TABLE \"model_counters\" IN ACCESS EXCLUSIVE MODE";

    fn pool(url: &str, max_size: u32) -> Result<Pool<ConnectionManager<Self>>, Error> {
        postgres_pool(url, max_size)
    }

    fn quoting(sql: &str) -> String {
        sql.to_owned()
    }

    fn make_schema(&mut self, _database: &str) -> String {
        self.batch_execute("CREATE SCHEMA other").unwrap();
        "other".to_owned()
    }

    fn number(&mut self, sql: &str) -> i64 {
        sql_query(sql).get_result::<Number>(self).unwrap().n
    }

    fn settings(&mut self) -> Vec<String> {
        sql::<Text>("SELECT concat(name, ' ', setting) FROM pg_settings").load(self).unwrap()
    }

    fn waiting(&mut self) -> i64 {
        self.number(
            "SELECT count(*) AS n FROM pg_stat_activity \
             WHERE datname = current_database() AND wait_event_type = 'Lock'",
        )
    }

    fn end_others(&mut self) {
        self.batch_execute(
            "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity \
             WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        .unwrap();
    }
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    n: i64,
}
