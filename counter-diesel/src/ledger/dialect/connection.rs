use diesel::r2d2::{ConnectionManager, PooledConnection};

use super::dialect::Dialect;

/// A Diesel connection to a database that counters can be folded into.
///
/// Implemented for the connections of the features that are on: `postgres`, `mysql`, `sqlite`. It
/// cannot be implemented elsewhere.
#[diagnostic::on_unimplemented(
    message = "counters cannot be kept in the database behind `{Self}`",
    label = "not a database connection for counters",
    note = "turn on the feature of counter-diesel for your database: `postgres`, `mysql` or \
         `sqlite`"
)]
pub trait CounterConnection: Dialect {}

#[cfg(feature = "mysql")]
impl CounterConnection for diesel::MysqlConnection {}
#[cfg(feature = "postgres")]
impl CounterConnection for diesel::PgConnection {}
#[cfg(feature = "sqlite")]
impl CounterConnection for diesel::SqliteConnection {}

/// A connection that can be lent: one itself, or one from a pool.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a connection to a database of counters",
    label = "not a connection",
    note = "pass `&mut conn`, a Diesel connection or one from a pool, of a database whose feature \
         of counter-diesel is on: `sqlite`, `postgres`, `mysql`"
)]
pub trait LendConnection {
    /// The kind of connection.
    type Connection: CounterConnection;

    /// The connection.
    fn lend_connection(&mut self) -> &mut Self::Connection;
}

impl<C: CounterConnection> LendConnection for C {
    type Connection = C;

    fn lend_connection(&mut self) -> &mut C {
        self
    }
}

impl<C: CounterConnection> LendConnection for PooledConnection<ConnectionManager<C>> {
    type Connection = C;

    fn lend_connection(&mut self) -> &mut C {
        self
    }
}
