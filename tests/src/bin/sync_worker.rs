//! A process that does nothing but sync, until its input ends: for tests that need several. Takes
//! the URLs of Redis and of the database, and after how many milliseconds a claim looks abandoned;
//! reports when it has applied something, and at the end how many claims.

use std::env;
use std::error::Error;
use std::io::Read as _;
use std::time::Duration;

use counter_diesel::{Config, RedisStore};
use counter_tests::site::builder_at;
use counter_tests::store_worlds::patient;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let (redis, database) = arguments.next().zip(arguments.next()).ok_or("which URLs?")?;
    let mut config = Config::default();
    if let Some(claim_timeout) = arguments.next() {
        config.claim_timeout = Duration::from_millis(claim_timeout.parse()?);
    }
    let redis = RedisStore::builder(redis).timeouts(patient());
    let counters = builder_at(&database)?.config(config).redis_with(redis).build()?;
    let worker = counters.spawn_sync(Duration::from_millis(1))?;
    if worker.wait_until(Duration::from_secs(60), |status| status.applied > 0) {
        println!("it has applied some");
    }
    std::io::stdin().read_to_end(&mut Vec::new())?;
    let before = worker.status();
    // What the last sync does not come to is left to others.
    println!("{}", worker.stop().unwrap_or(before).applied);
    Ok(())
}
