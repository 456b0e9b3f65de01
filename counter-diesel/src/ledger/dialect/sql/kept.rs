//! The statements over the table that says since when buckets are kept. Every database takes them
//! as they are.

use chrono::NaiveDateTime;
use counter_core::{CounterKey, OwnerType};
use diesel::sql_types::{BigInt, Nullable, Text, Timestamp};

use super::statement::Statement;
use crate::ledger::dialect::kept::{GAUGE, KeptColumns, Which};
use crate::ledger::dialect::tables::Tables;

const COLUMNS: &str = "\"owner_type\", \"key\", \"grain\", \"since\", \"rolled_from\", \
                       \"rolled_until\", \"kept_until\", \"noted_at\"";

pub(crate) type KeptTypes = (Text, Text, Text, At, Text, At, At, At);

type At = Nullable<Timestamp>;

type Time = Option<NaiveDateTime>;

pub(crate) fn rows<'a>(
    tables: &Tables,
    of: Option<(&'a OwnerType, &'a CounterKey)>,
) -> Statement<'a, KeptTypes> {
    let rows = Statement::new(format!("SELECT {COLUMNS} FROM {}", tables.kept().quoted()));
    let rows = match of {
        Some((owner_type, key)) => {
            let rows = rows.sql(" WHERE \"owner_type\" = ").text(owner_type.as_str());
            rows.sql(" AND \"key\" = ").text(key.as_str())
        }
        None => rows,
    };
    rows.sql(" ORDER BY \"owner_type\", \"key\", \"grain\", \"rolled_from\"")
}

type Row = (String, String, String, Time, String, Time, Time, Time);

pub(crate) fn row(row: Row) -> (KeptColumns, Time) {
    let (owner_type, key, grain, since, rolled_from, rolled_until, kept_until, noted_at) = row;
    let row = KeptColumns { owner_type, key, grain, since, rolled_from, rolled_until, kept_until };
    (row, noted_at)
}

pub(crate) fn older_total<'a>(
    tables: &Tables,
    owner_type: &'a OwnerType,
    key: &'a CounterKey,
    than: NaiveDateTime,
) -> Statement<'a, BigInt> {
    let from = tables.totals().quoted();
    Statement::new(format!("SELECT \"owner_id\" FROM {from} WHERE \"owner_type\" = "))
        .text(owner_type.as_str())
        .sql(" AND \"key\" = ")
        .text(key.as_str())
        .sql(" AND \"created_at\" < ")
        .date_time(than)
        .sql(" LIMIT 1")
}

pub(crate) fn insert<'a>(tables: &Tables, row: &'a KeptColumns, now: &str) -> Statement<'a> {
    let into = tables.kept().quoted();
    let insert = Statement::new(format!("INSERT INTO {into} ({COLUMNS}) VALUES ("))
        .text(&row.owner_type)
        .sql(", ")
        .text(&row.key)
        .sql(", ")
        .text(&row.grain)
        .sql(", ");
    let insert = nullable(insert, row.since).sql(", ").text(&row.rolled_from).sql(", ");
    let is_noted = !is_counted(row) && row.rolled_until.is_some();
    let insert = nullable(insert, row.rolled_until).sql(", ");
    let noted_at = if is_noted { now } else { "NULL" };
    nullable(insert, row.kept_until).sql(format!(", {noted_at})"))
}

pub(crate) fn update<'a>(tables: &Tables, row: &'a KeptColumns, which: Which) -> Statement<'a> {
    let update = Statement::new(format!("UPDATE {} SET \"since\" = ", tables.kept().quoted()));
    let update = nullable(update, row.since);
    let update = match which {
        Which::Any if is_counted(row) => {
            nullable(update.sql(", \"rolled_until\" = "), row.rolled_until)
        }
        _ => update,
    };
    let update = of_grain(update, row);
    let update = match (which, row.rolled_from.as_str()) {
        (Which::RolledUp, _) => {
            update.sql(" AND \"rolled_from\" NOT IN ('', ").text(GAUGE).sql(")")
        }
        (_, "" | GAUGE) => update.sql(" AND \"rolled_from\" IN ('', ").text(GAUGE).sql(")"),
        (_, grain) => update.sql(" AND \"rolled_from\" = ").text(grain),
    };
    match row.since {
        Some(since) if which == Which::Earlier => {
            update.sql(" AND (\"since\" IS NULL OR \"since\" < ").date_time(since).sql(")")
        }
        _ => update,
    }
}

