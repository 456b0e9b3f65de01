//! Moves counts out of buckets, in a transaction.

use counter_core::{Baseline, CounterId};
use diesel::result::{Error as DieselError, QueryResult};

use crate::error::{Error, LedgerStep};
use crate::ledger::bucket_move::BucketMove;
use crate::ledger::dialect::connection::CounterConnection;
use crate::ledger::dialect::tables::Tables;
use crate::ledger::transaction::PoolTransaction;

impl<C: CounterConnection> PoolTransaction<C> {
    pub(crate) fn lock_buckets(
        &mut self,
        ids: &[CounterId],
    ) -> Result<Vec<Option<Baseline>>, Error> {
        self.run(LedgerStep::Upsert, |conn, tables| {
            let Some(ours) = conn.lock_rows(tables, ids)? else {
                conn.begin_writing(tables)?;
                return conn.baselines(tables, ids);
            };
            // Read only the locked rows: reading the current state of the others would wait for
            // their locks.
            let locked = ours.iter().filter_map(|place| ids.get(*place).cloned());
            let locked = locked.collect::<Vec<_>>();
            let mut rows = vec![None; ids.len()];
            for (place, row) in ours.into_iter().zip(conn.current_rows(tables, &locked)?) {
                if let Some(of) = rows.get_mut(place) {
                    *of = row;
                }
            }
            Ok(rows)
        })
    }

    pub(crate) fn move_counts(&mut self, moves: &[BucketMove]) -> Result<(), Error> {
        self.run(LedgerStep::Upsert, |conn, tables| {
            for BucketMove { from, row, .. } in moves {
                let cleared = conn.clear_bucket(tables, from, *row)?;
                expect_one(cleared, "a row that was locked is not as it was")?;
            }
            for (into, by) in sums(moves)? {
                add(conn, tables, into, by)?;
            }
            Ok(())
        })
    }
}

/// Returns the longer buckets in their order, each with what is added to it.
fn sums(moves: &[BucketMove]) -> QueryResult<Vec<(&CounterId, i64)>> {
    let mut sums = Vec::<(&CounterId, i64)>::new();
    for BucketMove { row, into, .. } in moves {
        let Some(into) = into else { continue };
        match sums.iter_mut().find(|(of, _)| *of == into) {
            Some((_, sum)) => {
                let added = sum.checked_add(row.count);
                *sum = added.ok_or_else(|| refused("the sum does not fit into 64 bits"))?;
            }
            None => sums.push((into, row.count)),
        }
    }
    sums.sort_by_key(|(into, _)| *into);
    Ok(sums)
}

fn add<C: CounterConnection>(
    conn: &mut C,
    tables: &Tables,
    into: &CounterId,
    by: i64,
) -> QueryResult<()> {
    if conn.add_to_bucket(tables, into, by)? > 0 {
        return Ok(());
    }
    conn.make_bucket(tables, into)?;
    expect_one(conn.add_to_bucket(tables, into, by)?, "a row that was made is not there")
}

fn expect_one(rows: usize, why: &'static str) -> QueryResult<()> {
    if rows == 1 { Ok(()) } else { Err(refused(why)) }
}

fn refused(why: &'static str) -> DieselError {
    DieselError::QueryBuilderError(why.into())
}
