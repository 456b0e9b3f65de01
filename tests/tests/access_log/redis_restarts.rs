//! Redis, which keeps what it has acknowledged, is killed and started again while the program
//! counts.

use std::fs;
use std::net::TcpListener;
use std::sync::mpsc::{self, TryRecvError};
use std::thread;

use counter_tests::process::wait_for;
use counter_tests::site::Site;

use crate::{Said, log, start, total_in, wait_until_rows_appear};

#[test]
fn totals_agree_with_what_the_program_said_after_redis_was_killed() {
    let site = Site::with_postgres();
    let mut program = start(&site, "4");
    let (lines, ended) = thread::scope(|scope| {
        let (over, is_over) = mpsc::channel::<()>();
        let counting = scope.spawn(move || {
            let mut lines = 0;
            while is_over.try_recv() == Err(TryRecvError::Empty) {
                program.feed(&log::even("/page/", 1_000, 200));
                lines += 1_000;
            }
            (lines, program.finish())
        });
        wait_until_rows_appear(&site);
        // In the middle of increments: they were sent, and will never be answered.
        site.redis().freeze();
        wait_for("increments without an answer", || has_unread_bytes(&site).then_some(()));
        site.redis().kill();
        wait_until_somebody_connects(&site);
        site.redis().start_again();
        wait_for("it counts again", || counts_again(&site).then_some(()));
        // In the middle of whatever it is at.
        site.redis().kill();
        wait_until_somebody_connects(&site);
        site.redis().start_again();
        drop(over);
        counting.join().unwrap()
    });
    let said = Said::by(&ended);
    assert!(said.unknown > 0, "{ended:?}");
    assert!(!ended.status.success(), "{ended:?}");
    assert!(ended.output.contains("no reply arrived"), "{ended:?}");
    site.last_sync();
    said.assert_agrees_with(lines, total_in(&site));
}

#[test]
fn redis_that_stays_away_is_named_and_the_rest_is_reported() {
    let site = Site::with_postgres();
    let mut program = start(&site, "2");
    program.feed(&log::even("/page/", 400, 10));
    wait_for("all is in the table", || (total_in(&site) == 800).then_some(()));
    site.redis().kill();
    program.feed(&log::even("/page/", 2, 1));
    let ended = program.finish();
    assert!(!ended.status.success(), "{ended:?}");
    let said = Said::by(&ended);
    assert_eq!((said.counted, said.not_counted + said.unknown), (800, 4), "{ended:?}");
    assert!(said.not_counted > 0, "{ended:?}");
    assert!(ended.output.contains(" was not counted: "), "{ended:?}");
    let expected =
        "error: the last sync failed; what is pending stays in Redis, for the next run: ";
    assert!(ended.errors.starts_with(expected), "{ended:?}");
    assert!(ended.errors.contains("127.0.0.1:"), "{ended:?}");
    site.redis().start_again();
    site.last_sync();
    said.assert_agrees_with(402, total_in(&site));
}

fn port(site: &Site) -> u16 {
    let url = site.redis().url();
    url.trim_end_matches('/').rsplit(':').next().unwrap().parse().unwrap()
}

/// Whether unread bytes wait in a socket of Redis, as the kernel reports.
fn has_unread_bytes(site: &Site) -> bool {
    let local = format!(":{:04X}", port(site));
    let sockets = fs::read_to_string("/proc/net/tcp").unwrap();
    let sockets = sockets.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let unread = |fields: &[&str]| !fields[4].ends_with(":00000000");
    sockets.into_iter().any(|fields| {
        let is_established = fields[3] == "01";
        is_established && fields[1].ends_with(&local) && unread(&fields)
    })
}

/// In the place of Redis: a client that connects has noticed that it is away.
fn wait_until_somebody_connects(site: &Site) {
    let listener = TcpListener::bind(("127.0.0.1", port(site))).unwrap();
    listener.set_nonblocking(true).unwrap();
    wait_for("a client to connect", || listener.accept().ok());
}

/// Whether hits came in since the server was started: commands that others than this test sent.
fn counts_again(site: &Site) -> bool {
    let info = redis::cmd("INFO").arg("commandstats").query::<String>(&mut site.redis().bare());
    info.unwrap().contains("cmdstat_incrby:")
}
