use std::time::Duration;

use chrono::NaiveDateTime;
use counter_core::{HeldNumber, NumberRow, StoreNumber};
use diesel::result::{DatabaseErrorKind, Error as DieselError, QueryResult};

use crate::error::{Error, LedgerStep};
use crate::ledger::dialect::connection::CounterConnection;
use crate::ledger::dialect::numbers::{NumberUse, SharedRecord};
use crate::ledger::dialect::tables::Tables;
use crate::ledger::transaction::PoolTransaction;
use crate::random::one_of;

/// How long a number has to be unused to be taken before one that was never used. A living store
/// that nevertheless loses its number takes another one, which costs a few statements.
const IDLE: Duration = Duration::from_secs(3600);

/// How many numbers are tried that others take meanwhile.
const TRIES: usize = 16;

impl<C: CounterConnection> PoolTransaction<C> {
    pub(crate) fn take_number(&mut self, holder: i64) -> Result<HeldNumber, Error> {
        self.run(LedgerStep::State, |conn, tables| {
            conn.begin_writing(tables)?;
            take(conn, tables, holder)
        })
    }

    pub(crate) fn lock_number(&mut self, number: StoreNumber) -> Result<Option<NumberRow>, Error> {
        self.run(LedgerStep::State, |conn, tables| {
            conn.begin_writing(tables)?;
            conn.lock_number(tables, number)
        })
    }

    pub(crate) fn write_number(
        &mut self,
        number: StoreNumber,
        locked: NumberRow,
        row: NumberRow,
    ) -> Result<SharedRecord, Error> {
        self.run(LedgerStep::State, |conn, tables| {
            is_written(conn.update_number(tables, number, locked, row)?)?;
            conn.shared_record(tables)
        })
    }
}

/// Takes a number that was not used for long, or that was never used, or else the one that was not
/// used for the longest time. Its row stays locked.
fn take<C: CounterConnection>(
    conn: &mut C,
    tables: &Tables,
    holder: i64,
) -> QueryResult<HeldNumber> {
    let number = take_one(conn, tables, holder)?;
    let shared = conn.shared_record(tables)?.newest;
    let above = conn.newest_recorded(tables)?;
    Ok(HeldNumber { number, above, shared })
}

/// Waits for no row, because it may have locked others before.
fn take_one<C: CounterConnection>(
    conn: &mut C,
    tables: &Tables,
    holder: i64,
) -> QueryResult<StoreNumber> {
    for _ in 0..TRIES {
        let known = conn.numbers(tables)?;
        let Some(number) = choose(&known) else { break };
        let Some(used) = known.iter().find(|used| used.number == number) else {
            let row = NumberRow { holder, ..NumberRow::default() };
            let written = conn.insert_number(tables, number, row).map_err(as_passing)?;
            return is_written(written).map(|()| number);
        };
        if let Some(row) = conn.lock_free_number(tables, number)?
            && is_as_it_was(conn, tables, used)?
        {
            // The word of the last batch stays, which its earlier holder may have to know.
            is_written(conn.update_number(tables, number, row, NumberRow { holder, ..row })?)?;
            return Ok(number);
        }
    }
    Err(taken_meanwhile())
}

/// Another process may have made the row at the same time, so it is worth another try.
fn as_passing(error: DieselError) -> DieselError {
    match error {
        DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _) => taken_meanwhile(),
        error => error,
    }
}

/// Fails if the row of a number was not written: then another transaction has written it since.
fn is_written(rows: usize) -> QueryResult<()> {
    if rows == 1 { Ok(()) } else { Err(taken_meanwhile()) }
}

fn taken_meanwhile() -> DieselError {
    let words = "other processes take numbers for their stores at the same time".to_owned();
    DieselError::DatabaseError(DatabaseErrorKind::SerializationFailure, Box::new(words))
}

/// Returns whether no other process has taken this number since, whose row is locked now.
fn is_as_it_was<C: CounterConnection>(
    conn: &mut C,
    tables: &Tables,
    used: &NumberUse,
) -> QueryResult<bool> {
    let now = conn.numbers(tables)?;
    let now = now.into_iter().find(|now| now.number == used.number);
    Ok(now.is_some_and(|now| now.used_at == used.used_at))
}

/// Chooses at random among those that are as good, so that processes which start together choose
/// different ones.
fn choose(known: &[NumberUse]) -> Option<StoreNumber> {
    let is_idle = |used: &&NumberUse| idle_for(used) >= IDLE;
    let idle = known.iter().filter(is_idle).map(|used| used.number).collect::<Vec<_>>();
    let unused = (0..StoreNumber::COUNT)
        .filter_map(StoreNumber::new)
        .filter(|number| known.iter().all(|used| used.number != *number));
    let best = if idle.is_empty() { unused.collect() } else { idle };
    let oldest = || known.iter().min_by_key(|used| used.used_at).map(|used| used.number);
    one_of(&best).or_else(oldest)
}

fn idle_for(used: &NumberUse) -> Duration {
    if used.used_at == NaiveDateTime::MIN {
        return Duration::MAX;
    }
    (used.now - used.used_at).to_std().unwrap_or_default()
}
