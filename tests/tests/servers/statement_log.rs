//! MySQL and MariaDB with statements in the binary log, where transactions run under REPEATABLE
//! READ.

use counter_core::{ClaimSeq, Prefix};
use counter_diesel::ledger::{Ledger, LockWait};
use counter_tests::server_contract::{ServerWorld, adds, ledger_of};
use counter_tests::servers::Durability;
use counter_tests::servers::mariadb::MariaDb;
use diesel::MysqlConnection;

const STORE: &str = "a-store";

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
