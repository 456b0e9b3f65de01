//! The statements that take counts out of buckets, which every database takes as they are.

use counter_core::{Baseline, CounterId};
use diesel::result::{Error, QueryResult};

use super::standard::of_counter;
use super::statement::Statement;
use crate::ledger::dialect::owner::bind_owner;
use crate::ledger::dialect::period::{PeriodColumns, key_columns};
use crate::ledger::dialect::tables::Tables;

pub(crate) fn clear<'a>(
    tables: &Tables,
    id: &'a CounterId,
    row: Baseline,
    now: &str,
) -> QueryResult<Statement<'a>> {
    let table = tables.periods().quoted();
    let clear = format!("UPDATE {table} SET \"count\" = 0, \"updated_at\" = {now} WHERE ");
    let clear = of_counter(Statement::new(clear), id)?;
    let clear = clear.sql(" AND \"claim_seq\" = ").big_int(row.seq.get());
    Ok(clear.sql(" AND \"count\" = ").big_int(row.count))
}

pub(crate) fn add<'a>(
    tables: &Tables,
    id: &'a CounterId,
    by: i64,
    now: &str,
) -> QueryResult<Statement<'a>> {
    let add = format!("UPDATE {} SET \"count\" = \"count\" + ", tables.periods().quoted());
    let add = Statement::new(add).big_int(by);
    of_counter(add.sql(format!(", \"updated_at\" = {now} WHERE ")), id)
}

pub(crate) fn make<'a>(tables: &Tables, id: &'a CounterId) -> QueryResult<Statement<'a>> {
    let Some(PeriodColumns { grain, starts_at }) = id.period().map(PeriodColumns::of) else {
        return Err(Error::QueryBuilderError("a total is no bucket".into()));
    };
    let (table, owner) = (tables.periods().quoted(), bind_owner(id.owner_id())?);
    let columns = key_columns(true);
    Ok(Statement::new(format!("INSERT INTO {table} ({columns}, \"count\") VALUES ("))
        .text(id.owner_type())
        .sql(", ")
        .big_int(owner.id)
        .sql(", ")
        .text(owner.key)
        .sql(", ")
        .text(id.key())
        .sql(", ")
        .text(grain)
        .sql(", ")
        .date_time(starts_at)
        .sql(", 0)"))
}

/// The bodies, which are equal everywhere, for use inside of `impl MovesDialect for ...`.
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
macro_rules! moves_members {
    ($now:expr) => {
        fn clear_bucket(
            &mut self,
            tables: &Tables,
            id: &CounterId,
            row: counter_core::Baseline,
        ) -> QueryResult<usize> {
            moves::clear(tables, id, row, $now)?.execute(self)
        }

        fn add_to_bucket(
            &mut self,
            tables: &Tables,
            id: &CounterId,
            by: i64,
        ) -> QueryResult<usize> {
            moves::add(tables, id, by, $now)?.execute(self)
        }

        fn make_bucket(&mut self, tables: &Tables, id: &CounterId) -> QueryResult<usize> {
            moves::make(tables, id)?.sql(Self::IF_ABSENT).execute(self)
        }
    };
}
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
pub(crate) use moves_members;
