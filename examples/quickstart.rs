//! Counts views of a post: `cargo run --example quickstart`.

use std::time::Duration;

use counter_diesel::query::{Grain, Span};
use counter_diesel::{Counters, HasCounters, sqlite_pool};

#[derive(HasCounters)]
#[counters(keys(views(every(day)), likes))]
struct Post {
    id: i64,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let pool = sqlite_pool(":memory:", 1)?; // or a file; or postgres_pool, mysql_pool
    let counters = Counters::builder(pool).memory().build()?; // or .redis("redis://127.0.0.1/")
    counters.run_pending_migrations()?;
    let worker = counters.spawn_sync(Duration::from_secs(10))?;

    let post = Post { id: 42 };
    post.increment_counter(&counters, PostCounter::Views, 1)?; // in all, and today
    assert_eq!(post.counter(&counters, PostCounter::Views)?, 1); // exact at once
    assert_eq!(counters.baseline(&post, PostCounter::Views)?, 0); // not in the table yet

    let week = counters.series(&post, PostCounter::Views, Span::last(7, Grain::Day))?;
    assert_eq!(week.sum()?, 1); // the views of the last seven days

    worker.stop()?; // syncs a last time
    assert_eq!(counters.baseline(&post, PostCounter::Views)?, 1); // in the table

    println!("post {}: {:?}", post.id, post.all_counters(&counters)?);
    Ok(())
}
