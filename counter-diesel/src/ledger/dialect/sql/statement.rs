use std::borrow::Cow;
use std::marker::PhantomData;

use diesel::QueryResult;
use diesel::RunQueryDsl;
use diesel::backend::Backend;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::serialize::ToSql;
use diesel::sql_types::{BigInt, HasSqlType, Text};

/// A statement put together from text and bound values, whose rows have the SQL type `Row`.
///
/// What stands between double quotes in the text is a name, quoted as the database does it.
///
/// Unlike `diesel::sql_query` its prepared form is cached, under its text; the text must therefore
/// come in few variants.
pub(crate) struct Statement<'a, Row = ()> {
    parts: Vec<SqlPart<'a>>,
    row: PhantomData<Row>,
}

enum SqlPart<'a> {
    Sql(Cow<'a, str>),
    Text(Cow<'a, str>),
    BigInt(i64),
}

impl<'a, Row> Statement<'a, Row> {
    pub(crate) fn new(sql: impl Into<Cow<'a, str>>) -> Self {
        Self { parts: Vec::new(), row: PhantomData }.sql(sql)
    }

    pub(crate) fn sql(mut self, sql: impl Into<Cow<'a, str>>) -> Self {
        self.parts.push(SqlPart::Sql(sql.into()));
        self
    }

    pub(crate) fn text(mut self, value: impl Into<Cow<'a, str>>) -> Self {
        self.parts.push(SqlPart::Text(value.into()));
        self
    }

    pub(crate) fn big_int(mut self, value: i64) -> Self {
        self.parts.push(SqlPart::BigInt(value));
        self
    }
}

impl<DB, Row> QueryFragment<DB> for Statement<'_, Row>
where
    DB: Backend + HasSqlType<Text> + HasSqlType<BigInt>,
    str: ToSql<Text, DB>,
    i64: ToSql<BigInt, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        for part in &self.parts {
            match part {
                SqlPart::Sql(sql) => push_quoting(&mut out, sql)?,
                SqlPart::Text(value) => out.push_bind_param::<Text, str>(value)?,
                SqlPart::BigInt(value) => out.push_bind_param::<BigInt, i64>(value)?,
            }
        }
        Ok(())
    }
}

/// SQL in which names are in double quotes, as the database quotes them.
pub(crate) fn push_quoting<DB: Backend>(
    out: &mut AstPass<'_, '_, DB>,
    sql: &str,
) -> QueryResult<()> {
    for (index, piece) in sql.split('"').enumerate() {
        match index % 2 {
            0 => out.push_sql(piece),
            _ => out.push_identifier(piece)?,
        }
    }
    Ok(())
}

// No static id: the text tells statements apart, for the table's name is in it.
impl<Row> QueryId for Statement<'_, Row> {
    type QueryId = ();

    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Row> Query for Statement<'_, Row> {
    type SqlType = Row;
}

impl<Row, Conn> RunQueryDsl<Conn> for Statement<'_, Row> {}
