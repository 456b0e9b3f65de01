//! Servers that stay: totals are those of awk.

use std::path::Path;
use std::thread;

use counter_tests::program::Program;
use counter_tests::site::Site;

use crate::counts::{counts_by_awk, sum};
use crate::{Said, access_log, counts_in, log, start};

#[test]
fn with_postgres_every_page_is_counted_as_awk_counts_it_and_twice_when_run_twice() {
    is_counted_as_awk_does(&Site::with_postgres());
}

#[test]
fn with_mariadb_every_page_is_counted_as_awk_counts_it_and_twice_when_run_twice() {
    is_counted_as_awk_does(&Site::with_mariadb());
}

#[test]
fn on_a_cluster_every_page_is_counted_as_awk_counts_it_and_twice_when_run_twice() {
    is_counted_as_awk_does(&Site::with_cluster_and_postgres());
}

fn is_counted_as_awk_does(site: &Site) {
    let folder = tempfile::tempdir().unwrap();
    let generated = folder.path().join("generated.log");
    std::fs::write(&generated, log::varied(4000)).unwrap();
    let small = counts_by_awk(&log::small());
    assert_eq!(small["/index.html"], [3, 1000, 0]);

    count(site, &log::small());
    assert_eq!(counts_in(site), small);
    count(site, &log::small());
    assert_eq!(counts_in(site), sum(&small, &small));
    count(site, &generated);
    let expected = sum(&counts_by_awk(&generated), &sum(&small, &small));
    assert!(expected.len() > 150, "{} pages", expected.len());
    assert_eq!(counts_in(site), expected);
    two_processes_at_once(site, &generated);
}

fn count(site: &Site, log: &Path) {
    let ended = Program::start(access_log(site).arg(log).args(["--workers", "4"])).finish();
    assert!(ended.status.success(), "{ended:?}");
    assert_eq!(ended.errors, "");
}

/// Both count with two threads and sync, on the same pages.
fn two_processes_at_once(site: &Site, log: &Path) {
    let before = counts_in(site);
    let lines = std::fs::read_to_string(log).unwrap();
    let ended = thread::scope(|scope| {
        let processes = [(); 2].map(|()| {
            let mut process = start(site, "2");
            let lines = &lines;
            scope.spawn(move || {
                (0..3).for_each(|_| process.feed(lines));
                process.finish()
            })
        });
        processes.map(|process| process.join().unwrap())
    });
    // Both sync, but one of them may have claimed all there was each time.
    let said = ended.each_ref().map(Said::by);
    assert!(said.iter().all(|said| said.syncs > 0), "{ended:?}");
    assert!(said.iter().any(|said| said.rows > 0), "{ended:?}");
    assert!(ended.iter().all(|ended| ended.status.success()), "{ended:?}");
    // What one counted while the other had a claim on the same counter may be left when both have
    // ended.
    site.last_sync();
    let once = counts_by_awk(log);
    let expected = (0..6).fold(before, |before, _| sum(&before, &once));
    assert_eq!(counts_in(site), expected);
}
