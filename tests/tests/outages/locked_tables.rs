//! Tables that another session keeps locked.

use std::thread;
use std::time::{Duration, Instant};

use counter_core::Pattern;
use counter_diesel::{Counters, Error};
use counter_tests::fixtures::post;
use counter_tests::site::Site;

use super::sync;

#[test]
fn every_call_ends_whichever_table_of_postgres_is_locked() {
    every_call_ends(&Site::with_postgres());
}

#[test]
fn every_call_ends_whichever_table_of_mariadb_is_locked() {
    every_call_ends(&Site::with_mariadb());
}

const TABLES: [&str; 3] = ["model_counters", "model_counters_state", "model_counters_migrations"];

/// More than a call takes that waits for locks in each of its steps.
const LIMIT: Duration = Duration::from_secs(20);

/// What an application calls, by its name.
pub type Call = fn(&Counters) -> Result<(), Error>;

/// Every call that a database takes part in.
pub const CALLS: &[(&str, Call)] = &[
    ("get", |counters| counters.get(post(1), "views").map(drop)),
    ("get_many", |counters| counters.get_many([(post(1), "views")]).map(drop)),
    ("load", |counters| counters.load(&[post(1)], ["views"]).map(drop)),
    ("baseline", |counters| counters.baseline(post(1), "views").map(drop)),
    ("all", |counters| counters.all(post(1)).map(drop)),
    ("set", |counters| counters.set(post(2), "views", 1)),
    ("reset", |counters| counters.reset(post(3), "views")),
    ("delete", |counters| counters.delete(post(4), "views")),
    ("sync", |counters| sync(counters).map(drop)),
    ("pending_migrations", |counters| counters.pending_migrations().map(drop)),
    ("run_pending_migrations", |counters| counters.run_pending_migrations().map(drop)),
    ("check", |counters| {
        let _ = counters.check();
        Ok(())
    }),
    ("conflicts", |counters| counters.conflicts().map(drop)),
    ("pending_overview", |counters| counters.pending_overview(&Pattern::default()).map(drop)),
];

fn every_call_ends(site: &Site) {
    let counters = site.counters();
    for table in TABLES {
        counters.increment(post(1), "views", 1).unwrap();
        let locked = site.database().lock_table(table);
        thread::scope(|scope| {
            for (name, call) in CALLS {
                let counters =
                    site.database().builder().redis(&site.redis().url()).build().unwrap();
                scope.spawn(move || {
                    let start = Instant::now();
                    let result = call(&counters);
                    let took = start.elapsed();
                    assert!(took < LIMIT, "{name}, {table}: {took:?}, {result:?}");
                });
            }
        });
        drop(locked);
    }
    site.last_sync();
    assert_eq!(counters.baseline(post(1), "views").unwrap(), 3);
}
