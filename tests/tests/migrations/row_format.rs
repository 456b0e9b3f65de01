//! A server whose default is not what our tables need.

use counter_diesel::ledger::{Ledger, PoolLedger};
use counter_diesel::mysql_pool;
use counter_tests::servers::Durability;
use counter_tests::servers::mariadb::MariaDb;
use diesel::connection::SimpleConnection;

#[test]
fn our_tables_say_their_row_format_themselves_to_mariadb() {
    let server = MariaDb::with_options(Durability::Off, &["--innodb-default-row-format=compact"]);
    let pool = mysql_pool(&server.url("mysql"), 1).unwrap();
    let index = "CREATE TABLE wide (a VARCHAR(255) UNIQUE) CHARACTER SET utf8mb4";
    let refused = pool.get().unwrap().batch_execute(index).unwrap_err();
    assert!(refused.to_string().contains("too large"), "{refused}");
    let ledger = PoolLedger::new(pool, Default::default()).unwrap();
    assert_eq!(ledger.run_pending_migrations().unwrap().len(), 4);
}
