//! Counts in Redis through the `r2d2_redis` pool of an application.
//!
//! `REDIS_URL=redis://127.0.0.1/ cargo run --features r2d2-redis --example r2d2_redis_pool`

use std::time::Duration;
use std::{env, process};

use counter_diesel::{Counters, Owner, sqlite_pool};
use r2d2_redis::{RedisConnectionManager, r2d2};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let redis_url = env::var("REDIS_URL").unwrap_or_else(|_| "redis://127.0.0.1/".to_owned());

    // The pool that the application uses for other things too. Two of its settings matter to
    // counters. A PING at each check-out would cost as much as an increment, and a request should
    // not wait long for Redis.
    let redis_pool = r2d2::Pool::builder()
        .max_size(4)
        .test_on_check_out(false)
        .connection_timeout(Duration::from_secs(1))
        .build(RedisConnectionManager::new(redis_url.as_str())?)?;

    // A database that is made anew each time needs a prefix of its own each time. That of an
    // application stays.
    let prefix = format!("r2d2_redis_pool:{}:", process::id());
    let folder = tempfile::tempdir()?;
    let database = folder.path().join("app.sqlite").display().to_string();
    let counters = Counters::builder(sqlite_pool(&database, 2)?)
        .prefix(prefix.parse()?)
        .r2d2_redis_pool(redis_pool)
        .build()?;
    counters.run_pending_migrations()?;

    let owner = Owner::new("user", 123)?;
    counters.increment(&owner, "downloads", 2)?;
    println!("{} downloads", counters.get(&owner, "downloads")?);
    let report = counters.sync(&Default::default())?;
    println!("{report}");
    println!("{} in the table", counters.baseline(&owner, "downloads")?);
    Ok(())
}
