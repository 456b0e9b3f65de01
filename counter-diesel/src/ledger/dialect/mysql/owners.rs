use counter_core::{OwnerId, OwnerType};
use diesel::result::QueryResult;
use diesel::{MysqlConnection, RunQueryDsl};

use super::NOW;
use crate::ledger::dialect::owners::OwnersDialect;
use crate::ledger::dialect::sql::owners;
use crate::ledger::dialect::sql::owners::owners_members;
use crate::ledger::dialect::tables::Tables;

impl OwnersDialect for MysqlConnection {
    const TEXT: &'static str = "CHAR";

    owners_members!(NOW);
}
