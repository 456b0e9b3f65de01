//! The rows in which transactions record what each part of a store has given out.
//!
//! A transaction writes only to rows that belong to the row of the record which it has locked, so
//! none waits for another one for them.

use counter_core::{ClaimSeq, PartSeq, Prefix};
use diesel::result::QueryResult;

use crate::error::{Error, LedgerStep};
use crate::ledger::dialect::connection::CounterConnection;
use crate::ledger::dialect::sql::standard::OF_PARTS;
use crate::ledger::dialect::state_row::StateRow;
use crate::ledger::dialect::tables::Tables;
use crate::ledger::transaction::PoolTransaction;

/// The greatest number of a row of the record.
const WRITERS: i64 = 64;

/// How many rows one statement writes or reads. They are few numbers, because a statement is kept
/// by its text.
const SIZES: [usize; 4] = [256, 32, 4, 1];

impl<C: CounterConnection> PoolTransaction<C> {
    pub(crate) fn recorded_parts(
        &mut self,
        prefix: &Prefix,
        store_id: &str,
        parts: &[u16],
    ) -> Result<Vec<PartSeq>, Error> {
        let store = (prefix.as_str(), store_id);
        self.run(LedgerStep::State, |conn, tables| of(conn, tables, store, parts))
    }

    pub(crate) fn record_parts(
        &mut self,
        prefix: &Prefix,
        store_id: &str,
        writer: i64,
        parts: &[PartSeq],
    ) -> Result<(), Error> {
        let store = (prefix.as_str(), store_id);
        self.run(LedgerStep::State, |conn, tables| write(conn, tables, store, writer, parts))
    }
}

/// Returns what is recorded of all parts of a store: of each part several sequences.
pub(crate) fn all<C: CounterConnection>(
    conn: &mut C,
    tables: &Tables,
    prefix: &str,
    store_id: &str,
) -> QueryResult<Vec<PartSeq>> {
    let rows = conn.recorded_by(tables, prefix, &id_of_parts(store_id), &[])?;
    Ok(rows.into_iter().filter_map(|(writer, seq, _)| read(writer, seq)).collect())
}

/// Returns what is recorded of these parts of a store.
pub(crate) fn of<C: CounterConnection>(
    conn: &mut C,
    tables: &Tables,
    (prefix, store_id): (&str, &str),
    parts: &[u16],
) -> QueryResult<Vec<PartSeq>> {
    let id = id_of_parts(store_id);
    let rows = parts.iter().map(|part| (row_of(*part, 1), row_of(*part, WRITERS)));
    let rows = rows.collect::<Vec<_>>();
    let mut recorded = Vec::new();
    for rows in in_sizes(&rows) {
        let found = conn.recorded_by(tables, prefix, &id, rows)?;
        recorded.extend(found.into_iter().filter_map(|(writer, seq, _)| read(writer, seq)));
    }
    Ok(recorded)
}

/// Writes what parts of a store have given out to the rows that belong to this row of the record,
/// but never lowers any.
pub(crate) fn write<C: CounterConnection>(
    conn: &mut C,
    tables: &Tables,
    (prefix, store_id): (&str, &str),
    writer: i64,
    parts: &[PartSeq],
) -> QueryResult<()> {
    let id = id_of_parts(store_id);
    let row = |PartSeq { part, seq }: &PartSeq| {
        let writer = row_of(*part, writer);
        StateRow { writer, ..StateRow::new(prefix, &id, *seq) }
    };
    let rows = parts.iter().map(row).collect::<Vec<_>>();
    in_sizes(&rows).try_for_each(|rows| conn.record(tables, rows))
}

fn id_of_parts(store_id: &str) -> String {
    [store_id, OF_PARTS].concat()
}

/// Returns the number of the row of a part that belongs to a row of the record. No row has the
/// number of that of passes.
fn row_of(part: u16, writer: i64) -> i64 {
    i64::from(part) * WRITERS + writer
}

fn read(row: i64, seq: i64) -> Option<PartSeq> {
    let part = u16::try_from((row - 1).div_euclid(WRITERS)).ok()?;
    (seq > 0).then(|| PartSeq { part, seq: ClaimSeq::new(seq) })
}

/// Cuts items into pieces, each of one of the sizes.
fn in_sizes<T>(items: &[T]) -> impl Iterator<Item = &[T]> {
    let mut rest = items;
    std::iter::from_fn(move || {
        let size = SIZES.into_iter().find(|size| *size <= rest.len())?;
        let (piece, after) = rest.split_at_checked(size)?;
        rest = after;
        Some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_of_the_record_has_rows_of_its_own_for_each_part() {
        let mut rows = std::collections::BTreeSet::new();
        for (part, writer) in [(0, 1), (0, 2), (0, 64), (1, 1), (16_383, 64), (u16::MAX, 64)] {
            let row = row_of(part, writer);
            assert!(row > StateRow::PASSES && rows.insert(row));
            assert_eq!(read(row, 5), Some(PartSeq { part, seq: ClaimSeq::new(5) }));
        }
        assert_eq!(read(1, 0), None);
    }

    #[test]
    fn pieces_are_of_few_sizes_and_in_order() {
        let items = (0..1000).collect::<Vec<_>>();
        let pieces = in_sizes(&items).collect::<Vec<_>>();
        assert_eq!(pieces.concat(), items);
        assert!(pieces.iter().all(|piece| SIZES.contains(&piece.len())));
        assert_eq!(pieces.len(), 3 + 7 + 2);
        assert_eq!(in_sizes::<u8>(&[]).count(), 0);
    }
}
