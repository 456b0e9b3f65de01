use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use anyhow::{Context, Result};
use counter_diesel::{HasCounters, schema::model_counters};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::r2d2::{ConnectionManager, Pool};

diesel::table! {
    pages { id -> BigInt, path -> Text, }
}

/// A page of the site, known by the target of its requests.
#[derive(Queryable, Selectable, Identifiable, HasCounters)]
#[counters(keys(hits, bytes, errors))]
pub struct Page {
    pub id: i64,
    pub path: String,
}

/// The pages seen so far, in this run and before.
pub struct Pages {
    pool: Pool<ConnectionManager<SqliteConnection>>,
    ids: RwLock<HashMap<String, i64>>,
}

impl Pages {
    pub fn open(pool: Pool<ConnectionManager<SqliteConnection>>) -> Result<Self> {
        let mut conn = pool.get()?;
        conn.batch_execute(
            "CREATE TABLE IF NOT EXISTS pages (id INTEGER PRIMARY KEY NOT NULL, path TEXT NOT NULL UNIQUE)",
        )?;
        let known =
            pages::table.select((pages::path, pages::id)).load::<(String, i64)>(&mut conn)?;
        drop(conn);
        Ok(Self { pool, ids: RwLock::new(known.into_iter().collect()) })
    }

    /// The id of the page with this path, which is made if it is new.
    pub fn id_of(&self, path: &str) -> Result<i64> {
        let known = self.ids.read().unwrap_or_else(PoisonError::into_inner).get(path).copied();
        known.map_or_else(|| self.create(path), Ok)
    }

    fn create(&self, path: &str) -> Result<i64> {
        let mut ids = self.ids.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(id) = ids.get(path) {
            return Ok(*id);
        }
        let mut conn = self.pool.get().context("cannot reach the database")?;
        // Another process may be making it too.
        diesel::insert_or_ignore_into(pages::table)
            .values(pages::path.eq(path))
            .execute(&mut conn)?;
        let id = pages::table.filter(pages::path.eq(path)).select(pages::id).first(&mut conn)?;
        ids.insert(path.to_owned(), id);
        Ok(id)
    }

    /// The pages with the most hits, by what the last sync wrote.
    pub fn most_visited(&self, limit: i64) -> Result<Vec<Page>> {
        let mut conn = self.pool.get()?;
        let ids = model_counters::table
            .filter(model_counters::owner_type.eq(Page::OWNER_TYPE.as_str()))
            .filter(model_counters::key.eq(PageCounter::Hits.as_str()))
            .order((model_counters::count.desc(), model_counters::owner_id))
            .limit(limit)
            .select(model_counters::owner_id)
            .load::<i64>(&mut conn)?;
        let found = pages::table
            .filter(pages::id.eq_any(&ids))
            .select(Page::as_select())
            .load(&mut conn)?;
        let mut by_id = found.into_iter().map(|page| (page.id, page)).collect::<HashMap<_, _>>();
        Ok(ids.iter().filter_map(|id| by_id.remove(id)).collect())
    }
}
