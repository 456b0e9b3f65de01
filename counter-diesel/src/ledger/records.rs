//! The rows in which transactions record what a store has given out.

use counter_core::{ClaimSeq, Marks, NotedRow};
use diesel::result::{Error as DieselError, QueryResult};

use crate::ledger::dialect::connection::CounterConnection;
use crate::ledger::dialect::isolation::Isolation;
use crate::ledger::dialect::state_row::{RecordRow, StateRow};
use crate::ledger::dialect::tables::Tables;
use crate::ledger::ledger::LockedRecord;
use crate::random::{one_of, random_word};

/// Locks a row of the record that no other transaction has locked, or, if there is none, makes one
/// or waits for one. All rows are read afterwards.
pub(crate) fn lock<C: CounterConnection>(
    conn: &mut C,
    tables: &Tables,
    isolation: Isolation,
    (prefix, store_id): (&str, &str),
) -> QueryResult<LockedRecord> {
    let row = match conn.free_writer(tables, prefix, store_id)? {
        Some(row) => row,
        None => lock_another(conn, tables, isolation, (prefix, store_id))?,
    };
    let (mut recorded, mut decision) = (Vec::new(), Marks::default());
    for row in conn.recorded(tables, prefix, store_id)? {
        let NotedRow { writer, seq, marks, .. } = read(row)?;
        if writer == NotedRow::DECISIONS {
            decision = marks;
        } else if seq > ClaimSeq::ZERO {
            recorded.push(seq);
        }
    }
    Ok(LockedRecord { row: read(row)?, recorded, decision })
}

/// Writes a row of the record that this transaction has locked.
pub(crate) fn write<C: CounterConnection>(
    conn: &mut C,
    tables: &Tables,
    prefix: &str,
    store_id: &str,
    row: &NotedRow,
) -> QueryResult<()> {
    let marks = row.marks.to_string();
    let row = StateRow { writer: row.writer, marks, ..StateRow::new(prefix, store_id, row.seq) };
    conn.record(tables, &[row])
}

/// Gives new marks, which no copy of the database has, to the rows of the record, to those that the
/// store has noted, and to the row of decisions.
pub(crate) fn adopt<C: CounterConnection>(
    conn: &mut C,
    tables: &Tables,
    prefix: &str,
    store_id: &str,
    noted: &[NotedRow],
) -> QueryResult<Vec<NotedRow>> {
    let rows = conn.record_rows(tables, prefix, store_id, None)?;
    let mut rows = rows.into_iter().map(read).collect::<QueryResult<Vec<_>>>()?;
    for writer in noted.iter().map(|noted| noted.writer).chain([NotedRow::DECISIONS]) {
        if rows.iter().all(|row| row.writer != writer) {
            rows.push(NotedRow { writer, ..NotedRow::default() });
        }
    }
    rows.sort_by_key(|row| row.writer);
    for row in &mut rows {
        let noted = noted.iter().find(|noted| noted.writer == row.writer);
        row.marks = row.marks.adopted(noted.and_then(|noted| noted.marks.newest()), random_word());
        write(conn, tables, prefix, store_id, row)?;
    }
    Ok(rows)
}

/// Makes a row and locks it. Waits for the transaction that has it locked, where all rows are there
/// or another transaction has just made the same one.
fn lock_another<C: CounterConnection>(
    conn: &mut C,
    tables: &Tables,
    isolation: Isolation,
    (prefix, store_id): (&str, &str),
) -> QueryResult<RecordRow> {
    let mut writer = C::WRITERS;
    if C::IS_SERVER {
        let present = match isolation {
            Isolation::ReadCommitted => conn.recorded(tables, prefix, store_id)?,
            // Otherwise the rows would be read afterwards as they are now: without what others
            // commit while this transaction waits.
            Isolation::RepeatableRead | Isolation::OfConnection => Vec::new(),
        };
        writer = absent_or_any(&present, C::WRITERS);
        // Makes the row, if there is none, and lowers nothing.
        let row = StateRow::new(prefix, store_id, ClaimSeq::ZERO);
        conn.record(tables, &[StateRow { writer, ..row }])?;
    }
    let rows = conn.record_rows(tables, prefix, store_id, Some(writer))?;
    Ok(rows.into_iter().next().unwrap_or_else(|| (writer, 0, String::new())))
}

/// Returns a number that no row has, of those from 1 to the last, or any if each has a row.
fn absent_or_any(present: &[RecordRow], last: i64) -> i64 {
    let is_absent = |number: &i64| present.iter().all(|(writer, ..)| writer != number);
    let all = (1..=last).collect::<Vec<_>>();
    let absent = all.iter().copied().filter(is_absent).collect::<Vec<_>>();
    one_of(&absent).or_else(|| one_of(&all)).unwrap_or(last)
}

fn read((writer, seq, marks): RecordRow) -> QueryResult<NotedRow> {
    let marks =
        marks.parse().map_err(|error| DieselError::DeserializationError(Box::new(error)))?;
    Ok(NotedRow { writer, seq: ClaimSeq::new(seq), marks, decision: None })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_row_that_is_there_is_taken_only_where_all_are() {
        let taken = |present: &[i64]| {
            let rows = present.iter().map(|number| (*number, 5, String::new()));
            let rows = rows.collect::<Vec<_>>();
            (0..200).map(|_| absent_or_any(&rows, 4)).collect::<BTreeSet<_>>()
        };
        assert_eq!(taken(&[-1, 0, 1, 2, 4]), BTreeSet::from([3]));
        assert_eq!(taken(&[2]), BTreeSet::from([1, 3, 4]));
        assert_eq!(taken(&[1, 2, 3, 4]), BTreeSet::from([1, 2, 3, 4]));
    }
}
