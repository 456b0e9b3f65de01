//! MariaDB, and MySQL in its place.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use counter_diesel::{Error, mysql_pool};
use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::r2d2::{ConnectionManager, Pool};
use diesel::sql_types::{BigInt, Text};
use diesel::{Connection, MysqlConnection, QueryableByName, RunQueryDsl, sql_query};
use rustix::process::Signal;
use tempfile::TempDir;

use super::data;
use super::setup::{self, Durability};
use crate::database::ServerConnection;
use crate::process::wait_for;
use crate::program::Program;

/// Ends the server at once. It leaves nothing outside of its folder.
const LAST_SIGNAL: Signal = Signal::KILL;

/// A server of the tests' own, in a temporary folder, reached through a socket in it.
///
/// It is MySQL if the folder that `COUNTER_TEST_SERVERS` names has a `mysqld`.
#[derive(Debug)]
pub struct MariaDb {
    process: Option<Program>,
    durability: Durability,
    options: Vec<String>,
    folder: TempDir,
}

impl MariaDb {
    /// Makes a server and starts it.
    pub fn new(durability: Durability) -> Self {
        Self::with_options(durability, &[])
    }

    /// Makes and starts a server with further options, such as `--innodb-doublewrite=0`.
    pub fn with_options(durability: Durability, options: &[&str]) -> Self {
        let folder = setup::folder("counter-mariadb-", durability);
        let mut install = install(&folder);
        if is_mysql() {
            // It keeps how it writes names.
            install.args(options.iter().filter(|option| option.starts_with("--lower-case")));
        }
        data::make(folder.path(), &mut install);
        // MySQL makes a new one, so that two servers can replicate. MariaDB has none.
        let _ = std::fs::remove_file(folder.path().join("data/auto.cnf"));
        let options = options.iter().map(|&option| option.to_owned()).collect();
        let mut server = Self { process: None, durability, options, folder };
        server.start();
        server
    }

    /// Starts it, after it was stopped or killed, and waits until it answers.
    pub fn start(&mut self) {
        let mut command = server(&self.folder);
        command.args(["--pid-file=pid", "--skip-networking"]);
        command.arg(format!("--socket={}", self.socket().display()));
        self.set(&mut command);
        let log = self.folder.path().join("log");
        let mut process =
            Program::start_server(&mut command, self.folder.path(), &log, LAST_SIGNAL);
        let url = self.url("mysql");
        wait_for("MariaDB to answer", || {
            let log = || std::fs::read_to_string(&log).unwrap_or_default();
            assert!(process.is_running(), "MariaDB has ended: {}", log());
            MysqlConnection::establish(&url).ok()
        });
        self.process = Some(process);
    }

    fn set(&self, command: &mut Command) {
        command.args(["--max-connections=300", "--skip-log-bin"]);
        command.arg("--innodb-buffer-pool-size=64M");
        command.arg(if is_mysql() {
            "--innodb-redo-log-capacity=32M"
        } else {
            "--innodb-log-file-size=32M"
        });
        if self.durability == Durability::Off {
            command.args(["--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=0"]);
            command.arg("--innodb-flush-method=nosync");
        }
        command.args(&self.options);
    }

    /// Asks it to end without waiting for its clients.
    pub fn stop(&mut self) {
        self.process.take().unwrap().end(Signal::TERM);
    }

    /// Ends it as a crash would.
    pub fn kill(&mut self) {
        self.process.take().unwrap().kill();
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
        let socket = self.socket();
        format!("mysql://root@localhost/{database}?unix_socket={}", socket.display())
    }

    /// The socket in its folder.
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }
}

/// The URL of the server that `COUNTER_TEST_MYSQL_URL` names, or of one that is started for this
/// process.
pub fn shared_url() -> String {
    static SERVER: LazyLock<MariaDb> = LazyLock::new(|| MariaDb::new(Durability::Off));
    std::env::var("COUNTER_TEST_MYSQL_URL").unwrap_or_else(|_| SERVER.url("mysql"))
}

/// Whether the server is MySQL.
pub fn is_mysql() -> bool {
    setup::preferred_program("mysqld").is_some()
}

