//! Reads and writes the rows that say since when buckets are kept, on the thread that waits for the
//! database.

use chrono::{NaiveDateTime, TimeDelta};
use counter_core::{CounterKey, Grain, OwnerType};

use crate::error::{Error, LedgerStep};
use crate::ledger::dialect::connection::CounterConnection;
use crate::ledger::dialect::kept::{GAUGE, KeptColumns};
use crate::ledger::dialect::lock_wait::LockWait;
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
                let found = match change {
                    KeptChange::IfAbsent => 0,
                    KeptChange::Forward => conn.update_kept(tables, &row, true)?,
                    KeptChange::Always => conn.update_kept(tables, &row, false)?,
                };
                if found == 0 {
                    conn.insert_kept(tables, &row)?;
                    if kept.is_gauge {
                        conn.mark_gauge(tables, &row)?;
                    }
                    if change == KeptChange::Forward {
                        // Another process may have made the row first.
                        conn.update_kept(tables, &row, true)?;
                    }
                }
                Ok(())
            })?;
            transaction.commit()
        })
    }
}

fn columns(kept: &Kept) -> KeptColumns {
    let Kept { owner_type, key, grain, since, rolled_from, .. } = kept;
    let rolled_from = rolled_from.map_or("", Grain::as_str).to_owned();
    let (owner_type, key) = (owner_type.as_str().to_owned(), key.as_str().to_owned());
    (owner_type, key, grain.as_str().to_owned(), *since, rolled_from)
}

/// Returns a row with its type, key and grain parsed, or `None` if another program has written
/// something else there.
fn typed((owner_type, key, grain, since, rolled_from): KeptColumns) -> Option<Kept> {
    let is_gauge = rolled_from == GAUGE;
    let rolled_from = match rolled_from.as_str() {
        "" | GAUGE => None,
        grain => Some(grain.parse().ok()?),
    };
    let (owner_type, key) = (OwnerType::new(owner_type).ok()?, CounterKey::new(key).ok()?);
    Some(Kept { owner_type, key, grain: grain.parse().ok()?, since, rolled_from, is_gauge })
}
