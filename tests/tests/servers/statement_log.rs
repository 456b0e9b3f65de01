//! MySQL and MariaDB with statements in the binary log, where transactions run under REPEATABLE READ.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;

use counter_core::{ClaimSeq, Config, Generation, MemoryStore, Prefix};
use counter_diesel::ledger::{Ledger, LockWait};
use counter_diesel::{Counters, SyncOptions};
use counter_tests::database::Database as _;
use counter_tests::faults::{Faults, FaultyLedger, FaultyStore};
use counter_tests::fixtures::post;
use counter_tests::server_contract::{ServerWorld, adds, ledger_of};
use counter_tests::servers::Durability;
use counter_tests::servers::mariadb::MariaDb;
use diesel::MysqlConnection;

const STORE: &str = "a-store";

fn server() -> MariaDb {
    let options = ["--server-id=1", "--log-bin=binlog", "--binlog-format=STATEMENT"];
    MariaDb::with_options(Durability::Off, &options)
}

/// What is missing there is not asked of the store, which may be an old copy.
pub(crate) fn a_transaction_that_skips_rows_reads_what_others_record_meanwhile() {
    let server = server();
    let world = ServerWorld::<MysqlConnection>::in_server(&server.url("mysql"));
    let ledger: &dyn Ledger = &ledger_of(&world.database.pool(2));
    let record = |ids, seq| {
        let mut transaction = ledger.begin(LockWait::Usual).unwrap();
        transaction.upsert(&adds(ids, seq)).unwrap();
        let mut row = transaction.lock_record(&Prefix::default(), STORE).unwrap().row;
        row.seq = ClaimSeq::new(seq);
        transaction.record(&Prefix::default(), STORE, &row).unwrap();
        transaction.commit().unwrap();
    };
    record(1..9, 10);
    let mut ours = ledger.begin(LockWait::Short).unwrap();
    let claims = adds(2..4, 30);
    assert_eq!(ours.lock_rows(&claims).unwrap(), [0; 0]);
    record(7..9, 20);
    assert_eq!(ours.upsert(&claims).unwrap(), []);
    let recorded = ours.lock_record(&Prefix::default(), STORE).unwrap().recorded;
    assert!(recorded.contains(&ClaimSeq::new(20)), "{recorded:?}");
    ours.commit().unwrap();
}

/// Each of them locks the gap in which the other's first row of the record is to be.
pub(crate) fn two_syncs_that_are_the_first_of_their_store_resolve_their_deadlock() {
    let server = server();
    let world = ServerWorld::<MysqlConnection>::in_server(&server.url("mysql"));
    let (together, records) = (Arc::new(Barrier::new(2)), Arc::new(AtomicUsize::new(0)));
    let reports = thread::scope(|scope| {
        let syncs = [1, 2].map(|n| {
            let counters = recording_together(&world, &together, &records);
            counters.increment(post(n), "views", 1).unwrap();
            scope.spawn(move || counters.sync(&SyncOptions::default()).unwrap())
        });
        syncs.map(|sync| sync.join().unwrap())
    });
    for report in reports {
        assert!(report.is_clean() && report.applied == 1, "{report}");
    }
    assert_eq!(records.load(Ordering::SeqCst), 3, "one of them had to begin again");
}

/// A process of a store that both have, which waits for the other before it records.
fn recording_together(
    world: &ServerWorld<MysqlConnection>,
    together: &Arc<Barrier>,
    records: &Arc<AtomicUsize>,
) -> Counters {
    let (together, records) = (Arc::clone(together), Arc::clone(records));
    let faults = Faults::calling(move |step| {
        if step == "lock_record" && records.fetch_add(1, Ordering::SeqCst) < 2 {
            together.wait();
        }
    });
    let ledger = world.database.ledger("model_counters");
    let database = ledger.state(&Prefix::default()).unwrap().database;
    let mut store = FaultyStore::new(Arc::new(MemoryStore::default()), &faults);
    store.generation = Some(Generation::new(STORE.to_owned(), database, ClaimSeq::new(i64::MAX)));
    let ledger = FaultyLedger { inner: ledger, faults };
    Counters::from_parts(Config::default(), Arc::new(store), Arc::new(ledger))
}
