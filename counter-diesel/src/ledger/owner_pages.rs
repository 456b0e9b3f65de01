//! The rows and the owners of a type, page by page, on the thread that waits for them.

use std::collections::HashSet;
use std::num::NonZeroUsize;

use counter_core::{CounterId, OwnerId, OwnerType, TableName};

use crate::error::{Error, LedgerStep};
use crate::ledger::dialect::connection::CounterConnection;
use crate::ledger::dialect::owners::FoundRow;
use crate::ledger::ledger::{OwnerWithRows, RowPage, RowPlace};
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
            let id = CounterId::new(owner_type.as_str(), &row.owner, &row.key).ok()?;
            Some((id, row.row))
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
        let is_integer = |id: &OwnerId| id.as_i64().is_some();
        // Together, integers would be compared as texts too.
        let (integers, texts) = ids.iter().cloned().partition::<Vec<_>, _>(is_integer);
        let present = self.run(LedgerStep::Owners, |conn, _| {
            let mut present = HashSet::new();
            for (are_integers, ids) in [(true, &integers), (false, &texts)] {
                let found = conn.present_owners(table, column, ids)?;
                present.extend(found.into_iter().map(|text| (are_integers, text)));
            }
            Ok(present)
        })?;
        let text_of = |id: &OwnerId| id.as_text().map_or_else(|| id.to_string(), str::to_owned);
        let is_present = |id: &&OwnerId| present.contains(&(is_integer(id), text_of(id)));
        Ok(ids.iter().filter(is_present).cloned().collect())
    }
}

fn as_limit(limit: NonZeroUsize) -> i64 {
    i64::try_from(limit.get()).unwrap_or(i64::MAX)
}
