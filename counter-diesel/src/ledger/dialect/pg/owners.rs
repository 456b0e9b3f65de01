use counter_core::{ClaimSeq, CounterId, OwnerId, OwnerType, TableName};
use diesel::result::QueryResult;
use diesel::sql_types::Text;
use diesel::{PgConnection, RunQueryDsl};

use super::NOW;
use super::rows::free_rows;
use crate::ledger::dialect::kept::KeptDialect;
use crate::ledger::dialect::moves::MovesDialect;
use crate::ledger::dialect::owners::{ColumnKind, ColumnSql, OwnersDialect};
use crate::ledger::dialect::sql::kept::kept_members;
use crate::ledger::dialect::sql::moves::moves_members;
use crate::ledger::dialect::sql::owners::owners_members;
use crate::ledger::dialect::sql::statement::Statement;
use crate::ledger::dialect::sql::{kept, moves, owners, present};
use crate::ledger::dialect::tables::Tables;

impl OwnersDialect for PgConnection {
    const COLUMN_SQL: ColumnSql = ColumnSql {
        text: "TEXT",
        integer: "BIGINT",
        padded: Some("bpchar"),
        uuid: Some("uuid"),
        hex: "upper(encode({}, 'hex'))",
    };

    /// Locks the rows first, without waiting: a deletion of many locks them in no order.
    fn delete_zeros(
        &mut self,
        tables: &Tables,
        rows: &[(CounterId, ClaimSeq)],
    ) -> QueryResult<usize> {
        let ids = rows.iter().map(|(id, _)| id.clone()).collect::<Vec<_>>();
        let zeros = owners::zeros(rows, free_rows(tables, &ids)?.load(self)?);
        let mut deleted = 0;
        for zeros in zeros.chunks(owners::MOST_DELETED) {
            deleted += owners::delete(tables, zeros).execute(self)?;
        }
        Ok(deleted)
    }

    /// Of a domain, what it is made of.
    fn kind_of(&mut self, table: &TableName, column: &str) -> QueryResult<ColumnKind> {
        let kind = Statement::<Text>::new(
            "SELECT b.typname::text FROM pg_attribute AS a \
             JOIN pg_type AS t ON t.oid = a.atttypid \
             JOIN pg_type AS b ON b.oid = CASE t.typtype WHEN 'd' THEN t.typbasetype \
             ELSE t.oid END WHERE NOT a.attisdropped AND a.attrelid = to_regclass(",
        );
        let kind = kind.text(present::name(table)).sql(") AND a.attname = ").text(column);
        Ok(match kind.load::<String>(self)?.first().map(String::as_str) {
            Some("int2" | "int4" | "int8" | "numeric" | "float4" | "float8" | "oid") => {
                ColumnKind::Numbers
            }
            Some("text" | "varchar") => ColumnKind::Texts,
            Some("bpchar") => ColumnKind::PaddedTexts,
            Some("uuid") => ColumnKind::Uuids,
            Some("bytea") => ColumnKind::Bytes,
            _ => ColumnKind::Other,
        })
    }

    owners_members!(NOW);
}

impl MovesDialect for PgConnection {
    moves_members!(NOW);
}

impl KeptDialect for PgConnection {
    kept_members!(NOW);
}
