//! MariaDB.

use std::process::Command;
use std::sync::LazyLock;

use diesel::{Connection, MysqlConnection};
use tempfile::TempDir;

use crate::process::{self, Durability, Process};

/// A server of the tests' own, in a temporary folder, reached through a socket in it.
#[derive(Debug)]
pub struct MariaDb {
    process: Option<Process>,
    durability: Durability,
    folder: TempDir,
}

impl MariaDb {
    /// Makes a server and starts it.
    pub fn new(durability: Durability) -> Self {
        let folder = process::folder("counter-mariadb-");
        let mut install = command("mariadb-install-db", &folder);
        install.args(["--auth-root-authentication-method=normal", "--skip-test-db"]);
        process::run(install.args(["--skip-name-resolve", "--skip-log-bin"]));
        let mut server = Self { process: None, durability, folder };
        server.start();
        server
    }

    /// Starts it, after it was stopped or killed, and waits until it answers.
    pub fn start(&mut self) {
        let mut command = command("mariadbd", &self.folder);
        command.args(["--pid-file=pid", "--skip-networking"]);
        command.arg(format!("--socket={}", self.socket()));
        self.set(&mut command);
        let log = self.folder.path().join("log");
        let mut process = Process::start(&mut command, self.folder.path(), &log);
        let url = self.url("mysql");
        process::wait_for("MariaDB to answer", || {
            let log = || std::fs::read_to_string(&log).unwrap_or_default();
            assert!(process.is_running(), "MariaDB has ended: {}", log());
            MysqlConnection::establish(&url).ok()
        });
        self.process = Some(process);
    }

    fn set(&self, command: &mut Command) {
        command.args(["--max-connections=300", "--skip-log-bin"]);
        command.args(["--innodb-buffer-pool-size=64M", "--innodb-log-file-size=32M"]);
        if self.durability == Durability::Off {
            command.args(["--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=0"]);
            command.arg("--innodb-flush-method=nosync");
        }
    }

    /// Asks it to end without waiting for its clients.
    pub fn stop(&mut self) {
        self.process.take().unwrap().end("TERM");
    }

    /// Ends it as a crash would.
    pub fn kill(&mut self) {
        self.process.take().unwrap().kill();
    }

    /// Makes it hold still.
    pub fn pause(&self) {
        self.process.as_ref().unwrap().signal_all("STOP");
    }

    /// Lets it go on.
    pub fn resume(&self) {
        self.process.as_ref().unwrap().signal_all("CONT");
    }

    /// The URL of a database in it.
    pub fn url(&self, database: &str) -> String {
        let socket = self.socket();
        format!("mysql://root@localhost/{database}?unix_socket={socket}")
    }

    fn socket(&self) -> String {
        self.folder.path().join("socket").display().to_string()
    }
}

/// The URL of the server that `COUNTER_TEST_MYSQL_URL` names, or of one that is started for this process.
pub fn shared_url() -> String {
    static SERVER: LazyLock<MariaDb> = LazyLock::new(|| MariaDb::new(Durability::Off));
    std::env::var("COUNTER_TEST_MYSQL_URL").unwrap_or_else(|_| SERVER.url("mysql"))
}

/// No settings from this machine's files; they would be for another server.
fn command(name: &str, folder: &TempDir) -> Command {
    let program = process::program(name, &["/usr/sbin".into()], "mariadb-server");
    let mut command = process::unprivileged(&program, folder.path());
    let data = folder.path().join("data").display().to_string();
    command.args(["--no-defaults".to_owned(), format!("--datadir={data}")]);
    command
}
