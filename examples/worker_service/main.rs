//! A small HTTP service: views of posts, counted in Redis and folded into PostgreSQL by a worker.
//!
//! ```sh
//! DATABASE_URL=postgres://... REDIS_URL=redis://... \
//!     cargo run --features service --example worker_service
//! ```
//!
//! - `POST /posts/1/view` counts a view, and loads no row
//! - `GET /posts/1` shows the post with its views; while Redis is away, with those of the last sync
//! - `GET /top` lists the most viewed posts, by the last sync
//!
//! `LISTEN` is the address; the default is 127.0.0.1:3000. `SYNC_SECONDS` is how often the worker
//! syncs; the default is 10. On SIGTERM or Ctrl-C the service stops accepting requests, finishes
//! those it has, and syncs a last time.

mod posts;
mod routes;

use std::env;
use std::time::Duration;

use anyhow::{Context, Result};
use counter_diesel::{Config, Counters, RedisStore, postgres_pool};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::posts::Posts;
use crate::routes::App;

/// The number of requests that use the database or Redis at the same time.
const CONNECTIONS: u32 = 8;

#[tokio::main]
async fn main() -> Result<()> {
    let address = env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let app = tokio::task::spawn_blocking(open).await??;
    let worker = app.counters.spawn_sync(sync_interval()?)?;
    let listener =
        TcpListener::bind(&address).await.with_context(|| format!("cannot listen at {address}"))?;
    println!("listening at http://{}", listener.local_addr()?);

    axum::serve(listener, routes::router(app)).with_graceful_shutdown(stop_requested()?).await?;

    let status = tokio::task::spawn_blocking(|| worker.stop()).await?;
    let status = status.context("the last sync failed; what is pending stays in Redis")?;
    println!("stopped after {} syncs of {} counters", status.passes, status.applied);
    Ok(())
}

fn sync_interval() -> Result<Duration> {
    let seconds = env::var("SYNC_SECONDS").unwrap_or_else(|_| "10".to_owned());
    let seconds = seconds.parse().context("SYNC_SECONDS is a number of seconds")?;
    Ok(Duration::from_secs(seconds))
}

/// Opens everything, which blocks. The database must be reachable; Redis may come later.
fn open() -> Result<App> {
    let database_url = env::var("DATABASE_URL").context("set DATABASE_URL to postgres://...")?;
    let redis_url = env::var("REDIS_URL").context("set REDIS_URL to redis://...")?;
    let pool = postgres_pool(&database_url, CONNECTIONS)?;
    let counters = Counters::builder(pool.clone())
        .config(Config::from_env()?)
        .redis_with(RedisStore::builder(&redis_url).connect_lazily())
        .build()?;
    counters.run_pending_migrations()?;
    Ok(App { counters, posts: Posts::open(pool)? })
}

fn stop_requested() -> Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
