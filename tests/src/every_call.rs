//! Every call of the library that a database takes part in, for tests of what is sent.

use counter_diesel::Counters;
use counter_diesel::SyncOptions;
use counter_diesel::ledger::CounterConnection;
use counter_diesel::query::OwnerType;
use diesel::r2d2::{ConnectionManager, Pool};

use crate::fixtures::post;

/// Makes every call twice, so that what is kept is used again.
pub fn make_every_call<C: CounterConnection>(pool: &Pool<ConnectionManager<C>>) {
    let counters = Counters::builder(pool.clone()).memory().build().unwrap();
    counters.run_pending_migrations().unwrap();
    for _ in 0..2 {
        for id in 0..3 {
            counters.increment(post(id), "views", 1).unwrap();
        }
        assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
        counters.get(post(1), "views").unwrap();
        counters.get_many([(post(1), "views"), (post(2), "views")]).unwrap();
        counters.all(post(1)).unwrap();
        counters.top_of(&OwnerType::new("post").unwrap(), "views", 3).unwrap();
        counters.set(post(1), "views", 4).unwrap();
        counters.reset(post(1), "views").unwrap();
        counters.delete(post(1), "views").unwrap();
        assert!(counters.check().database.is_some());
        let mut conn = pool.get().unwrap();
        counters.transaction(&mut conn, |_, after| after.increment(post(1), "views", 1)).unwrap();
    }
}
