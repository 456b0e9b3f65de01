use std::collections::HashMap;
use std::sync::{Mutex, PoisonError, RwLock};

use anyhow::{Context, Result};
use counter_diesel::{HasCounters, schema::model_counters};
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as DieselError};

use crate::database::{self, AnyConnection};

diesel::table! {
    pages { id -> BigInt, path -> Text, }
}

/// A page of the site, known by the target of its requests.
#[derive(Queryable, Identifiable, HasCounters)]
#[counters(keys(hits, bytes, errors))]
pub struct Page {
    pub id: i64,
    pub path: String,
}

/// The pages seen so far, in this run and before.
pub struct Pages {
    database: String,
    /// Made anew after a failure.
    conn: Mutex<Option<AnyConnection>>,
    ids: RwLock<HashMap<String, i64>>,
}

impl Pages {
    pub fn open(database: &str) -> Result<Self> {
        let mut conn = database::connect(database)?;
        conn.create_pages()?;
        let known =
            pages::table.select((pages::path, pages::id)).load::<(String, i64)>(&mut conn)?;
        Ok(Self {
            database: database.to_owned(),
            conn: Mutex::new(Some(conn)),
            ids: RwLock::new(known.into_iter().collect()),
        })
    }

    /// The id of the page with this path, which is made if it is new.
    pub fn id_of(&self, path: &str) -> Result<i64> {
        let known = self.ids.read().unwrap_or_else(PoisonError::into_inner).get(path).copied();
        if let Some(id) = known {
            return Ok(id);
        }
        let id = self.with_connection(|conn| find_or_create(conn, path))?;
        self.ids.write().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned(), id);
        Ok(id)
    }

    /// The pages with the most hits, by what the last sync wrote.
    pub fn most_visited(&self, limit: i64) -> Result<Vec<Page>> {
        self.with_connection(|conn| most_visited(conn, limit))
    }

    pub fn with_connection<T, E>(
        &self,
        query: impl FnOnce(&mut AnyConnection) -> Result<T, E>,
    ) -> Result<T>
    where
        anyhow::Error: From<E>,
    {
        let mut place = self.conn.lock().unwrap_or_else(PoisonError::into_inner);
        let mut conn = place
            .take()
            .map_or_else(|| database::connect(&self.database), Ok)
            .context("cannot reach the database")?;
        let result = query(&mut conn)?;
        *place = Some(conn);
        Ok(result)
    }
}

fn find_or_create(conn: &mut AnyConnection, path: &str) -> QueryResult<i64> {
    match diesel::insert_into(pages::table).values(pages::path.eq(path)).execute(conn) {
        // Another thread or process has just made it.
        Ok(_) | Err(DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _)) => {
            pages::table.filter(pages::path.eq(path)).select(pages::id).first(conn)
        }
        Err(error) => Err(error),
    }
}

fn most_visited(conn: &mut AnyConnection, limit: i64) -> QueryResult<Vec<Page>> {
    let ids = model_counters::table
        .filter(model_counters::owner_type.eq(Page::OWNER_TYPE.as_str()))
        .filter(model_counters::key.eq(PageCounter::Hits.as_str()))
        .order((model_counters::count.desc(), model_counters::owner_id))
        .limit(limit)
        .select(model_counters::owner_id)
        .load::<i64>(conn)?;
    let found = pages::table.filter(pages::id.eq_any(ids.clone())).load::<Page>(conn)?;
    let mut by_id = found.into_iter().map(|page| (page.id, page)).collect::<HashMap<_, _>>();
    Ok(ids.iter().filter_map(|id| by_id.remove(id)).collect())
}