pub(crate) fn roll<'a>(tables: &Tables, row: &'a KeptColumns, now: &str) -> Statement<'a> {
    let update = Statement::new(format!("UPDATE {} SET \"since\" = ", tables.kept().quoted()));
    let update = nullable(update, row.since).sql(", \"rolled_until\" = ");
    let update = nullable(update, row.rolled_until).sql(format!(", \"noted_at\" = {now}"));
    let update = of_grain(update, row).sql(" AND \"rolled_from\" = ").text(&row.rolled_from);
    let update = update.sql(" AND (\"rolled_until\" IS NULL OR \"rolled_until\" < ");
    nullable(update, row.rolled_until).sql(")")
}

pub(crate) fn hold<'a>(tables: &Tables, row: &'a KeptColumns) -> Statement<'a> {
    let update = Statement::new(format!("UPDATE {} SET \"kept_until\" = ", tables.kept().quoted()));
    let update = of_grain(nullable(update, row.kept_until), row);
    let update = update.sql(" AND \"rolled_from\" = ").text(&row.rolled_from);
    let update = update.sql(" AND (\"kept_until\" IS NULL OR \"kept_until\" < ");
    nullable(update, row.kept_until).sql(")")
}

/// Returns whether the row is that of buckets that are counted directly.
fn is_counted(row: &KeptColumns) -> bool {
    matches!(row.rolled_from.as_str(), "" | GAUGE)
}

pub(crate) fn mark_gauge<'a>(tables: &Tables, row: &'a KeptColumns) -> Statement<'a> {
    let update =
        Statement::new(format!("UPDATE {} SET \"rolled_from\" = ", tables.kept().quoted()));
    of_grain(update.text(GAUGE), row).sql(" AND \"rolled_from\" = ").text("")
}

fn of_grain<'a>(update: Statement<'a>, row: &'a KeptColumns) -> Statement<'a> {
    let update = update.sql(" WHERE \"owner_type\" = ").text(&row.owner_type);
    update.sql(" AND \"key\" = ").text(&row.key).sql(" AND \"grain\" = ").text(&row.grain)
}

fn nullable<Row>(statement: Statement<'_, Row>, at: Option<NaiveDateTime>) -> Statement<'_, Row> {
    match at {
        Some(at) => statement.date_time(at),
        None => statement.sql("NULL"),
    }
}

/// The bodies, which are equal everywhere, for use inside of `impl KeptDialect for ...`.
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
macro_rules! kept_members {
    ($now:expr) => {
        fn now(&mut self) -> QueryResult<chrono::NaiveDateTime> {
            let now = format!("SELECT {}", $now);
            let now = Statement::<diesel::sql_types::Timestamp>::new(now);
            $crate::ledger::dialect::sql::standard::only_value(now.load(self)?)
        }

        fn kept(
            &mut self,
            tables: &Tables,
            of: Option<(&OwnerType, &counter_core::CounterKey)>,
        ) -> QueryResult<
            Vec<($crate::ledger::dialect::kept::KeptColumns, Option<chrono::NaiveDateTime>)>,
        > {
            Ok(kept::rows(tables, of).load(self)?.into_iter().map(kept::row).collect())
        }

        fn has_older_total(
            &mut self,
            tables: &Tables,
            owner_type: &OwnerType,
            key: &counter_core::CounterKey,
            than: chrono::NaiveDateTime,
        ) -> QueryResult<bool> {
            Ok(!kept::older_total(tables, owner_type, key, than).load::<i64>(self)?.is_empty())
        }

        fn insert_kept(
            &mut self,
            tables: &Tables,
            row: &$crate::ledger::dialect::kept::KeptColumns,
        ) -> QueryResult<usize> {
            kept::insert(tables, row, $now).sql(Self::IF_ABSENT).execute(self)
        }

        fn update_kept(
            &mut self,
            tables: &Tables,
            row: &$crate::ledger::dialect::kept::KeptColumns,
            which: $crate::ledger::dialect::kept::Which,
        ) -> QueryResult<usize> {
            kept::update(tables, row, which).execute(self)
        }

        fn roll_kept(
            &mut self,
            tables: &Tables,
            row: &$crate::ledger::dialect::kept::KeptColumns,
        ) -> QueryResult<usize> {
            kept::roll(tables, row, $now).execute(self)
        }

        fn hold_kept(
            &mut self,
            tables: &Tables,
            row: &$crate::ledger::dialect::kept::KeptColumns,
        ) -> QueryResult<usize> {
            kept::hold(tables, row).execute(self)
        }

        fn mark_gauge(
            &mut self,
            tables: &Tables,
            row: &$crate::ledger::dialect::kept::KeptColumns,
        ) -> QueryResult<usize> {
            kept::mark_gauge(tables, row).execute(self)
        }
    };
}
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
pub(crate) use kept_members;
