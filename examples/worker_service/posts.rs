use anyhow::Result;
use counter_diesel::{HasCounters, schema::model_counters};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::r2d2::{ConnectionManager, Pool};

diesel::table! {
    posts { id -> BigInt, title -> Text, }
}

#[derive(Queryable, Selectable, Identifiable, HasCounters)]
#[counters(keys(views))]
pub struct Post {
    pub id: i64,
    pub title: String,
}

/// The posts of the site.
#[derive(Clone)]
pub struct Posts {
    pool: Pool<ConnectionManager<PgConnection>>,
}

impl Posts {
    /// Makes the table. A real application has migrations for this.
    pub fn open(pool: Pool<ConnectionManager<PgConnection>>) -> Result<Self> {
        pool.get()?.batch_execute(
            "CREATE TABLE IF NOT EXISTS posts (id BIGSERIAL PRIMARY KEY, title TEXT NOT NULL);
             INSERT INTO posts (id, title) VALUES (1, 'Hot rows'), (2, 'Cold rows'), (3, 'No rows')
             ON CONFLICT DO NOTHING",
        )?;
        Ok(Self { pool })
    }

    pub fn find(&self, id: i64) -> Result<Option<Post>> {
        let query = posts::table.find(id).select(Post::as_select());
        Ok(query.first(&mut self.pool.get()?).optional()?)
    }

    /// Returns the ids of the most viewed posts with their views, as the last sync wrote them.
    pub fn most_viewed(&self, limit: i64) -> Result<Vec<(i64, i64)>> {
        let rows = model_counters::table
            .filter(model_counters::owner_type.eq(Post::OWNER_TYPE.as_str()))
            .filter(model_counters::key.eq(PostCounter::Views.as_str()))
            .order((model_counters::count.desc(), model_counters::owner_id))
            .limit(limit)
            .select((model_counters::owner_id, model_counters::count))
            .load(&mut self.pool.get()?)?;
        Ok(rows)
    }
}
