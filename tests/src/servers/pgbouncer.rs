//! PgBouncer, the pooler.

use std::path::Path;

use diesel::{Connection, PgConnection};
use rustix::process::Signal;
use tempfile::TempDir;

use super::postgres::Postgres;
use super::setup::{self, Durability};
use crate::process::wait_for;
use crate::program::Program;

/// A pooler in front of a server: each transaction, and each statement outside of one, may meet
/// another connection to the server.
///
/// It is older than 1.21 or behaves so: prepared statements that have a name belong to the
/// connection to the server on which they were prepared.
#[derive(Debug)]
pub struct PgBouncer {
    _process: Program,
    folder: TempDir,
}

impl PgBouncer {
    /// Starts one in transaction mode that has so many connections to the server for each database,
    /// and takes them in turn.
    pub fn before(server: &Postgres, connections: usize) -> Self {
        let folder = setup::folder("counter-pgbouncer-", Durability::Off);
        let socket = server.socket();
        let host = socket.parent().expect("a socket is in a folder");
        std::fs::write(folder.path().join("ini"), settings(host, folder.path(), connections))
            .unwrap();
        let program = setup::find_program("pgbouncer", &["/usr/sbin".into()], "pgbouncer");
        let mut command = setup::unprivileged(&program, folder.path());
        let log = folder.path().join("log");
        let mut process =
            Program::start_server(command.arg("ini"), folder.path(), &log, Signal::KILL);
        let url = url(folder.path(), "postgres");
        wait_for("PgBouncer to answer", || {
            let log = || std::fs::read_to_string(&log).unwrap_or_default();
            assert!(process.is_running(), "PgBouncer has ended: {}", log());
            PgConnection::establish(&url).ok()
        });
        Self { _process: process, folder }
    }

    /// The URL of a database of the server, through the pooler.
    pub fn url(&self, database: &str) -> String {
        url(self.folder.path(), database)
    }
}

fn url(folder: &Path, database: &str) -> String {
    format!("postgres:///{database}?host={}&port=6432&user=postgres", folder.display())
}

fn settings(server: &Path, folder: &Path, connections: usize) -> String {
    format!(
        "[databases]\n\
         * = host={} port=5432 user=postgres\n\
         [pgbouncer]\n\
         auth_type = any\n\
         listen_port = 6432\n\
         unix_socket_dir = {}\n\
         pool_mode = transaction\n\
         default_pool_size = {connections}\n\
         server_round_robin = 1\n\
         max_client_conn = 500\n",
        server.display(),
        folder.display()
    )
}
