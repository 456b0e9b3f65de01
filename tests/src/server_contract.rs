//! What a ledger does in a database that others use at the same time, and that can go away.

mod deadlocks;
mod settings;

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use counter_diesel::error::LedgerStep;
use counter_diesel::ledger::{CounterConnection, Ledger, LockWait, PoolLedger, TableName};
use counter_diesel::store::{Baseline, Claim, ClaimOp, ClaimSeq, NotedRow, Prefix};
use counter_diesel::sync::PostponedCause;
use counter_diesel::{Config, Counters, Error, MemoryStore, Owner, SyncOptions};
use diesel::r2d2::{ConnectionManager, CustomizeConnection, Pool, TestCustomizer};

use crate::database::{Database, OwnDatabase, ServerConnection};
use crate::fixtures::{post, views_of};
use crate::ledger_contract::newer_row;
use crate::process::wait_for;
use crate::suite::Case;

/// A database of one test's own in a server, with migrated tables.
pub struct ServerWorld<C: ServerConnection> {
    /// The database.
    pub database: OwnDatabase<C>,
}

impl<C: ServerConnection> ServerWorld<C> {
    /// In the server that has this URL.
    pub fn in_server(url: &str) -> Self {
        let database = OwnDatabase::in_server(url);
        let ledger = database.ledger("model_counters");
        ledger.run_pending_migrations().unwrap();
        Self { database }
    }

    /// A pool of connections on which this was run first. It does not test them before it hands
    /// them out.
    pub fn pool_after(&self, max_size: u32, first: &str) -> Pool<ConnectionManager<C>> {
        Pool::builder()
            .max_size(max_size)
            .test_on_check_out(false)
            .connection_customizer(Box::new(First(first.to_owned())))
            .build(ConnectionManager::new(self.database.url()))
            .unwrap()
    }
}

#[derive(Debug)]
struct First(String);

impl<C: ServerConnection> CustomizeConnection<C, diesel::r2d2::Error> for First {
    fn on_acquire(&self, conn: &mut C) -> Result<(), diesel::r2d2::Error> {
        conn.batch_execute(&self.0).map_err(Into::into)
    }
}

/// Every sentence that is true of any server.
pub fn cases<C: ServerConnection>() -> Vec<Case<ServerWorld<C>>> {
    vec![
        ("a deadlock with others is resolved and loses nothing", deadlock),
        ("deadlocks with whole passes are resolved and lose nothing", deadlocks::provoked),
        ("syncs are exact at every isolation level", isolation_levels),
        (
            "a transaction distinguishes what is newer from what others commit meanwhile",
            newer_meanwhile,
        ),
        (
            "a transaction makes the row of the record that is missing rather than wait for another",
            missing_row,
        ),
        ("a table that stays locked is given up after seconds", locked_table),
        ("a connection that was ended is replaced", ended_connection),
        ("an error leaves a transaction of the application's tests alive", test_transaction),
        ("a transaction whose connection is ended leaves nothing", ended_transaction),
        ("a transaction of the application's tests keeps its settings", settings::kept_in_tests),
    ]
}

/// Asks for what every transaction of a ledger asks for when it has begun.
pub fn prepare_transaction<C: CounterConnection>(conn: &mut C) {
    conn.prepare_transaction(LockWait::Usual, Some(Duration::from_secs(25))).unwrap();
}

/// The ledger of a pool.
pub fn ledger_of<C: CounterConnection>(pool: &Pool<ConnectionManager<C>>) -> PoolLedger<C> {
    PoolLedger::new(pool.clone(), TableName::default()).unwrap()
}

/// Adds 1 to each of these counters.
pub fn adds(ids: impl IntoIterator<Item = i64>, seq: i64) -> Vec<Claim> {
    let claims = ids.into_iter().map(|id| Claim {
        id: views_of(id),
        seq: ClaimSeq::new(seq),
        op: ClaimOp::Add(1),
    });
    claims.collect()
}

/// Applies claims in a transaction of their own.
pub fn apply(ledger: &dyn Ledger, claims: &[Claim]) {
    let mut transaction = ledger.begin(LockWait::Usual).unwrap();
    transaction.upsert(claims).unwrap();
    transaction.commit().unwrap();
}

fn row(count: i64, seq: i64) -> Baseline {
    Baseline { count, seq: ClaimSeq::new(seq) }
}

fn count(ledger: &dyn Ledger, id: i64) -> i64 {
    ledger.baselines(&[views_of(id)]).unwrap()[0].count
}

