use counter_core::{ClaimSeq, CounterId, OwnerId, OwnerType, TableName};
use diesel::result::{Error, QueryResult};
use diesel::sql_types::Text;
use diesel::{MysqlConnection, RunQueryDsl};

use super::NOW;
use super::rows::{free_rows, pieces};
use crate::ledger::dialect::kept::KeptDialect;
use crate::ledger::dialect::moves::MovesDialect;
use crate::ledger::dialect::owners::{ColumnKind, ColumnSql, OwnersDialect};
use crate::ledger::dialect::sql::kept::kept_members;
use crate::ledger::dialect::sql::moves::moves_members;
use crate::ledger::dialect::sql::owners::owners_members;
use crate::ledger::dialect::sql::statement::Statement;
use crate::ledger::dialect::sql::{kept, moves, owners, present};
use crate::ledger::dialect::tables::Tables;

impl OwnersDialect for MysqlConnection {
    const COLUMN_SQL: ColumnSql =
        ColumnSql { text: "CHAR", integer: "SIGNED", padded: None, uuid: None, hex: "HEX({})" };

    /// Locks the rows first, in order and without waiting, because a deletion of many would wait.
    fn delete_zeros(
        &mut self,
        tables: &Tables,
        rows: &[(CounterId, ClaimSeq)],
    ) -> QueryResult<usize> {
        let ids = rows.iter().map(|(id, _)| id.clone()).collect::<Vec<_>>();
        let (mut deleted, mut first) = (0, 0);
        for ids in pieces(&ids) {
            let asked = rows.get(first..first + ids.len()).unwrap_or_default();
            let zeros = owners::zeros(asked, free_rows(tables, ids)?.load(self)?);
            for zeros in zeros.chunks(owners::MOST_DELETED) {
                deleted += owners::delete(tables, zeros).execute(self)?;
            }
            first += ids.len();
        }
        Ok(deleted)
    }

    fn is_hidden(error: &Error) -> bool {
        error.to_string().contains("command denied to user")
    }

    fn kind_of(&mut self, table: &TableName, column: &str) -> QueryResult<ColumnKind> {
        let kind = "SELECT CAST(data_type AS CHAR) FROM information_schema.columns \
                    WHERE table_schema = ";
        let kind = Statement::<Text>::new(kind).prepared_anew();
        let kind = match table.schema() {
            Some(schema) => kind.text(schema),
            None => kind.sql("DATABASE()"),
        };
        let kind = kind.sql(" AND table_name = ").text(table.table());
        let kind = kind.sql(" AND column_name = ").text(column).load::<String>(self)?;
        Ok(match kind.first().map(|kind| kind.to_ascii_lowercase()).as_deref() {
            Some(
                "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "decimal" | "float"
                | "double",
            ) => ColumnKind::Numbers,
            Some("char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext") => {
                ColumnKind::Texts
            }
            Some("binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob") => {
                ColumnKind::BytesOrTexts
            }
            Some("uuid") => ColumnKind::Uuids,
            _ => ColumnKind::Other,
        })
    }

    owners_members!(NOW);
}

impl MovesDialect for MysqlConnection {
    moves_members!(NOW);
}

impl KeptDialect for MysqlConnection {
    const IF_ABSENT: &'static str = " ON DUPLICATE KEY UPDATE `grain` = `grain`";

    kept_members!(NOW);
}
