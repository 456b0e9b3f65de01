use anyhow::{Result, bail};
use counter_diesel::{Counters, CountersBuilder};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;

/// A connection to whichever database the URL names.
#[derive(diesel::MultiConnection)]
pub enum AnyConnection {
    Sqlite(SqliteConnection),
    #[cfg(feature = "postgres")]
    Postgres(PgConnection),
    #[cfg(feature = "mysql")]
    Mysql(MysqlConnection),
}

/// The databases that a URL can name, whether this build has them or not.
enum Kind {
    Sqlite,
    Postgres,
    Mysql,
}

fn kind_of(url: &str) -> Kind {
    match url.split_once("://") {
        Some(("postgres" | "postgresql", _)) => Kind::Postgres,
        Some(("mysql", _)) => Kind::Mysql,
        _ => Kind::Sqlite,
    }
}

/// Returns counters that are synced into this database. The worker needs one connection, and the
/// summary at the end another.
pub fn counters(url: &str) -> Result<CountersBuilder> {
    Ok(match kind_of(url) {
        Kind::Sqlite => Counters::builder(counter_diesel::sqlite_pool(url, 2)?),
        #[cfg(feature = "postgres")]
        Kind::Postgres => Counters::builder(counter_diesel::postgres_pool(url, 2)?),
        #[cfg(feature = "mysql")]
        Kind::Mysql => Counters::builder(counter_diesel::mysql_pool(url, 2)?),
        #[allow(unreachable_patterns, reason = "some builds have them all")]
        Kind::Postgres => bail!("this build has no PostgreSQL: add `--features postgres`"),
        #[allow(unreachable_patterns, reason = "some builds have them all")]
        Kind::Mysql => bail!("this build has no MySQL: add `--features mysql`"),
    })
}

/// A connection for the application's own rows.
pub fn connect(url: &str) -> Result<AnyConnection> {
    match kind_of(url) {
        #[cfg(feature = "postgres")]
        Kind::Postgres => Ok(AnyConnection::Postgres(PgConnection::establish(url)?)),
        #[cfg(feature = "mysql")]
        Kind::Mysql => Ok(AnyConnection::Mysql(MysqlConnection::establish(url)?)),
        _ => connect_to_sqlite(url.strip_prefix("sqlite://").unwrap_or(url)),
    }
}

fn connect_to_sqlite(path: &str) -> Result<AnyConnection> {
    let mut conn = SqliteConnection::establish(path)?;
    // The worker writes to the same file.
    conn.batch_execute("PRAGMA busy_timeout = 5000")?;
    Ok(AnyConnection::Sqlite(conn))
}

impl AnyConnection {
    /// Makes the table of pages if there is none. Paths compare byte for byte.
    pub fn create_pages(&mut self) -> QueryResult<()> {
        self.batch_execute(match self {
            Self::Sqlite(_) => {
                "CREATE TABLE IF NOT EXISTS pages (\
                 id INTEGER PRIMARY KEY NOT NULL, path TEXT NOT NULL UNIQUE)"
            }
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => {
                "CREATE TABLE IF NOT EXISTS pages (\
                 id BIGSERIAL PRIMARY KEY, path TEXT COLLATE \"C\" NOT NULL UNIQUE)"
            }
            #[cfg(feature = "mysql")]
            Self::Mysql(_) => {
                "CREATE TABLE IF NOT EXISTS pages (\
                 id BIGINT AUTO_INCREMENT PRIMARY KEY, \
                 path VARCHAR(768) CHARACTER SET utf8mb4 /*M! COLLATE utf8mb4_nopad_bin */ \
                 /*!80017 COLLATE utf8mb4_0900_bin */ NOT NULL UNIQUE)"
            }
        })
    }
}