/// A session that locks our rows in another order than ours. The others' transaction is the larger
/// one, and the one with more patience, so the one that is ended is ours.
fn deadlock<C: ServerConnection>(world: &ServerWorld<C>) {
    let ledger = world.database.ledger("model_counters");
    let counters =
        Counters::from_parts(Config::default(), Arc::new(MemoryStore::new()), Arc::clone(&ledger));
    apply(&*ledger, &adds(1..=200, 5));
    let mut other = world.database.connect();
    let mut run = |sql: &str| other.batch_execute(&C::quoting(sql)).unwrap();
    run(C::PATIENCE);
    let add = "UPDATE \"model_counters\" SET \"count\" = \"count\" + 1000 WHERE \"owner_id\"";
    run("BEGIN");
    run(&format!("{add} > 1"));

    for id in [1, 2] {
        let owner = post(id);
        counters.increment(owner, "views", 1).unwrap();
    }
    let counters = Arc::new(counters);
    let syncing = Arc::clone(&counters);
    let sync = thread::spawn(move || syncing.sync(&SyncOptions::default()).unwrap());
    let mut watcher = world.database.connect();
    wait_for("the sync to wait", || (watcher.waiting() == 1).then_some(()));
    run(&format!("{add} = 1"));
    run("COMMIT");

    let mut report = sync.join().unwrap();
    // PostgreSQL looks for a deadlock once. Where the other came late to it, the sync waited its
    // five seconds and left the rows to the next.
    let has_locked = report.postponed.iter().any(|claim| claim.cause == PostponedCause::Locked);
    if has_locked && report.elapsed > Duration::from_secs(4) {
        report = counters.sync(&SyncOptions::default()).unwrap();
    }
    assert!(report.is_clean(), "{report:?}");
    assert_eq!([1, 2, 3].map(|id| count(&*ledger, id)), [1002, 1002, 1001]);
}

fn missing_row<C: ServerConnection>(world: &ServerWorld<C>) {
    const MISSING: i64 = 17;
    let (ledger, prefix) = (world.database.ledger("model_counters"), Prefix::default());
    let mut others = ledger.begin(LockWait::Usual).unwrap();
    for writer in (1..=64).filter(|writer| *writer != MISSING) {
        let row = NotedRow { writer, seq: ClaimSeq::new(10), ..NotedRow::default() };
        others.record(&prefix, "a-store", &row).unwrap();
    }
    others.commit().unwrap();
    let mut other = world.database.connect();
    let mut run = |sql: &str| other.batch_execute(&C::quoting(sql)).unwrap();
    // Locks rows, and no gap between them.
    run(&format!("{} READ COMMITTED", C::ISOLATE));
    run("BEGIN; UPDATE \"model_counters_state\" SET \"claim_seq\" = 20");
    let mut ours = ledger.begin(LockWait::Usual).unwrap();
    assert_eq!(ours.lock_record(&prefix, "a-store").unwrap().row.writer, MISSING);
}

fn isolation_levels<C: ServerConnection>(world: &ServerWorld<C>) {
    for level in ["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"] {
        let pool = world.pool_after(4, &format!("{} {level}", C::ISOLATE));
        let ledger = Arc::new(ledger_of(&pool));
        let store = Arc::new(MemoryStore::new());
        let counters = Counters::from_parts(Config::default(), store, ledger);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| count_and_sync(&counters, level));
            }
        });
        // What a sync gave up after a few tries is left to the next.
        let report = counters.sync(&SyncOptions::default()).unwrap();
        assert!(report.is_clean() && report.busy == 0, "{report:?}");
        for id in 0..20 {
            let owner = Owner::new(level, id).unwrap();
            assert_eq!(counters.baseline(&owner, "views").unwrap(), 40, "{level}");
        }
    }
}

fn count_and_sync(counters: &Counters, owner_type: &'static str) {
    for _ in 0..10 {
        for id in 0..20 {
            let owner = Owner::new(owner_type, id).unwrap();
            counters.increment(owner, "views", 1).unwrap();
        }
        // What it could not do is seen in the end.
        let _ = counters.sync(&SyncOptions::default());
    }
}

fn newer_meanwhile<C: ServerConnection>(world: &ServerWorld<C>) {
    let ours = world.database.ledger("model_counters");
    let theirs = world.database.ledger("model_counters");
    apply(&*ours, &adds(1..=5, 5));
    let mut transaction = ours.begin(LockWait::Usual).unwrap();
    // It is looked whether this one is newer, which may be when a snapshot is made.
    assert_eq!(transaction.upsert(&adds([1], 5)).unwrap(), []);
    apply(&*theirs, &adds(2..=8, 9));
    let newer = transaction.upsert(&adds(2..=6, 6)).unwrap();
    assert_eq!(newer, (0..5).map(|index| newer_row(index, 9)).collect::<Vec<_>>());
    let seen = transaction.update(&adds([7], 6)[0]).unwrap();
    assert_eq!(seen, counter_diesel::ledger::UpdateOutcome::AlreadyApplied);
    transaction.commit().unwrap();
}

