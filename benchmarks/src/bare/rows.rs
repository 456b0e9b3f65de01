use std::ops::Range;

use diesel::backend::Backend;
use diesel::query_builder::AstPass;
use diesel::result::QueryResult;
use diesel::serialize::ToSql;
use diesel::sql_types::{BigInt, HasSqlType, Text};

use crate::post::{KEY, OWNER_TYPE};

/// The claims of one transaction, column by column.
#[derive(Clone)]
pub struct Batch {
    pub owner_types: Vec<&'static str>,
    pub owner_ids: Vec<i64>,
    /// Empty, for owners that are integers.
    pub owner_keys: Vec<&'static str>,
    pub keys: Vec<&'static str>,
    pub counts: Vec<i64>,
    pub seqs: Vec<i64>,
}

impl Batch {
    pub fn new(owner_ids: Vec<i64>, seq: i64) -> Self {
        let rows = owner_ids.len();
        Self {
            owner_types: vec![OWNER_TYPE; rows],
            owner_ids,
            owner_keys: vec![""; rows],
            keys: vec![KEY; rows],
            counts: vec![1; rows],
            seqs: vec![seq; rows],
        }
    }

    /// Returns the range of each statement of `rows` rows.
    pub fn pieces(&self, rows: usize) -> impl Iterator<Item = Range<usize>> + use<> {
        let all = self.owner_ids.len();
        assert_eq!(all % rows, 0, "batches are made of whole statements");
        (0..all).step_by(rows).map(move |start| start..start + rows)
    }
}

/// Returns one row for each post, in batches of a sync's default size.
///
/// Which posts share a batch is random and differs by sequence, as in a scan of Redis. Within a
/// batch they are in order, as in a sync.
pub fn batches(posts: i64, seq: i64) -> Vec<Batch> {
    let mut ids = (1..=posts).collect::<Vec<_>>();
    fastrand::Rng::with_seed(seq.unsigned_abs()).shuffle(&mut ids);
    let batch = |ids: &[i64]| {
        let mut ids = ids.to_vec();
        ids.sort_unstable();
        Batch::new(ids, seq)
    };
    ids.chunks(1000).map(batch).collect()
}

/// Writes some rows of a batch as they stand after `VALUES`.
pub(super) fn push_values<'b, DB>(
    out: &mut AstPass<'_, 'b, DB>,
    batch: &'b Batch,
    rows: Range<usize>,
) -> QueryResult<()>
where
    DB: Backend + HasSqlType<Text> + HasSqlType<BigInt>,
    str: ToSql<Text, DB>,
    i64: ToSql<BigInt, DB>,
{
    for row in rows.clone() {
        out.push_sql(if row == rows.start { "(" } else { ", (" });
        out.push_bind_param::<Text, str>(batch.owner_types[row])?;
        out.push_sql(", ");
        out.push_bind_param::<BigInt, i64>(&batch.owner_ids[row])?;
        out.push_sql(", ");
        out.push_bind_param::<Text, str>(batch.owner_keys[row])?;
        out.push_sql(", ");
        out.push_bind_param::<Text, str>(batch.keys[row])?;
        out.push_sql(", ");
        out.push_bind_param::<BigInt, i64>(&batch.counts[row])?;
        out.push_sql(", ");
        out.push_bind_param::<BigInt, i64>(&batch.seqs[row])?;
        out.push_sql(")");
    }
    Ok(())
}
