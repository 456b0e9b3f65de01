use diesel::PgConnection;
use diesel::connection::{CacheSize, Connection};
use diesel::r2d2::{ConnectionManager, CustomizeConnection, Pool};

use super::open;
use crate::error::{BuildProblem, Error};

/// The settings of libpq that each connection gets unless its URL has them itself.
/// `tcp_user_timeout` is in milliseconds, other times are in seconds.
///
/// Without the first, connecting to a host that does not answer takes minutes, and two of the
/// pool's threads are lost to it. The others end a connection whose other end has vanished, so that
/// it does not stay in the pool, and no thread waits for it, for as long as the system likes.
const LIMITS: [&str; 6] = [
    "connect_timeout=2",
    "keepalives=1",
    "keepalives_idle=10",
    "keepalives_interval=5",
    "keepalives_count=3",
    "tcp_user_timeout=15000",
];

/// A pool of connections to PostgreSQL, as counters in web requests want it: it waits for a
/// connection at most 1 second. `max_size` is the most connections there are at a time; as many
/// as that are made at once. For those, a server that is busy has 5 seconds.
///
/// A connection gets these settings of libpq, each unless the URL has it itself:
///
/// | setting | value | effect |
/// |---|---|---|
/// | `connect_timeout` | 2 seconds | an attempt to connect fails after that, for each address |
/// | `keepalives_idle` | 10 seconds | a silent peer is probed after that (`keepalives` is 1) |
/// | `keepalives_interval` | 5 seconds | it is probed again after that |
/// | `keepalives_count` | 3 | so many probes without an answer end the connection |
/// | `tcp_user_timeout` | 15,000 milliseconds | sent data without acknowledgement ends it |
///
/// So a connection whose network or host has vanished ends within 25 seconds. All but the first are
/// of TCP, and do nothing on a Unix socket. `url` may also be a list of settings, such as
/// `host=localhost dbname=app`. libpq 12 or later is needed.
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

/// Returns the URL with limits for its connections.
fn checked(url: &str) -> Result<String, Error> {
    if open::scheme(url).is_some_and(|scheme| !["postgres", "postgresql"].contains(&scheme)) {
        return Err(Error::Build(BuildProblem::PostgresUrl));
    }
    Ok(with_limits(url))
}

/// Returns the URL, or the list of settings, with [`LIMITS`] before its own parameters. libpq takes
/// the last of two settings with the same name, so what the URL says itself stays.
fn with_limits(url: &str) -> String {
    if open::scheme(url).is_none() {
        return format!("{} {url}", LIMITS.join(" "));
    }
    let limits = LIMITS.join("&");
    // For libpq a question mark before the first `@` is one of the user's name or password.
    let (scheme, rest) = url.split_once("://").unwrap_or((url, ""));
    let user = match rest.split_once(['@', '/']) {
        Some((user, _)) if rest.get(user.len()..).is_some_and(|host| host.starts_with('@')) => user,
        _ => "",
    };
    let rest = rest.strip_prefix(user).unwrap_or(rest);
    match rest.split_once('?') {
        Some((place, own)) => format!("{scheme}://{user}{place}?{limits}&{own}"),
        None => format!("{scheme}://{user}{rest}?{limits}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = "connect_timeout=2&keepalives=1&keepalives_idle=10&keepalives_interval=5\
                        &keepalives_count=3&tcp_user_timeout=15000";

    #[test]
    fn a_url_gets_limits_before_what_it_says_itself() {
        for (url, with_limits) in [
            ("postgres://h/d", "postgres://h/d?OURS"),
            ("postgresql://u:p@h", "postgresql://u:p@h?OURS"),
            ("postgres://", "postgres://?OURS"),
            ("postgres:///d?host=/tmp", "postgres:///d?OURS&host=/tmp"),
            ("postgres://h?connect_timeout=9", "postgres://h?OURS&connect_timeout=9"),
            ("postgres://u:p?w@h/d?keepalives=0", "postgres://u:p?w@h/d?OURS&keepalives=0"),
            ("postgres://h/?application_name=a@b", "postgres://h/?OURS&application_name=a@b"),
            ("postgres://u@h?user=?", "postgres://u@h?OURS&user=?"),
            ("postgres://[::1]:5432/d", "postgres://[::1]:5432/d?OURS"),
        ] {
            assert_eq!(super::with_limits(url), with_limits.replace("OURS", OURS));
        }
    }

    #[test]
    fn a_list_of_settings_gets_limits_before_its_own() {
        for list in ["host=h dbname=d", " tcp_user_timeout = 9", "password=a://b host=h", ""] {
            let ours = OURS.replace('&', " ");
            assert_eq!(with_limits(list), format!("{ours} {list}"));
        }
    }
}
