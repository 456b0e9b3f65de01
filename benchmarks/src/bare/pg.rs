use counter_diesel::postgres_pool;
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::r2d2::{ConnectionManager, Pool};
use diesel::result::QueryResult;
use diesel::sql_types::{Array, BigInt, Text};
use diesel::{PgConnection, RunQueryDsl};

use super::bare_connection::BareConnection;
use super::rows::Batch;
use crate::post::{KEY, OWNER_TYPE};

impl BareConnection for PgConnection {
    const EMPTY: &'static str = "TRUNCATE model_counters, model_counters_periods";
    const SETTLE: &'static str = "CHECKPOINT";

    fn pool(url: &str) -> Pool<ConnectionManager<Self>> {
        postgres_pool(url, 4).unwrap()
    }

    fn write(&mut self, batch: &Batch) -> usize {
        Upsert(batch).execute(self).unwrap()
    }
}

struct Upsert<'a>(&'a Batch);

impl QueryFragment<Pg> for Upsert<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(
            "INSERT INTO \"model_counters\" AS \"row\" \
             (\"owner_type\", \"owner_id\", \"owner_key\", \"key\", \"count\", \"claim_seq\") \
             SELECT * FROM unnest(",
        );
        out.push_bind_param::<Array<Text>, _>(&self.0.owner_types)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<BigInt>, _>(&self.0.owner_ids)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Text>, _>(&self.0.owner_keys)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Text>, _>(&self.0.keys)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<BigInt>, _>(&self.0.counts)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<BigInt>, _>(&self.0.seqs)?;
        out.push_sql(
            ") ON CONFLICT (\"owner_type\", \"owner_id\", \"owner_key\", \"key\") DO UPDATE SET \
             \"count\" = \"row\".\"count\" + excluded.\"count\", \
             \"claim_seq\" = excluded.\"claim_seq\", \"updated_at\" = now() AT TIME ZONE 'utc' \
             WHERE \"row\".\"claim_seq\" < excluded.\"claim_seq\"",
        );
        Ok(())
    }
}

impl QueryId for Upsert<'_> {
    type QueryId = Upsert<'static>;

    const HAS_STATIC_QUERY_ID: bool = true;
}

impl RunQueryDsl<PgConnection> for Upsert<'_> {}

/// The query of a read of many counters: the rows of posts' views.
pub struct ValuesOf {
    owner_types: Vec<&'static str>,
    owner_ids: Vec<i64>,
    owner_keys: Vec<&'static str>,
    keys: Vec<&'static str>,
}

impl ValuesOf {
    pub fn posts(owner_ids: Vec<i64>) -> Self {
        let [owner_types, owner_keys, keys] =
            [OWNER_TYPE, "", KEY].map(|text| vec![text; owner_ids.len()]);
        Self { owner_types, owner_ids, owner_keys, keys }
    }
}

impl QueryFragment<Pg> for ValuesOf {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("SELECT w.\"number\" - 1, c.\"count\", c.\"claim_seq\" FROM unnest(");
        out.push_bind_param::<Array<Text>, _>(&self.owner_types)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<BigInt>, _>(&self.owner_ids)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Text>, _>(&self.owner_keys)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Text>, _>(&self.keys)?;
        out.push_sql(
            ") WITH ORDINALITY AS w \
             (\"owner_type\", \"owner_id\", \"owner_key\", \"key\", \"number\") \
             JOIN \"model_counters\" AS c \
             USING (\"owner_type\", \"owner_id\", \"owner_key\", \"key\")",
        );
        Ok(())
    }
}

impl QueryId for ValuesOf {
    type QueryId = Self;

    const HAS_STATIC_QUERY_ID: bool = true;
}

impl Query for ValuesOf {
    type SqlType = (BigInt, BigInt, BigInt);
}

impl RunQueryDsl<PgConnection> for ValuesOf {}
