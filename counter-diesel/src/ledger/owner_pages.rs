//! The rows and the owners of a type, page by page, on the thread that waits for them.

use std::collections::HashSet;
use std::num::NonZeroUsize;

use counter_core::{CounterId, OwnerId, OwnerType, TableName};

use crate::error::{Error, LedgerStep};
use crate::ledger::dialect::connection::CounterConnection;
use crate::ledger::dialect::owners::FoundRow;
use crate::ledger::ledger::{CounterRow, OwnerWithRows, RowPage, RowPlace};
use crate::ledger::pool::DirectLedger;

impl<C: CounterConnection> DirectLedger<C> {
    pub(crate) fn rows_after(
        &self,
        owner_type: &OwnerType,
        after: Option<&RowPlace>,
        limit: NonZeroUsize,
    ) -> Result<RowPage, Error> {
        let most = as_limit(limit);
        let after = after.map(|place| (&place.owner, place.key.as_str()));
        let rows = self.run(LedgerStep::Read, |conn, tables| {
            conn.rows_after(tables, owner_type, after, most)
        })?;
        let is_full = rows.len() >= limit.get();
        let last = rows.last().filter(|_| is_full);
        let next = last.map(|row| RowPlace { owner: row.owner.clone(), key: row.key.clone() });
        let typed = |row: FoundRow| {
            let counter = CounterId::new(owner_type.as_str(), &row.owner, &row.key).ok()?;
            Some(CounterRow { counter, row: row.row, idle: row.idle })
        };
        Ok(RowPage { rows: rows.into_iter().filter_map(typed).collect(), next })
    }

    pub(crate) fn owners_after(
        &self,
        owner_type: &OwnerType,
        after: Option<&OwnerId>,
        limit: NonZeroUsize,
    ) -> Result<Vec<OwnerWithRows>, Error> {
        let found = self.run(LedgerStep::Read, |conn, tables| {
            conn.owners_after(tables, owner_type, after, as_limit(limit))
        })?;
        let owners = found.into_iter().map(|found| OwnerWithRows {
            owner: found.owner,
            rows: found.rows,
            idle: found.idle,
        });
        Ok(owners.collect())
    }

    pub(crate) fn present_owners(
        &self,
        table: &TableName,
        column: &str,
        ids: &[OwnerId],
    ) -> Result<Vec<OwnerId>, Error> {
        let present = self.run(LedgerStep::Owners, |conn, _| {
            Ok(conn.present_owners(table, column, ids)?.into_iter().collect::<HashSet<_>>())
        })?;
        Ok(ids.iter().filter(|id| present.contains(id)).cloned().collect())
    }
}

fn as_limit(limit: NonZeroUsize) -> i64 {
    i64::try_from(limit.get()).unwrap_or(i64::MAX)
}
