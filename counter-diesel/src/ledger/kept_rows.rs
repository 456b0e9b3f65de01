//! Reads and writes the rows that say since when buckets are kept, on the thread that waits for the
//! database.

use chrono::{NaiveDateTime, TimeDelta};
use counter_core::{CounterKey, OwnerType};
use diesel::result::QueryResult;

use crate::error::{Error, LedgerStep};
use crate::ledger::dialect::connection::CounterConnection;
use crate::ledger::dialect::kept::{GAUGE, KeptColumns, Which};
use crate::ledger::dialect::lock_wait::LockWait;
use crate::ledger::dialect::tables::Tables;
use crate::ledger::failure::{contained, lacks};
use crate::ledger::kept::{Kept, KeptChange};
use crate::ledger::pool::DirectLedger;
use crate::ledger::retry;

/// No bucket waits longer for its sync than its total.
const AN_HOUR: TimeDelta = TimeDelta::hours(1);

impl<C: CounterConnection> DirectLedger<C> {
    pub(crate) fn kept(
        &self,
        of: Option<(&OwnerType, &CounterKey)>,
    ) -> Result<Option<Vec<Kept>>, Error> {
        let rows = self.run(LedgerStep::Read, |conn, tables| {
            match contained(conn, |conn| conn.kept(tables, of)) {
                Ok(rows) => Ok(Some(rows)),
                Err(error) if lacks(conn, tables.kept(), &error).unwrap_or(false) => Ok(None),
                Err(error) => Err(error),
            }
        })?;
        Ok(rows.map(|rows| rows.into_iter().filter_map(typed).collect()))
    }

    pub(crate) fn counted_before(
        &self,
        owner_type: &OwnerType,
        key: &CounterKey,
    ) -> Result<Option<NaiveDateTime>, Error> {
        self.run(LedgerStep::Read, |conn, tables| {
            let now = conn.now()?;
            let is_older = conn.has_older_total(tables, owner_type, key, now - AN_HOUR)?;
            Ok(is_older.then_some(now))
        })
    }

    pub(crate) fn write_kept(&self, kept: &Kept, change: KeptChange) -> Result<(), Error> {
        let row = columns(kept);
        retry::with_backoff(|| {
            let mut transaction = self.begin(LockWait::Usual)?;
            transaction.run(LedgerStep::State, |conn, tables| {
                // Change an existing row first: the insert would find that row and so change
                // nothing.
                if change_row(conn, tables, &row, change)? == 0 {
                    conn.insert_kept(tables, &row)?;
                    if change == KeptChange::Forward {
                        // Another process may have made the row first.
                        conn.update_kept(tables, &row, Which::Earlier)?;
                    }
                }
                Ok(())
            })?;
            transaction.commit()
        })
    }

    pub(crate) fn now(&self) -> Result<NaiveDateTime, Error> {
        self.run(LedgerStep::Read, |conn, _| conn.now())
    }
}

/// Changes an existing row. Returns how many rows were found.
fn change_row<C: CounterConnection>(
    conn: &mut C,
    tables: &Tables,
    row: &KeptColumns,
    change: KeptChange,
) -> QueryResult<usize> {
    match change {
        KeptChange::IfAbsent if row.rolled_from == GAUGE => conn.mark_gauge(tables, row),
        KeptChange::IfAbsent => Ok(0),
        KeptChange::Forward => conn.update_kept(tables, row, Which::Earlier),
        KeptChange::Always => match conn.update_kept(tables, row, Which::Any)? {
            0 if row.rolled_from.is_empty() => conn.update_kept(tables, row, Which::RolledUp),
            found => Ok(found),
        },
        KeptChange::RollUp => conn.roll_kept(tables, row),
        KeptChange::Hold => conn.hold_kept(tables, row),
    }
}

fn columns(kept: &Kept) -> KeptColumns {
    let rolled_from = match kept.rolled_from {
        Some(grain) => grain.as_str(),
        None if kept.is_gauge => GAUGE,
        None => "",
    };
    KeptColumns {
        owner_type: kept.owner_type.as_str().to_owned(),
        key: kept.key.as_str().to_owned(),
        grain: kept.grain.as_str().to_owned(),
        since: kept.since,
        rolled_from: rolled_from.to_owned(),
        rolled_until: kept.rolled_until,
        kept_until: kept.kept_until,
    }
}

/// Returns a row with its type, key and grain parsed, or `None` if another program has written
/// something else there.
fn typed((row, noted_at): (KeptColumns, Option<NaiveDateTime>)) -> Option<Kept> {
    let KeptColumns { owner_type, key, grain, since, rolled_from, rolled_until, kept_until } = row;
    let is_gauge = rolled_from == GAUGE;
    let rolled_from = match rolled_from.as_str() {
        "" | GAUGE => None,
        grain => Some(grain.parse().ok()?),
    };
    Some(Kept {
        owner_type: OwnerType::new(owner_type).ok()?,
        key: CounterKey::new(key).ok()?,
        grain: grain.parse().ok()?,
        since,
        rolled_from,
        rolled_until,
        kept_until,
        noted_at,
        is_gauge,
    })
}
