use diesel::PgConnection;
use diesel::connection::{CacheSize, Connection};
use diesel::r2d2::{ConnectionManager, CustomizeConnection, Pool};

use super::open;
use crate::error::{BuildProblem, Error};

/// A pool of connections to PostgreSQL, as counters in web requests want it: it waits for a
/// connection at most 1 second, and an attempt to connect is given up after 2, unless the URL says
/// otherwise (`connect_timeout`). `max_size` is the most connections there are at a time; as many
/// as that are made at once. For those, a server that is busy has 5 seconds.
///
/// Behind a pooler in transaction mode, such as PgBouncer, use
/// [`postgres_pool_without_prepared_statements`].
///
/// ```no_run
/// let pool = counter_diesel::postgres_pool("postgres://app@localhost/app", 8)?;
/// # Ok::<(), counter_diesel::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::Unreachable`] if the server cannot be reached or refuses, [`Error::Build`] if the URL
/// is of another kind of database. The password is not in it.
pub fn postgres_pool(
    url: &str,
    max_size: u32,
) -> Result<Pool<ConnectionManager<PgConnection>>, Error> {
    open::open(&checked(url)?, max_size, |pool| pool)
}

/// A pool like that of [`postgres_pool`], whose connections never use a prepared statement that has
/// a name ([`WithoutPreparedStatements`]). A pooler in transaction mode needs that, unless it keeps
/// track of prepared statements as PgBouncer 1.21 does with `max_prepared_statements` above 0.
///
/// The server then plans each read anew. What writes never uses named prepared statements, on any
/// pool.
///
/// ```no_run
/// use counter_diesel::postgres_pool_without_prepared_statements;
///
/// let pool = postgres_pool_without_prepared_statements("postgres://app@pooler:6432/app", 8)?;
/// # Ok::<(), counter_diesel::Error>(())
/// ```
///
/// # Errors
///
/// As [`postgres_pool`].
pub fn postgres_pool_without_prepared_statements(
    url: &str,
    max_size: u32,
) -> Result<Pool<ConnectionManager<PgConnection>>, Error> {
    let customizer = Box::new(WithoutPreparedStatements);
    open::open(&checked(url)?, max_size, |pool| pool.connection_customizer(customizer))
}

/// Turns named prepared statements off on each connection of an application's own pool, for
/// poolers in transaction mode: also for the pool's question whether a connection still answers.
///
/// It does what `conn.set_prepared_statement_cache_size(CacheSize::Disabled)` does, and an
/// application that has a customizer already calls that in it.
///
/// ```no_run
/// use counter_diesel::ledger::WithoutPreparedStatements;
/// use diesel::PgConnection;
/// use diesel::r2d2::{ConnectionManager, Pool};
///
/// let manager = ConnectionManager::<PgConnection>::new("postgres://app@pooler:6432/app");
/// let pool = Pool::builder()
///     .connection_customizer(Box::new(WithoutPreparedStatements))
///     .build(manager)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct WithoutPreparedStatements;

impl CustomizeConnection<PgConnection, diesel::r2d2::Error> for WithoutPreparedStatements {
    fn on_acquire(&self, conn: &mut PgConnection) -> Result<(), diesel::r2d2::Error> {
        conn.set_prepared_statement_cache_size(CacheSize::Disabled);
        Ok(())
    }
}

/// Returns the URL with a time-out for connecting.
fn checked(url: &str) -> Result<String, Error> {
    if open::scheme(url).is_some_and(|scheme| !["postgres", "postgresql"].contains(&scheme)) {
        return Err(Error::Build(BuildProblem::PostgresUrl));
    }
    Ok(with_connect_timeout(url))
}

/// Without it, connecting to a host that does not answer takes minutes, and two of the pool's
/// threads are lost to it.
fn with_connect_timeout(url: &str) -> String {
    let separator = match url {
        url if url.contains("connect_timeout") => return url.to_owned(),
        url if !url.contains("://") => ' ',
        url if url.contains('?') => '&',
        _ => '?',
    };
    format!("{url}{separator}connect_timeout=2")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_gets_a_connect_timeout_unless_it_has_one() {
        for (url, with_timeout) in [
            ("postgres://h/d", "postgres://h/d?connect_timeout=2"),
            ("postgres:///d?host=/tmp", "postgres:///d?host=/tmp&connect_timeout=2"),
            ("host=h dbname=d", "host=h dbname=d connect_timeout=2"),
            ("postgres://h/d?connect_timeout=9", "postgres://h/d?connect_timeout=9"),
        ] {
            assert_eq!(with_connect_timeout(url), with_timeout);
        }
    }
}
