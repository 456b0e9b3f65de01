//! The rows and the owners of a type, page by page, on the thread that waits for them.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashSet};
use std::num::NonZeroUsize;

use counter_core::{CounterId, OwnerId, OwnerType, TableName};

use crate::error::{Error, LedgerStep};
use crate::ledger::dialect::connection::CounterConnection;
use crate::ledger::dialect::owner::OwnerColumns;
use crate::ledger::dialect::owners::{BucketPlace, FoundOwner, FoundRow};
use crate::ledger::dialect::period::read_period;
use crate::ledger::failure::of_buckets;
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
        Ok(page(owner_type, rows, limit))
    }

    pub(crate) fn buckets_after(
        &self,
        owner_type: &OwnerType,
        after: Option<&RowPlace>,
        limit: NonZeroUsize,
    ) -> Result<RowPage, Error> {
        let most = as_limit(limit);
        let after = after.map(|RowPlace { owner, key, period }| BucketPlace {
            owner,
            key,
            period: period.as_ref().map(|(grain, starts_at)| (grain.as_str(), *starts_at)),
        });
        let rows = self.run(LedgerStep::Read, |conn, tables| {
            of_buckets(conn, tables, |conn| conn.buckets_after(tables, owner_type, after, most))
        })?;
        Ok(page(owner_type, rows, limit))
    }

    pub(crate) fn bucket_type_after(
        &self,
        after: Option<&OwnerType>,
    ) -> Result<Option<OwnerType>, Error> {
        let mut after = after.map(|of| of.as_str().to_owned());
        loop {
            let found = self.run(LedgerStep::Read, |conn, tables| {
                conn.bucket_type_after(tables, after.as_deref())
            })?;
            let Some(found) = found else { return Ok(None) };
            if let Ok(owner_type) = OwnerType::new(found.clone()) {
                return Ok(Some(owner_type));
            }
            after = Some(found);
        }
    }

    pub(crate) fn owners_after(
        &self,
        owner_type: &OwnerType,
        after: Option<&OwnerId>,
        limit: NonZeroUsize,
    ) -> Result<Vec<OwnerWithRows>, Error> {
        let most = as_limit(limit);
        let (of_totals, of_buckets) = self.run(LedgerStep::Read, |conn, tables| {
            let of_totals = conn.owners_after(tables.totals(), owner_type, after, most)?;
            let of_buckets = of_buckets(conn, tables, |conn| {
                conn.owners_after(tables.periods(), owner_type, after, most)
            })?;
            Ok((of_totals, of_buckets))
        })?;
        Ok(of_both(of_totals, of_buckets).into_values().take(limit.get()).collect())
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

/// Returns the owners that have rows in one table or in both, in the order of the tables. The first
/// so many of each have the first so many of both among them.
fn of_both(
    of_totals: Vec<FoundOwner>,
    of_buckets: Vec<FoundOwner>,
) -> BTreeMap<(i64, String), OwnerWithRows> {
    let mut owners = BTreeMap::<_, OwnerWithRows>::new();
    for FoundOwner { owner, rows, idle } in of_totals.into_iter().chain(of_buckets) {
        // It was made of such columns.
        let Ok(OwnerColumns { id, key }) = OwnerColumns::of(&owner) else { continue };
        match owners.entry((id, key.to_owned())) {
            Entry::Vacant(place) => {
                place.insert(OwnerWithRows { owner, rows, idle });
            }
            Entry::Occupied(mut place) => {
                let found = place.get_mut();
                found.rows += rows;
                found.idle = found.idle.min(idle);
            }
        }
    }
    owners
}

/// Returns the rows with their counters. What is in a row of the buckets and names no period is
/// passed over, and so is what names no counter.
fn page(owner_type: &OwnerType, rows: Vec<FoundRow>, limit: NonZeroUsize) -> RowPage {
    let is_full = rows.len() >= limit.get();
    let last = rows.last().filter(|_| is_full);
    let next = last.map(|row| RowPlace {
        owner: row.owner.clone(),
        key: row.key.clone(),
        period: row.period.clone(),
    });
    let typed = |row: FoundRow| {
        let total = CounterId::new(owner_type.as_str(), &row.owner, &row.key).ok()?;
        let id = match row.period {
            None => total,
            Some((grain, starts_at)) => total.within(read_period(&grain, starts_at).ok()?).ok()?,
        };
        Some(CounterRow { counter: id, row: row.row, idle: row.idle })
    };
    RowPage { rows: rows.into_iter().filter_map(typed).collect(), next }
}

fn as_limit(limit: NonZeroUsize) -> i64 {
    i64::try_from(limit.get()).unwrap_or(i64::MAX)
}
