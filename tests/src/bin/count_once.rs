//! Counts `post:1:views` once in the Redis server whose URL is given: for tests that need a process
//! with an environment of its own.

use std::env;
use std::error::Error;

use counter_core::{CounterId, DeltaStore, RedisStore};

fn main() -> Result<(), Box<dyn Error>> {
    let url = env::args().nth(1).ok_or("which URL?")?;
    let store = RedisStore::builder(url).build()?;
    store.increment(&CounterId::new("post", 1, "views")?, 1)?;
    Ok(())
}
