//! The rows in which transactions record what a store has given out.

use counter_core::{ClaimSeq, Marks, NotedRow};
use diesel::result::{Error as DieselError, QueryResult};

use crate::ledger::dialect::connection::CounterConnection;
use crate::ledger::dialect::state_row::{RecordRow, StateRow};
use crate::ledger::dialect::tables::Tables;
use crate::ledger::ledger::LockedRecord;
use crate::random::random_word;

/// Locks a row of the record that no other transaction has locked, or, if there is none, one left
/// to chance. All rows are read afterwards.
pub(crate) fn lock<C: CounterConnection>(
    conn: &mut C,
    tables: &Tables,
    prefix: &str,
    store_id: &str,
) -> QueryResult<LockedRecord> {
    let row = match conn.free_writer(tables, prefix, store_id)? {
        Some(row) => row,
        None => lock_any(conn, tables, prefix, store_id)?,
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

/// Waits for the transaction that has locked the row.
fn lock_any<C: CounterConnection>(
    conn: &mut C,
    tables: &Tables,
    prefix: &str,
    store_id: &str,
) -> QueryResult<RecordRow> {
    let writer = 1 + i64::try_from(random_word() % C::WRITERS).unwrap_or_default();
    if C::IS_SERVER {
        // Makes the row, if there is none, and lowers nothing.
        let row = StateRow::new(prefix, store_id, ClaimSeq::ZERO);
        conn.record(tables, &[StateRow { writer, ..row }])?;
    }
    let rows = conn.record_rows(tables, prefix, store_id, Some(writer))?;
    Ok(rows.into_iter().next().unwrap_or_else(|| (writer, 0, String::new())))
}

fn read((writer, seq, marks): RecordRow) -> QueryResult<NotedRow> {
    let marks =
        marks.parse().map_err(|error| DieselError::DeserializationError(Box::new(error)))?;
    Ok(NotedRow { writer, seq: ClaimSeq::new(seq), marks, decision: None })
}
