//! When everything is scanned, and by whom.

use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::time::Duration;

use counter_diesel::SyncOptions;
use counter_diesel::sync::Reach;
use counter_tests::process::wait_for;

use super::{LONG, Setting, baseline, count, follow, follow_index, sync};

fn follow_every(counters: &counter_diesel::Counters, every: Duration) -> Reach {
    let options = SyncOptions::default().follow_index(true).full_scan_every(every);
    counters.sync(&options).unwrap().reach
}

#[test]
fn the_first_sync_of_all_processes_scans_for_all() {
    let setting = Setting::new();
    let reaches = [setting.counters(), setting.counters(), setting.counters()];
    let reaches = reaches.map(|counters| follow(&counters).reach);
    assert_eq!(reaches, [Reach::Everything, Reach::Index, Reach::Index]);
}

#[test]
fn what_a_bare_client_counted_waits_for_a_scan_that_is_due() {
    let mut setting = Setting::scanned();
    let counters = setting.counters();
    setting.count_bare(1);
    // This process finds something pending, so it does not name the counter either.
    count(&counters, [1]);
    assert_eq!((follow_index(&counters).applied, baseline(&counters, 1)), (0, 0));
    let ttl: i64 = setting.run("PTTL counter:{scanned}");
    assert!((1..=600_000).contains(&ttl), "{ttl}");
    let _: i64 = setting.run("DEL counter:{scanned}");
    let report = follow(&counters);
    assert_eq!((report.reach, report.applied), (Reach::Everything, 1));
    assert_eq!(baseline(&counters, 1), 2);
}

#[test]
fn a_sync_that_is_asked_for_scans_everything_whenever_it_is() {
    let mut setting = Setting::scanned();
    for number in 1..=3 {
        setting.count_bare(number);
        assert_eq!(sync(&setting.counters()).applied, 1);
    }
}

#[test]
fn one_that_scans_more_often_does_not_wait_for_the_others() {
    let setting = Setting::scanned();
    let counters = setting.counters();
    let soon = Duration::from_millis(20);
    assert_eq!(follow_every(&counters, soon), Reach::Everything);
    wait_for("the next scan to be due", || {
        (follow_every(&counters, LONG) == Reach::Everything).then_some(())
    });
    assert_eq!(follow_every(&counters, LONG), Reach::Index);
    assert_eq!(follow_every(&counters, Duration::ZERO), Reach::Everything);
    assert_eq!(follow_every(&counters, Duration::MAX), Reach::Index);
}

#[test]
fn a_note_that_has_lost_its_expiry_is_not_believed() {
    let mut setting = Setting::scanned();
    let counters = setting.counters();
    let _: i64 = setting.run("PERSIST counter:{scanned}");
    assert_eq!(follow(&counters).reach, Reach::Everything);
    assert_eq!(follow(&counters).reach, Reach::Index);
    let _: i64 = setting.run("DEL counter:{scanned}");
    let _: i64 = setting.run("RPUSH counter:{scanned} a");
    for _ in 0..2 {
        assert_eq!(follow(&counters).reach, Reach::Everything);
        assert_eq!(setting.run::<i64>("LLEN counter:{scanned}"), 1);
    }
}

#[test]
fn a_scan_that_was_not_finished_is_due_for_the_next_sync() {
    let mut setting = Setting::new();
    let counters = setting.counters();
    // More batches than a pass has claimed when it is stopped at the first.
    (1..=10).for_each(|number| setting.count_bare(number));
    let options = SyncOptions::default().follow_index(true).batch_size(NonZeroUsize::MIN);
    let report = counters.sync_observed(&options, &mut |_| ControlFlow::Break(())).unwrap();
    assert!(report.interrupted, "{report}");
    let report = follow(&counters);
    assert_eq!((report.reach, report.interrupted), (Reach::Everything, false));
    assert_eq!((1..=10).map(|number| baseline(&counters, number)).sum::<i64>(), 10);
    assert_eq!(follow(&counters).reach, Reach::Index);
}