/// Also that the ledger does not then wait for the table to find out what is wrong.
fn locked_table<C: ServerConnection>(world: &ServerWorld<C>) {
    let ledger = world.database.ledger("model_counters");
    let mut other = world.database.connect();
    other.batch_execute(&C::quoting(C::LOCK_TABLE)).unwrap();
    let mut transaction = ledger.begin(LockWait::Usual).unwrap();
    let error = transaction.upsert(&adds([1], 5)).unwrap_err();
    let is_refused = matches!(error, Error::Locked { step: LedgerStep::Upsert, .. });
    assert!(is_refused, "{error:?}");
    drop(other);
    apply(&*ledger, &adds([1], 5));
}

fn ended_connection<C: ServerConnection>(world: &ServerWorld<C>) {
    let tested = world.database.ledger("model_counters");
    apply(&*tested, &adds([1], 5));
    world.database.connect().end_others();
    assert_eq!(count(&*tested, 1), 1);

    let untested = ledger_of(&world.pool_after(1, "SELECT 1"));
    assert_eq!(count(&untested, 1), 1);
    world.database.connect().end_others();
    assert_unreachable(untested.baselines(&[views_of(1)]));
    assert_eq!(count(&untested, 1), 1);
}

/// The pool has one connection, with a transaction that is never committed.
fn test_transaction<C: ServerConnection>(world: &ServerWorld<C>) {
    let pool = Pool::builder()
        .max_size(1)
        .connection_customizer(Box::new(TestCustomizer))
        .build(ConnectionManager::<C>::new(world.database.url()))
        .unwrap();
    let ledger = ledger_of(&pool);
    apply(&ledger, &adds([1], 5));
    let nowhere = PoolLedger::new(pool, "nowhere".parse().unwrap()).unwrap();
    let read = || nowhere.baselines(&[views_of(1)]).map(drop);
    let write = || {
        let mut transaction = nowhere.begin(LockWait::Usual)?;
        transaction.upsert(&adds([1], 5)).map(drop)
    };
    for error in [read().unwrap_err(), write().unwrap_err()] {
        assert!(matches!(error, Error::NotMigrated { .. }), "{error:?}");
        assert_eq!(count(&ledger, 1), 1);
    }
    let others = world.database.ledger("model_counters");
    assert_eq!(count(&*others, 1), 0);
}

fn ended_transaction<C: ServerConnection>(world: &ServerWorld<C>) {
    let ledger = world.database.ledger("model_counters");
    let end = || world.database.connect().end_others();
    let mut transaction = ledger.begin(LockWait::Usual).unwrap();
    transaction.upsert(&adds([1], 5)).unwrap();
    end();
    assert_unreachable(transaction.upsert(&adds([2], 5)));
    drop(transaction);

    let mut transaction = ledger.begin(LockWait::Usual).unwrap();
    transaction.upsert(&adds([1], 5)).unwrap();
    end();
    assert_unreachable(transaction.commit());
    assert_eq!(ledger.baselines(&[views_of(1), views_of(2)]).unwrap(), [Baseline::NONE; 2]);
    apply(&*ledger, &adds([1], 5));
}

/// What is done to a server.
#[derive(Debug, Clone, Copy)]
pub enum Act {
    /// It is asked to end.
    Stop,
    /// It crashes.
    Kill,
    /// It is started again.
    Start,
}

/// A ledger says that its server is gone, and works again when it is back.
pub fn outage<C: ServerConnection>(server_url: &str, mut act: impl FnMut(Act)) {
    let world = ServerWorld::<C>::in_server(server_url);
    // Two are enough: a transaction and what is asked beside it.
    let ledger: &dyn Ledger = &ledger_of(&world.database.pool(2));
    for (take_down, seq) in [(Act::Stop, 5), (Act::Kill, 6)] {
        apply(ledger, &adds([1], seq));
        let mut transaction = ledger.begin(LockWait::Usual).unwrap();
        transaction.upsert(&adds([1], 9)).unwrap();
        act(take_down);
        assert_unreachable(transaction.commit());
        assert_unreachable(ledger.baselines(&[views_of(1)]));
        assert_unreachable(ledger.begin(LockWait::Usual).map(drop));
        assert_unreachable(ledger.state(&Prefix::default()));
        assert_unreachable(ledger.run_pending_migrations());
        assert_unreachable(C::pool(&world.database.url(), 1).map(drop));
        act(Act::Start);
        let found = wait_for("the ledger to work again", || ledger.baselines(&[views_of(1)]).ok());
        assert_eq!(found, [row(seq - 4, seq)]);
    }
    apply(ledger, &adds([1], 9));
    assert_eq!(count(ledger, 1), 3);
}

fn assert_unreachable<T: std::fmt::Debug>(result: Result<T, Error>) {
    let error = result.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
}
