//! Counts views of a post: `cargo run --example quickstart`.

use std::time::Duration;

use counter_diesel::{Counters, HasCounters, sqlite_pool};

#[derive(HasCounters)]
#[counters(keys(views, likes))]
struct Post {
    id: i64,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let pool = sqlite_pool(":memory:", 1)?; // or a file; or postgres_pool, mysql_pool
    let counters = Counters::builder(pool).memory().build()?; // or .redis("redis://127.0.0.1/")
    counters.run_pending_migrations()?;
    let worker = counters.spawn_sync(Duration::from_secs(10))?;

    let post = Post { id: 42 };
    post.increment_counter(&counters, PostCounter::Views, 1)?;
    assert_eq!(post.counter(&counters, PostCounter::Views)?, 1); // exact at once
    assert_eq!(counters.baseline(&post, PostCounter::Views)?, 0); // not in the table yet

    worker.stop()?; // syncs a last time
    assert_eq!(counters.baseline(&post, PostCounter::Views)?, 1); // in the table

    println!("post {}: {:?}", post.id, post.all_counters(&counters)?);
    Ok(())
}
