//! The database is stopped and started again while the program counts.

use counter_diesel::Owner;
use counter_tests::process::wait_for;
use counter_tests::site::Site;

use crate::{Said, counts_in, log, start, total_in, wait_until_rows_appear};

#[test]
fn totals_agree_with_what_the_program_said_after_postgres_was_stopped() {
    survives_a_restart(&Site::with_postgres());
}

#[test]
fn totals_agree_with_what_the_program_said_after_mariadb_was_stopped() {
    survives_a_restart(&Site::with_mariadb());
}

/// As many as the program hands to its threads at once.
const CHUNK: usize = 200;

fn survives_a_restart(site: &Site) {
    let mut program = start(site, "4");
    // The whole of it is at work when the database stops.
    program.feed(&log::even("/page/", 10 * CHUNK, 50));
    wait_until_counted(site, 10 * CHUNK);
    wait_until_rows_appear(site);
    let id = id_of(site, "/page/0");
    site.database().stop();

    // The number of a new page is in the database. A known page needs no database.
    program.feed(&log::even("/new/", 60, 60));
    program.feed(&log::even("/page/", 3 * CHUNK - 60, 1));
    // With the few that were held before, enough of them to have come to all that are new.
    wait_for("counting to go on", || (hits_held(site, &id) >= 540).then_some(()));
    site.database().start();

    program.feed(&log::even("/page/", 5 * CHUNK, 50));
    let ended = program.finish();
    assert!(!ended.status.success(), "{ended:?}");
    assert_eq!(ended.errors, "", "the last sync went well");
    let said = Said::by(&ended);
    assert_eq!((said.not_counted, said.unknown), (120, 0), "{ended:?}");
    site.last_sync();
    said.assert_agrees_with(18 * CHUNK as i64, total_in(site));
    let counts = counts_in(site);
    assert_eq!(counts["/page/0"][0], (10 * CHUNK / 50 + 540 + 5 * CHUNK / 50) as i64);
    assert!(!counts.contains_key("/new/0"), "{counts:?}");
}

#[test]
fn a_database_that_stays_away_is_named_and_what_is_pending_stays_in_redis() {
    let site = Site::with_postgres();
    let mut program = start(&site, "2");
    program.feed(&log::even("/page/", CHUNK, 10));
    wait_until_counted(&site, CHUNK);
    site.database().stop();
    program.feed(&log::even("/page/", CHUNK, 10));
    let ended = program.finish();
    assert!(!ended.status.success(), "{ended:?}");
    let expected =
        "error: the last sync failed; what is pending stays in Redis, for the next run: ";
    assert!(ended.errors.starts_with(expected), "{ended:?}");
    assert!(ended.errors.contains("the database cannot be reached"), "{ended:?}");
    let said = Said::by(&ended);
    assert_eq!((said.counted, said.not_counted, said.unknown), (800, 0, 0), "{ended:?}");
    site.database().start();
    site.last_sync();
    said.assert_agrees_with(400, total_in(&site));
}

/// Waits until this many lines are counted, so that they need the database only for syncs.
fn wait_until_counted(site: &Site, lines: usize) {
    let counters = site.patient_counters();
    wait_for("all lines to be counted", || {
        let ids = site.database().texts("SELECT CONCAT(id) FROM pages");
        let page = |id: &String| Owner::new("page", id.parse::<i64>().unwrap()).unwrap();
        let counted = |key: &'static str| {
            let values = counters.get_many(ids.iter().map(|id| (page(id), key)));
            values.unwrap().iter().sum::<i64>() == lines as i64
        };
        (counted("hits") && counted("bytes")).then_some(())
    });
}

fn id_of(site: &Site, path: &str) -> String {
    let query = format!("SELECT CONCAT(id) FROM pages WHERE path = '{path}'");
    site.database().texts(&query).remove(0)
}

/// The hits of a page that Redis holds, claimed or not.
fn hits_held(site: &Site, id: &str) -> i64 {
    let names = [format!("counter:page:{id}:hits"), format!("counter:{{counter:page:{id}:hits}}")];
    let held =
        redis::cmd("MGET").arg(&names).query::<Vec<Option<String>>>(&mut site.redis().bare());
    let number = |text: &String| text.rsplit(':').next().unwrap().parse::<i64>().unwrap();
    held.unwrap().iter().flatten().map(number).sum()
}
