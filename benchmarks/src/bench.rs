use std::path::PathBuf;
use std::sync::OnceLock;

use counter_tests::servers::Durability;
use counter_tests::servers::RedisServer;
use counter_tests::servers::mariadb::MariaDb;
use counter_tests::servers::postgres::Postgres;
use diesel::connection::SimpleConnection;
use diesel::{Connection, MysqlConnection};
use tempfile::TempDir;

use crate::cores::{self, Side};
use crate::plot::Plot;

/// What the measures share: the amount of work, and the servers, which start when first used.
pub struct Bench {
    /// Whether the run only checks that everything works.
    pub is_quick: bool,
    /// The folder for plots, if they are to be drawn.
    plots: Option<PathBuf>,
    redis: OnceLock<RedisServer>,
    postgres: OnceLock<Postgres>,
    mariadb: OnceLock<MariaDb>,
    folder: TempDir,
}

impl Bench {
    pub fn new(is_quick: bool, plots: Option<PathBuf>) -> Self {
        Self {
            is_quick,
            plots,
            redis: OnceLock::new(),
            postgres: OnceLock::new(),
            mariadb: OnceLock::new(),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// Returns `full`, or `quick` if the run only checks that everything works.
    pub fn of<T>(&self, full: T, quick: T) -> T {
        if self.is_quick { quick } else { full }
    }

    /// Draws a plot into a file of this name, if plots were asked for.
    pub fn draw(&self, name: &str, plot: &Plot) {
        if let Some(folder) = &self.plots {
            plot.draw(&folder.join(name).with_extension("svg")).unwrap();
        }
    }

    /// Returns a Redis that writes nothing to disk. That is the harder limit, because such writes
    /// would cost both sides the same.
    pub fn redis(&self) -> &RedisServer {
        self.redis.get_or_init(|| cores::on(Side::Servers, RedisServer::start))
    }

    /// Returns a PostgreSQL that waits for its disk.
    pub fn postgres(&self) -> &Postgres {
        self.postgres.get_or_init(|| cores::on(Side::Servers, || Postgres::new(Durability::OnDisk)))
    }

    /// Returns a MariaDB that waits for its disk, with a database `benchmarks`.
    pub fn mariadb(&self) -> &MariaDb {
        self.mariadb.get_or_init(|| {
            let server = cores::on(Side::Servers, || MariaDb::new(Durability::OnDisk));
            let mut conn = MysqlConnection::establish(&server.url("mysql")).unwrap();
            conn.batch_execute("CREATE DATABASE benchmarks").unwrap();
            server
        })
    }

    /// Returns the path of a SQLite file on the disk that holds temporary files.
    pub fn sqlite(&self) -> String {
        self.folder.path().join("counters.sqlite").display().to_string()
    }
}
