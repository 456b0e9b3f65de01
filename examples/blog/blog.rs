use std::collections::HashMap;

use anyhow::{Result, anyhow, bail, ensure};
use counter_diesel::query::{CounterValueOf, Grain, OwnerOf, Span};
use counter_diesel::{Counters, HasCounters, SyncOptions, sqlite_pool};
use diesel::prelude::*;
use diesel::r2d2::{ConnectionManager, Pool};
use diesel::result::DatabaseErrorKind::ForeignKeyViolation;
use diesel::result::Error::DatabaseError;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::schema::{likes, posts};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("blog/migrations");

#[derive(Queryable, Selectable, Identifiable, HasCounters)]
#[diesel(table_name = posts)]
#[counters(keys(views(every(day)), likes))]
pub struct Post {
    pub id: i32,
    pub title: String,
}

/// A line of the list: a post with its counters as the last sync left them.
#[derive(Queryable, Selectable)]
#[diesel(table_name = posts)]
pub struct Line {
    pub id: i32,
    pub title: String,
    #[diesel(select_expression = Post::counter_value(PostCounter::Views))]
    #[diesel(select_expression_type = CounterValueOf<Post>)]
    pub views: i64,
    #[diesel(select_expression = Post::counter_value(PostCounter::Likes))]
    #[diesel(select_expression_type = CounterValueOf<Post>)]
    pub likes: i64,
}

/// The outcome of a like, or of taking it back.
pub enum Liked {
    Changed,
    AsBefore,
}

pub struct Blog {
    pool: Pool<ConnectionManager<SqliteConnection>>,
    counters: Counters,
}

impl Blog {
    pub fn open(database: &str) -> Result<Self> {
        let pool = sqlite_pool(database, 4)?;
        let migrated = pool.get()?.run_pending_migrations(MIGRATIONS).map(drop);
        migrated.map_err(|error| anyhow!(error))?;
        let counters = Counters::builder(pool.clone()).memory().build()?;
        counters.run_pending_migrations()?;
        Ok(Self { pool, counters })
    }

    pub fn write(&self, title: &str) -> Result<i32> {
        let insert = diesel::insert_into(posts::table).values(posts::title.eq(title));
        Ok(insert.returning(posts::id).get_result(&mut self.pool.get()?)?)
    }

    /// One query, whatever the number of posts, with the values as of the last sync.
    pub fn list(&self, limit: i64) -> Result<Vec<Line>> {
        let lines = posts::table
            .order((Post::counter_value(PostCounter::Views).desc(), posts::id))
            .limit(limit)
            .select(Line::as_select())
            .load(&mut self.pool.get()?)?;
        Ok(lines)
    }

    /// The posts with the most views of the last seven days, today among them, with these views. A
    /// post whose row is gone is not among them.
    pub fn trending(&self, limit: usize) -> Result<Vec<(Post, i64)>> {
        let week = self.counters.during(Span::last(7, Grain::Day));
        let top = week.top::<Post>(PostCounter::Views, limit)?;
        let id_of = |(post, _): &(OwnerOf<Post>, i64)| post.id().as_i64();
        let ids = top.iter().filter_map(id_of).map(i32::try_from).collect::<Result<Vec<_>, _>>()?;
        let query = posts::table.filter(posts::id.eq_any(ids)).select(Post::as_select());
        let found = query.load::<Post>(&mut self.pool.get()?)?;
        let posts = found.into_iter().map(|post| (i64::from(post.id), post));
        let mut posts = posts.collect::<HashMap<_, _>>();
        let line = |(post, views): (OwnerOf<Post>, i64)| {
            Some((posts.remove(&post.id().as_i64()?)?, views))
        };
        Ok(top.into_iter().filter_map(line).collect())
    }

    /// The post with its exact views, this one among them, and likes.
    pub fn show(&self, id: i32) -> Result<Option<(Post, [i64; 2])>> {
        let conn = &mut self.pool.get()?;
        let query = posts::table.find(id).select(Post::as_select());
        let Some(post) = query.first(conn).optional()? else {
            return Ok(None);
        };
        post.increment_counter(&self.counters, PostCounter::Views, 1)?;
        let keys = [PostCounter::Views, PostCounter::Likes];
        let values = self.counters.on(conn).load([&post], keys)?;
        Ok(values.into_iter().next().map(|values| (post, values)))
    }

    /// Adds a like. It is counted once its row is committed, and only if the row is new.
    pub fn like(&self, post: i32, reader: &str) -> Result<Liked> {
        self.counters.transaction(&mut self.pool.get()?, |conn, after| {
            // The first statement writes, so that SQLite locks the file before anything is read.
            let row = (likes::post_id.eq(post), likes::reader.eq(reader));
            let insert = diesel::insert_or_ignore_into(likes::table).values(row).execute(conn);
            let new = match insert {
                Err(DatabaseError(ForeignKeyViolation, _)) => bail!("no such post"),
                new => new?,
            };
            if new == 0 {
                return Ok(Liked::AsBefore);
            }
            after.increment(Post::counter_owner(post)?, PostCounter::Likes, 1)?;
            Ok(Liked::Changed)
        })
    }

    pub fn unlike(&self, post: i32, reader: &str) -> Result<Liked> {
        self.counters.transaction(&mut self.pool.get()?, |conn, after| {
            if diesel::delete(likes::table.find((post, reader))).execute(conn)? == 0 {
                return Ok(Liked::AsBefore);
            }
            after.decrement(Post::counter_owner(post)?, PostCounter::Likes, 1)?;
            Ok(Liked::Changed)
        })
    }

    /// Moves what is pending into the database.
    pub fn save(&self) -> Result<()> {
        let report = self.counters.sync(&SyncOptions::default())?;
        ensure!(report.is_clean(), "some counters were not saved: {report}");
        Ok(())
    }
}
