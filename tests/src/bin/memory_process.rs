//! A process that counts in its own memory and syncs after each increment, until its input ends:
//! for tests that need several over one table. Takes the URL of the database, and whether a worker
//! syncs beside it. Says of each increment that is in the table which counter it was of.
//!
//! Its clock stands still for a tenth of a second at a time, as those of all such processes do
//! together.

use std::env;
use std::error::Error;
use std::io::Read as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use counter_core::{Clock, MemoryStore, SystemClock};
use counter_diesel::{Counters, SyncOptions};
use counter_tests::fixtures::post;
use counter_tests::site::builder_at;

const COUNTERS: i64 = 3;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let (url, has_worker) = arguments.next().zip(arguments.next()).ok_or("which URL?")?;
    let counters = builder_at(&url)?.store(MemoryStore::with_clock(CoarseClock)).build()?;
    let worker = match &*has_worker {
        "worker" => Some(counters.spawn_sync(Duration::from_millis(1))?),
        _ => None,
    };
    let has_ended = Arc::new(AtomicBool::new(false));
    let ending = Arc::clone(&has_ended);
    thread::spawn(move || {
        let read = std::io::stdin().read_to_end(&mut Vec::new());
        ending.store(true, SeqCst);
        read
    });
    while !has_ended.load(SeqCst) {
        let counter = fastrand::i64(0..COUNTERS);
        counters.increment(post(counter), "views", 1)?;
        while !is_synced(&counters) {}
        println!("{counter}");
    }
    if let Some(worker) = worker {
        worker.stop()?;
    }
    Ok(())
}

/// Whether all that was counted is in the table.
fn is_synced(counters: &Counters) -> bool {
    let report = counters.sync(&SyncOptions::default());
    report.is_ok_and(|report| {
        assert_eq!(report.conflicts.count(), 0, "{report:?}");
        report.is_clean() && report.postponed.count() == 0 && report.busy == 0
    })
}

#[derive(Debug)]
struct CoarseClock;

impl Clock for CoarseClock {
    fn now_micros(&self) -> i64 {
        let now = SystemClock.now_micros();
        now - now % 100_000
    }
}
