//! PostgreSQL can be set to answer before it has written a commit to its disk.

use counter_tests::fixtures::post;
use counter_tests::site::Site;
use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};

use super::setting::sync_cleanly;

const CRASHES: i64 = 3;

#[test]
fn what_a_sync_has_acknowledged_survives_a_crash_without_synchronous_commits() {
    let site = Site::with_postgres();
    let url = site.database().url();
    let mut conn = PgConnection::establish(&url).unwrap();
    // No other process writes what it has not waited for.
    for setting in ["synchronous_commit = off", "wal_writer_delay = '10s'"] {
        conn.batch_execute(&format!("ALTER SYSTEM SET {setting}")).unwrap();
    }
    drop(conn);
    site.database().stop();
    site.database().start();

    for crash in 1..=CRASHES {
        let counters = site.patient_counters();
        counters.increment(post(1), "views", 1).unwrap();
        let _ = sync_cleanly(&counters);
        counters.set(post(2), "views", crash).unwrap();
        site.database().kill();
        site.database().start();
        let after = site.counters();
        assert_eq!(after.baseline(post(1), "views").unwrap(), crash);
        assert_eq!(after.baseline(post(2), "views").unwrap(), crash);
    }
}
