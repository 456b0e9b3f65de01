//! Ending a statement that takes too long, where the server does not do that.

use diesel::connection::SimpleConnection;
use diesel::result::QueryResult;
use diesel::sql_types::BigInt;
use diesel::{MysqlConnection, RunQueryDsl};

use crate::ledger::dialect::sql::statement::Statement;

/// Returns the number of a session of MySQL. MariaDB limits all statements.
pub(super) fn unlimited_session(conn: &mut MysqlConnection) -> QueryResult<Option<i64>> {
    let select = "SELECT CAST(IF(VERSION() LIKE '%MariaDB%', 0, CONNECTION_ID()) AS SIGNED)";
    let sessions = Statement::<BigInt>::new(select).load::<i64>(conn)?;
    Ok(sessions.into_iter().next().filter(|session| *session != 0))
}

/// Behind a proxy the number may be one of another server, so it has to be of a session of the same
/// user and database that has been at its statement for long. Which statement that is does not
/// show: a trigger's own hides it.
pub(super) fn end(conn: &mut MysqlConnection, session: i64) -> QueryResult<()> {
    let running = "SELECT CAST(id AS SIGNED) FROM information_schema.processlist \
                   WHERE command IN ('Query', 'Execute') AND time >= 20 \
                   AND user = SUBSTRING_INDEX(USER(), '@', 1) AND db <=> DATABASE() AND id = ";
    let running = Statement::<BigInt>::new(running).big_int(session).load::<i64>(conn)?;
    if running == [session] {
        conn.batch_execute(&format!("KILL QUERY {session}"))?;
    }
    Ok(())
}