/// The command that makes the data folder. The user `root` needs no password.
fn install(folder: &TempDir) -> Command {
    if is_mysql() {
        let mut install = server(folder);
        install.args(["--initialize-insecure", "--innodb-flush-method=nosync"]);
        return install;
    }
    let mut install = command("mariadb-install-db", folder);
    install.args(["--auth-root-authentication-method=normal", "--skip-test-db"]);
    install.args(["--skip-name-resolve", "--skip-log-bin"]);
    install
}

fn server(folder: &TempDir) -> Command {
    if is_mysql() {
        let mut server = command("mysqld", folder);
        server.args(["--mysqlx=OFF", "--secure-file-priv=NULL", "--skip-log-bin"]);
        return server;
    }
    command("mariadbd", folder)
}

/// No settings from this machine's files; they would be for another server.
fn command(name: &str, folder: &TempDir) -> Command {
    let program = setup::find_program(name, &["/usr/sbin".into()], "mariadb-server");
    let mut command = setup::unprivileged(&program, folder.path());
    // A server that starts removes what others have left in the folder for temporary tables.
    command.env("TMPDIR", folder.path());
    let data = folder.path().join("data").display().to_string();
    command.args(["--no-defaults".to_owned(), format!("--datadir={data}")]);
    if let Some(program) = setup::preferred_program(name) {
        // Its messages and scripts are in a folder beside it, not where the installed server has
        // them.
        let programs = program.parent().and_then(Path::parent).expect("it is in a folder");
        command.arg(format!("--basedir={}", programs.join("usr").display()));
    }
    command
}

impl ServerConnection for MysqlConnection {
    const DROP: &'static str = "DROP DATABASE NAME; DROP DATABASE IF EXISTS NAME_other";
    const ISOLATE: &'static str = "SET SESSION TRANSACTION ISOLATION LEVEL";
    const PATIENCE: &'static str = "SELECT 1";
    const IMPATIENCE: &'static str = "SELECT 1";
    const LOCK_TABLE: &'static str = "LOCK TABLES \"model_counters\" WRITE";

    fn pool(url: &str, max_size: u32) -> Result<Pool<ConnectionManager<Self>>, Error> {
        mysql_pool(url, max_size)
    }

    fn quoting(sql: &str) -> String {
        sql.replace('"', "`")
    }

    fn make_schema(&mut self, database: &str) -> String {
        let schema = format!("{database}_other");
        self.batch_execute(&format!("CREATE DATABASE {schema}")).unwrap();
        schema
    }

    fn number(&mut self, sql: &str) -> i64 {
        sql_query(sql).get_result::<Number>(self).unwrap().n
    }

    fn settings(&mut self) -> Vec<String> {
        let settings = "SELECT CONCAT(VARIABLE_NAME, ' ', COALESCE(VARIABLE_VALUE, '')) FROM \
                        /*M! information_schema.session_variables */ \
                        /*!80001 performance_schema.session_variables */ \
                        WHERE VARIABLE_NAME NOT IN ('timestamp', 'error_count', 'warning_count', \
                        'last_insert_id', 'identity', 'insert_id', 'rand_seed1', 'rand_seed2', \
                        'statement_id')";
        sql::<Text>(settings).load(self).unwrap()
    }

    fn waiting(&mut self) -> i64 {
        // What is known of transactions is made anew only if it was not read for a tenth of a
        // second.
        self.number(
            "SELECT COUNT(*) AS n FROM (SELECT SLEEP(0.15)) AS pause, \
             information_schema.processlist AS p JOIN information_schema.innodb_trx AS t \
             ON t.trx_mysql_thread_id = p.id \
             WHERE p.db = DATABASE() AND t.trx_state = 'LOCK WAIT'",
        )
    }

    fn end_others(&mut self) {
        let others = sql_query(
            "SELECT CAST(id AS SIGNED) AS n FROM information_schema.processlist \
             WHERE db = DATABASE() AND id <> CONNECTION_ID()",
        );
        for other in others.load::<Number>(self).unwrap() {
            // One that has ended by itself in the meantime is unknown.
            let _ = self.batch_execute(&format!("KILL {}", other.n));
            // A pool may be opening another in its place already.
            let left = "SELECT COUNT(*) AS n FROM information_schema.processlist WHERE id";
            wait_for("a connection to end", || {
                (self.number(&format!("{left} = {}", other.n)) == 0).then_some(())
            });
        }
    }
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    n: i64,
}
