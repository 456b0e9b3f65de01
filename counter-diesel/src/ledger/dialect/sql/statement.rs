use std::borrow::Cow;
use std::marker::PhantomData;

use chrono::NaiveDateTime;
use diesel::QueryResult;
use diesel::RunQueryDsl;
use diesel::backend::Backend;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::serialize::ToSql;
use diesel::sql_types::{BigInt, Binary, HasSqlType, SingleValue, Text};

/// A statement put together from text and bound values, whose rows have the SQL type `Row`.
///
/// A text between double quotes is a name, quoted as the database does it.
///
/// Unlike `diesel::sql_query` its prepared form is cached, under its text; the text must therefore
/// come in few variants. PostgreSQL keeps prepared statements by name, so there only those are
/// cached that are marked [`named`](Self::named).
pub(crate) struct Statement<'a, Row = ()> {
    parts: Vec<SqlPart<'a>>,
    caching: Caching,
    row: PhantomData<Row>,
}

/// A database, by how it keeps prepared statements, and how it takes dates.
pub(crate) trait KeepsStatements: Backend {
    /// The type of a date and time by the calendar. A TIMESTAMP of MySQL and MariaDB ends in 2038.
    type DateTime: SingleValue;

    /// Whether it keeps them under names that the client chooses. A pooler may then execute the
    /// statement that another client has prepared under the same name.
    const BY_NAME: bool;
}

#[cfg(feature = "mysql")]
impl KeepsStatements for diesel::mysql::Mysql {
    type DateTime = diesel::sql_types::Datetime;

    const BY_NAME: bool = false;
}

#[cfg(feature = "postgres")]
impl KeepsStatements for diesel::pg::Pg {
    type DateTime = diesel::sql_types::Timestamp;

    const BY_NAME: bool = true;
}

#[cfg(feature = "sqlite")]
impl KeepsStatements for diesel::sqlite::Sqlite {
    type DateTime = diesel::sql_types::Timestamp;

    const BY_NAME: bool = false;
}

/// Whether a statement is kept once it is prepared.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Caching {
    /// It is, where a connection knows its statements by something else than a name.
    Unnamed,
    /// It is on every database.
    Named,
    /// It is not.
    #[cfg(feature = "mysql")]
    Never,
}

enum SqlPart<'a> {
    Sql(Cow<'a, str>),
    Text(Cow<'a, str>),
    BigInt(i64),
    DateTime(NaiveDateTime),
    Bytes(Vec<u8>),
}

impl<'a, Row> Statement<'a, Row> {
    pub(crate) fn new(sql: impl Into<Cow<'a, str>>) -> Self {
        Self { parts: Vec::new(), caching: Caching::Unnamed, row: PhantomData }.sql(sql)
    }

    /// Lets PostgreSQL keep the prepared statement under a name, if this is `true`. For reads that
    /// requests wait for, and never for what writes or decides about a write.
    pub(crate) fn named(mut self, is_named: bool) -> Self {
        self.caching = if is_named { Caching::Named } else { Caching::Unnamed };
        self
    }

    /// Lets no database keep the prepared statement.
    #[cfg(feature = "mysql")]
    pub(crate) fn prepared_anew(mut self) -> Self {
        self.caching = Caching::Never;
        self
    }

    pub(crate) fn sql(mut self, sql: impl Into<Cow<'a, str>>) -> Self {
        self.parts.push(SqlPart::Sql(sql.into()));
        self
    }

    pub(crate) fn text(mut self, value: impl Into<Cow<'a, str>>) -> Self {
        self.parts.push(SqlPart::Text(value.into()));
        self
    }

    pub(crate) fn bytes(mut self, value: Vec<u8>) -> Self {
        self.parts.push(SqlPart::Bytes(value));
        self
    }

    pub(crate) fn big_int(mut self, value: i64) -> Self {
        self.parts.push(SqlPart::BigInt(value));
        self
    }

    pub(crate) fn date_time(mut self, value: NaiveDateTime) -> Self {
        self.parts.push(SqlPart::DateTime(value));
        self
    }
}

impl<DB, Row> QueryFragment<DB> for Statement<'_, Row>
where
    DB: KeepsStatements + HasSqlType<Text> + HasSqlType<BigInt> + HasSqlType<Binary>,
    DB: HasSqlType<DB::DateTime>,
    str: ToSql<Text, DB>,
    [u8]: ToSql<Binary, DB>,
    i64: ToSql<BigInt, DB>,
    NaiveDateTime: ToSql<DB::DateTime, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        let is_kept = match self.caching {
            Caching::Unnamed => !DB::BY_NAME,
            Caching::Named => true,
            #[cfg(feature = "mysql")]
            Caching::Never => false,
        };
        if !is_kept {
            out.unsafe_to_cache_prepared();
        }
        for part in &self.parts {
            match part {
                SqlPart::Sql(sql) => push_quoting(&mut out, sql)?,
                SqlPart::Text(value) => out.push_bind_param::<Text, str>(value)?,
                SqlPart::Bytes(value) => out.push_bind_param::<Binary, [u8]>(value)?,
                SqlPart::BigInt(value) => out.push_bind_param::<BigInt, i64>(value)?,
                SqlPart::DateTime(value) => {
                    out.push_bind_param::<DB::DateTime, NaiveDateTime>(value)?;
                }
            }
        }
        Ok(())
    }
}

/// SQL in which names are in double quotes, as the database quotes them. A double quote inside of a
/// name is doubled.
pub(crate) fn push_quoting<DB: Backend>(
    out: &mut AstPass<'_, '_, DB>,
    sql: &str,
) -> QueryResult<()> {
    let mut rest = sql;
    while let Some((before, quoted)) = rest.split_once('"') {
        out.push_sql(before);
        let (name, after) = split_name(quoted);
        out.push_identifier(&name)?;
        rest = after;
    }
    out.push_sql(rest);
    Ok(())
}

/// Splits the name off that is closed by a double quote.
fn split_name(quoted: &str) -> (Cow<'_, str>, &str) {
    let mut name = Cow::Borrowed("");
    let mut rest = quoted;
    loop {
        let (piece, after) = rest.split_once('"').unwrap_or((rest, ""));
        name += piece;
        match after.strip_prefix('"') {
            Some(after) => {
                name += "\"";
                rest = after;
            }
            None => return (name, after),
        }
    }
}

// No static id: statements differ by their text, which contains the table's name.
impl<Row> QueryId for Statement<'_, Row> {
    type QueryId = ();

    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Row> Query for Statement<'_, Row> {
    type SqlType = Row;
}

impl<Row, Conn> RunQueryDsl<Conn> for Statement<'_, Row> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_ends_at_the_first_quote_that_is_not_doubled() {
        assert_eq!(split_name("a\" AS b"), ("a".into(), " AS b"));
        assert_eq!(split_name("a\"\"b\".\"c\""), ("a\"b".into(), ".\"c\""));
        assert_eq!(split_name("\"\"\"\"\""), ("\"\"".into(), ""));
    }
}
