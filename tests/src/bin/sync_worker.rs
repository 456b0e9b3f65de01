//! A process that does nothing but sync, until its input ends: for tests that need several. Takes the URLs
//! of Redis and of the database, tells when it has applied something, and at the end how many claims.

use std::env;
use std::error::Error;
use std::io::Read as _;
use std::time::Duration;

use counter_diesel::{Counters, mysql_pool, postgres_pool};

fn main() -> Result<(), Box<dyn Error>> {
    let mut urls = env::args().skip(1);
    let (redis, database) = urls.next().zip(urls.next()).ok_or("which URLs?")?;
    let builder = if database.starts_with("mysql:") {
        Counters::builder(mysql_pool(&database, 2)?)
    } else {
        Counters::builder(postgres_pool(&database, 2)?)
    };
    let worker = builder.redis(&redis).build()?.spawn_sync(Duration::from_millis(1))?;
    if worker.wait_until(Duration::from_secs(60), |status| status.applied > 0) {
        println!("it has applied some");
    }
    std::io::stdin().read_to_end(&mut Vec::new())?;
    println!("{}", worker.stop()?.applied);
    Ok(())
}
