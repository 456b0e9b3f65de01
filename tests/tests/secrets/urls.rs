//! The URLs with a password that every entrance is given.

use super::urls::Kind::{File, Mistyped, Mysql, Postgres, Redis};

/// What a URL leads to, as far as it is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A PostgreSQL that does not run, or nothing, because something has not been escaped.
    Postgres,
    /// A MySQL or MariaDB, in the same way.
    Mysql,
    /// A Redis, in the same way.
    Redis,
    /// A file of SQLite.
    File,
    /// Nothing: there is no such scheme, or none at all.
    Mistyped,
}

/// A password that is known to be one wherever the text turns up.
pub const URLS: &[(Kind, &str)] = &[
    (Postgres, "postgres://u:s3cret@127.0.0.1:1/d"),
    (Postgres, "postgres://u:s3cret/x@127.0.0.1/d"),
    (Postgres, "postgres://u:s3cret/x@127.0.0.1:1/d"),
    (Postgres, "postgres://u:half@s3cret@127.0.0.1/d"),
    (Postgres, "postgres://u:%zzs3cret@127.0.0.1/d"),
    (Postgres, "postgres://u:%00s3cret@127.0.0.1/d"),
    (Postgres, "postgres://u:s3cret@[::1/d"),
    (Postgres, "postgres://u:s3cret@[]/d"),
    (Postgres, "postgres://u:a@[s3cret@h/d"),
    (Postgres, "postgres://u:s3cret@127.0.0.1/d?x=1=2"),
    (Postgres, "postgres://u:s3cret@127.0.0.1:1,2/d"),
    (Postgres, "postgres://u@127.0.0.1/d?host&password=s3cret"),
    (Postgres, "postgres:///d?host=/nowhere&user=u&password=s3cret"),
    (Postgres, "host=127.0.0.1 port=1 user=app password=s3cret"),
    (Postgres, "host=h password=s3cret"),
    (Postgres, "host=h password=my s3cret"),
    (Postgres, "host=h password='my s3cret"),
    (Postgres, "host=h PASSWORD = 'x s3cret'"),
    (Postgres, "sslmode=disable host=127.0.0.1 port=1 user=app password=s3cret dbname=app"),
    (Postgres, "connect_timeout=3 host=127.0.0.1 port=1 password=s3cret"),
    (Postgres, " target_session_attrs = any host=127.0.0.1 port=1 password=s3cret"),
    (Postgres, "password=a://s3cret host=127.0.0.1 port=1"),
    (Mysql, "mysql://u:s3cret@127.0.0.1:1/d"),
    (Mysql, "mysql://u:s3cret/x@127.0.0.1/d"),
    (Mysql, "mysql://u:half@s3cret@127.0.0.1:1/d"),
    (Mysql, "mysql://u:%zzs3cret@127.0.0.1:1/d"),
    (Mysql, "mysql://u:%FFs3cret@127.0.0.1/d"),
    (Redis, "redis://:s3cret@127.0.0.1:1/"),
    (Redis, "redis://user:s3cret@localhost:1/3"),
    (Redis, "rediss://:s3cret@127.0.0.1:1/"),
    (Redis, "redis+unix:///nowhere/redis.sock?db=3&pass=s3cret"),
    (Redis, "redis://:s3cret@host/"),
    (Redis, "redis://:s3cret@0.0.0.0/"),
    (Redis, "redis://:s3cret/x@127.0.0.1:1/"),
    (Redis, "redis://:s3c/cret@localhost/"),
    (Redis, "redis://:s3'cret@host/"),
    (Redis, "redis://:x \"<`s3cret@host/"),
    (Redis, "redis://:%FFs3cret@localhost/"),
    (Redis, "redis://:s3cret@localhost/?protocol=4"),
    (Redis, "redis+sentinel://:s3cret@127.0.0.1:1,127.0.0.1:2/mymaster/3"),
    (Redis, "redis+sentinel://127.0.0.1:1/m?sentinel_user=u&sentinel_password=s3cret"),
    (Redis, "rediss+sentinel://u:s3cret@127.0.0.1:1/m?sentinel_password=s3cret"),
    (Redis, "redis+sentinel://:s3cret/x@127.0.0.1:1/m"),
    (Redis, "redis+sentinel://:s3cret@127.0.0.1:1/"),
    (Redis, "redis+sentinel://127.0.0.1:1/m?sentinel_password=s3cret@x"),
    (Redis, "redis+sentinel://127.0.0.1:1/m?sentinel_password=%FFs3cret"),
    (Redis, "redis+sentinel://127.0.0.1:1/m?sentinel_password=s3cret&sentinel_tls=s3cret"),
    (File, "sqlite://app:s3cret@host"),
    (File, "file:app?pass=s3cret"),
    (Mistyped, "http://:s3cret@127.0.0.1:1/"),
    (Mistyped, "postgres:/app:s3cret@host/app"),
    (Mistyped, "app:s3cret@host/app"),
    (Mistyped, "postgres:app:s3cret@h"),
    (Mistyped, ":s3cret@h"),
];

/// What only those know to be secret that know what the text is for.
pub const QUOTED: &[(Kind, &str)] = &[
    (Postgres, "postgres://u:s3cret@127.0.0.1:s3cret/d"),
    (Postgres, "postgres://u:p@nohost.invalid/d?s3cret=1"),
    (Postgres, "hostaddr=s3cret"),
    (Mysql, "mysql://u:s3cret@127.0.0.1:s3cret/d"),
    (Mysql, "mysql://u:s3cret@localhost/d?unix_socket=/nowhere&ssl_mode=s3cret"),
    (Redis, "redis://s3cret:s3cret@127.0.0.1:1/"),
    (Redis, "redis://:s3cret@localhost/s3cret"),
    (Redis, "redis://:s3cret@localhost:s3cret/"),
    (Redis, "redis+sentinel://s3cret:s3cret@127.0.0.1:1/m/s3cret"),
    (Redis, "redis+sentinel://:s3cret@127.0.0.1:s3cret/m?s3cret=1"),
    (File, "Password s3cret"),
    (Mistyped, "postgres//app:s3cret@host/app"),
    (Mistyped, "mysql:/app:s3cret"),
    (Mistyped, "MariaDB:s3cret"),
    (Mistyped, "Postgresql/s3cret"),
];

/// Returns all that are of these kinds.
pub fn of(kinds: &[Kind]) -> Vec<(Kind, &'static str)> {
    let all = URLS.iter().chain(QUOTED).copied();
    all.filter(|(kind, _)| kinds.contains(kind)).collect()
}
