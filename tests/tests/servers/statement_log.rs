//! MySQL and MariaDB with statements in the binary log, where transactions run under REPEATABLE
//! READ.

use std::thread;

use counter_core::{ClaimSeq, NotedRow, Prefix};
use counter_diesel::ledger::{Ledger, LockWait};
use counter_tests::database::ServerConnection as _;
use counter_tests::process::wait_for;
use counter_tests::server_contract::{ServerWorld, adds, ledger_of};
use counter_tests::servers::Durability;
use counter_tests::servers::mariadb::MariaDb;
use diesel::MysqlConnection;
use diesel::connection::SimpleConnection as _;

const STORE: &str = "a-store";

/// How many transactions wait for locks, whatever database their connection is in. The table is
/// read anew where it was not read for a tenth of a second.
const WAITING: &str = "SELECT COUNT(*) AS n FROM (SELECT SLEEP(0.15)) AS pause, \
                       information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'";

fn server() -> MariaDb {
    let options = ["--server-id=1", "--log-bin=binlog", "--binlog-format=STATEMENT"];
    MariaDb::with_options(Durability::Off, &options)
}

/// The store, which may be an old copy, is not asked about records that the transaction has not
/// read.
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

pub(crate) fn a_transaction_that_waits_for_a_row_reads_what_others_record_meanwhile() {
    reads_what_others_record_while_it_waits("DO 0");
}

/// To see whether tables of the same name are there, MySQL reads tables of its own.
pub(crate) fn a_connection_of_another_database_reads_what_others_record_meanwhile() {
    reads_what_others_record_while_it_waits("USE mysql");
}

/// On a connection on which this was run.
fn reads_what_others_record_while_it_waits(before: &str) {
    let server = server();
    let world = ServerWorld::<MysqlConnection>::in_server(&server.url("mysql"));
    let pool = world.database.pool(1);
    let ledger: &dyn Ledger = &ledger_of(&pool);
    let mut all = ledger.begin(LockWait::Usual).unwrap();
    for writer in 1..=64 {
        let row = NotedRow { writer, seq: ClaimSeq::new(10), ..NotedRow::default() };
        all.record(&Prefix::default(), STORE, &row).unwrap();
    }
    all.commit().unwrap();
    pool.get().unwrap().batch_execute(before).unwrap();
    let (mut other, mut watcher) = (world.database.connect(), world.database.connect());
    other.batch_execute("BEGIN; UPDATE model_counters_state SET claim_seq = 20").unwrap();
    thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            let mut ours = ledger.begin(LockWait::Usual).unwrap();
            ours.lock_record(&Prefix::default(), STORE).unwrap().recorded
        });
        wait_for("it to wait for a row", || {
            (watcher.number(WAITING) > 0 || waiting.is_finished()).then_some(())
        });
        other.batch_execute("COMMIT").unwrap();
        assert_eq!(waiting.join().unwrap(), [ClaimSeq::new(20); 64]);
    });
}
