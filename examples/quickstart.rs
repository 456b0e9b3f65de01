//! Counts views and likes of posts in SQLite, in about fifty lines.
//!
//! `cargo run --example quickstart`

use std::time::Duration;

use counter_diesel::{Counters, HasCounters};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::r2d2::{ConnectionManager, Pool};

diesel::table! {
    posts { id -> BigInt, title -> Text, }
}

#[derive(Queryable, Selectable, Identifiable, HasCounters)]
#[counters(keys(views, likes))]
struct Post {
    id: i64,
    title: String,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // A database in memory, which lives in its only connection; an application names a file or a server.
    let pool = Pool::builder()
        .max_size(1)
        .build(ConnectionManager::<SqliteConnection>::new(":memory:"))?;
    pool.get()?.batch_execute(
        "CREATE TABLE posts (id INTEGER PRIMARY KEY NOT NULL, title TEXT NOT NULL);
         INSERT INTO posts (title) VALUES ('Counting without a hot row');",
    )?;

    // Increments wait in this process's memory until a sync moves them into the database.
    let counters = Counters::builder(pool.clone()).memory().build()?;
    println!("migrated: {:?}", counters.run_pending_migrations()?);

    let post = posts::table.select(Post::as_select()).first(&mut pool.get()?)?;
    post.increment_counter(&counters, PostCounter::Views, 3)?;
    post.increment_counter(&counters, PostCounter::Likes, 1)?;
    // By id, as a web handler would: no row is loaded.
    counters.increment(Post::counter_owner(post.id)?, PostCounter::Views, 1)?;

    let [views, likes] = post.counters(&counters, [PostCounter::Views, PostCounter::Likes])?;
    println!("{:?} before a sync: {views} views, {likes} like", post.title);
    println!("in the table: {} views", counters.baseline(&post, PostCounter::Views)?);

    // A thread that syncs every ten seconds, and one last time when it is stopped.
    let worker = counters.spawn_sync(Duration::from_secs(10))?;
    let status = worker.stop()?;
    println!(
        "the last sync: {}",
        status.last_report.map_or_else(String::new, |report| report.to_string())
    );

    println!("{:?} after it: {:?}", post.title, post.all_counters(&counters)?);
    println!("in the table: {} views", counters.baseline(&post, PostCounter::Views)?);
    Ok(())
}
