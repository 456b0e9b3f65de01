//! What our transactions set for themselves.

use counter_diesel::ledger::{Ledger as _, LockWait};
use diesel::r2d2::{ConnectionManager, Pool, TestCustomizer};

use super::{ServerWorld, adds, apply, ledger_of};
use crate::database::ServerConnection;

/// A debugger's pause would end the connection otherwise, and the test.
pub(super) fn kept_in_tests<C: ServerConnection>(world: &ServerWorld<C>) {
    let pool = Pool::builder()
        .max_size(1)
        .connection_customizer(Box::new(TestCustomizer))
        .build(ConnectionManager::<C>::new(world.database.url()))
        .unwrap();
    let ledger = ledger_of(&pool);
    let before = pool.get().unwrap().settings();
    let is_of_locks = |setting: &String| setting.to_lowercase().starts_with("lock_");
    assert!(before.iter().any(is_of_locks), "{before:?}");
    let assert_kept = |after: &str| {
        let now = pool.get().unwrap().settings();
        let changed = now.iter().filter(|setting| !before.contains(setting)).collect::<Vec<_>>();
        assert!(changed.is_empty() && now.len() == before.len(), "after {after}: {changed:?}");
    };
    apply(&ledger, &adds([1], 5));
    assert_kept("a commit");
    drop(ledger.begin(LockWait::Short).unwrap());
    assert_kept("a rollback");
    pool.get()
        .unwrap()
        .batch_execute(&C::quoting("UPDATE \"model_counters\" SET \"count\" = 9223372036854775807"))
        .unwrap();
    ledger.begin(LockWait::Usual).unwrap().upsert(&adds([1], 6)).unwrap_err();
    assert_kept("a statement that failed");
    ledger.ask_writes().unwrap();
    assert_kept("a question");
}
