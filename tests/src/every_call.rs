//! Every call of the library that uses a database, for tests of what is sent.

use counter_diesel::Counters;
use counter_diesel::ledger::CounterConnection;
use counter_diesel::query::OwnerType;
use counter_diesel::{Owner, SyncOptions};
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
        assert!(counters.merge(post(0), post(2)).unwrap().is_complete());
        let (old, new) = (OwnerType::new("post").unwrap(), OwnerType::new("article").unwrap());
        assert!(counters.rename_owner_type(&old, &new).unwrap().is_complete());
        let table = "model_counters_migrations".parse().unwrap();
        let found = counters.orphans_of(&new).find_in(&table, "name");
        assert!(found.is_err() || found.is_ok());
        assert_eq!(counters.delete_all(Owner::new("article", 2).unwrap()).unwrap(), 1);
        assert!(counters.check().database.is_some());
        let mut conn = pool.get().unwrap();
        counters.transaction(&mut conn, |_, after| after.increment(post(1), "views", 1)).unwrap();
    }
}
