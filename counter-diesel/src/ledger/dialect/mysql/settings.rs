//! Settings of the session that our transactions change and put back.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use diesel::result::QueryResult;
use diesel::sql_types::Text;
use diesel::{MysqlConnection, RunQueryDsl};

use crate::ledger::dialect::empty_text::not_empty;
use crate::ledger::dialect::sql::standard;
use crate::ledger::dialect::sql::statement::Statement;

/// Fails if the client library reads texts as empty ones. The library is the same for the whole
/// process, so this asks only until one text was read correctly.
pub(super) fn check_texts(conn: &mut MysqlConnection) -> QueryResult<()> {
    static ARE_READ: AtomicBool = AtomicBool::new(false);
    if !ARE_READ.load(Ordering::Relaxed) {
        let text = standard::only_value(Statement::<Text>::new("SELECT 'text'").load(conn)?)?;
        not_empty::<String>("the constant 'text'", text)?;
        ARE_READ.store(true, Ordering::Relaxed);
    }
    Ok(())
}

/// Returns the statement that restores the present values of the settings which our transactions
/// change, and what to add to the statement that changes them, to limit the time of later
/// statements.
pub(super) fn as_they_are(
    conn: &mut MysqlConnection,
    statement_within: Option<Duration>,
) -> QueryResult<(String, String)> {
    let limit = statement_within.map_or_else(
        || "@@max_statement_time".to_owned(),
        |within| {
            let seconds = within.as_secs();
            format!(
                "IF(@@max_statement_time > 0 AND @@max_statement_time < {seconds}, \
                 @@max_statement_time, {seconds})"
            )
        },
    );
    let select = format!(
        "SELECT CONCAT('SET lc_messages = ', QUOTE(@@lc_messages), \
         ', lock_wait_timeout = ', @@lock_wait_timeout, \
         ', innodb_lock_wait_timeout = ', @@innodb_lock_wait_timeout, \
         ', wait_timeout = ', @@wait_timeout\
         /*M! , ', max_statement_time = ', @@max_statement_time */), \
         CONCAT('' /*M! , ', max_statement_time = ', {limit} */)"
    );
    restorable(standard::only_value(Statement::<(Text, Text)>::new(select).load(conn)?)?)
}

/// Returns the settings that were read, or an error if the statement that restores them is empty:
/// libmariadb crashes when it prepares an empty statement.
fn restorable((put_back, limit): (String, String)) -> QueryResult<(String, String)> {
    Ok((not_empty("the settings of the session", put_back)?, limit))
}

/// Restores the settings with the statement that [`as_they_are`] has returned.
pub(super) fn put_back(conn: &mut MysqlConnection, statement: &str) -> QueryResult<()> {
    let statement = not_empty("the statement that puts settings back", statement)?;
    Statement::<()>::new(statement).execute(conn)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::dialect::empty_text::is_empty_text;

    #[test]
    fn settings_that_were_read_as_an_empty_text_are_refused_and_an_empty_limit_is_none() {
        let read = |put_back: &str, limit: &str| restorable((put_back.into(), limit.into()));
        assert_eq!(read("SET a = 1", "").unwrap(), ("SET a = 1".to_owned(), String::new()));
        assert!(is_empty_text(&read("", "").unwrap_err()));
    }
}
