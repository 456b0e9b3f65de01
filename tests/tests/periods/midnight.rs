//! Counting, reading and syncing from eight threads while the clock steps over midnight.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::thread::{self, ScopedJoinHandle};

use counter_core::{Clock as _, ManualClock};
use counter_diesel::query::{Grain, Span};
use counter_diesel::{Counters, SyncOptions};
use counter_tests::effort;
use counter_tests::suite::Case;
use counter_tests::world::World;

use super::read::{PAGE, PageCounter, date};

/// The last microsecond of 27 November 2026.
const BEFORE: i64 = 1_795_823_999_999_999;

pub(super) const CASES: &[Case<World>] =
    &[("both days are exact while the clock steps over midnight", |world| {
        let clock = ManualClock::at_micros(BEFORE);
        let counters = world.counters().with_clock(clock.clone());
        let [started, done, first, second] = [(); 4].map(|()| AtomicI64::new(0));
        let (begin, is_over) = (Barrier::new(8), AtomicBool::new(false));
        let each = effort::load(300);
        let count = || {
            begin.wait();
            for n in 0..each {
                if n == each / 2 {
                    clock.set_micros(BEFORE + 1);
                }
                let before = clock.now_micros();
                started.fetch_add(1, Ordering::SeqCst);
                counters.increment(&PAGE, PageCounter::Views, 1).unwrap();
                done.fetch_add(1, Ordering::SeqCst);
                // Between the two it may be counted on either.
                match (before, clock.now_micros()) {
                    (BEFORE, BEFORE) => first.fetch_add(1, Ordering::SeqCst),
                    (BEFORE, _) => 0,
                    _ => second.fetch_add(1, Ordering::SeqCst),
                };
            }
        };
        let read = || {
            begin.wait();
            let mut newest = [0; 2];
            while !is_over.load(Ordering::SeqCst) {
                let [least, of_second] = [&done, &second].map(|n| n.load(Ordering::SeqCst));
                let days = days(&counters);
                let most = started.load(Ordering::SeqCst);
                let sum = days[0] + days[1];
                assert!((least..=most).contains(&sum), "{least} <= {days:?} <= {most}");
                assert!(days[1] >= of_second, "{days:?}: {of_second}");
                assert!(days[0] >= newest[0] && days[1] >= newest[1], "{newest:?}, {days:?}");
                newest = days;
            }
        };
        let sync = || {
            begin.wait();
            while !is_over.load(Ordering::SeqCst) {
                assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
            }
        };
        thread::scope(|scope| {
            let readers = [(); 3].map(|()| scope.spawn(read));
            let syncs = scope.spawn(sync);
            let writers = [(); 4].map(|()| scope.spawn(count));
            let written = writers.map(ScopedJoinHandle::join);
            is_over.store(true, Ordering::SeqCst);
            written
                .into_iter()
                .chain(readers.map(ScopedJoinHandle::join))
                .for_each(|it| it.unwrap());
            syncs.join().unwrap();
        });
        for _ in 0..2 {
            let days = days(&counters);
            let [first, second] = [&first, &second].map(|n| n.load(Ordering::SeqCst));
            assert!(days[0] >= first && days[1] >= second, "{days:?}: {first}, {second}");
            assert_eq!(days[0] + days[1], 4 * each);
            assert!(days[0] > 0 && days[1] > 0, "{days:?}");
            assert_eq!(counters.get(&PAGE, PageCounter::Views).unwrap(), 4 * each);
            assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
        }
    })];

/// The last day of the old and the first of the new, by one look.
fn days(counters: &Counters) -> [i64; 2] {
    let span = Span::between(Grain::Day, date(2026, 11, 27), date(2026, 11, 29));
    let series = counters.series(&PAGE, PageCounter::Views, span).unwrap();
    let mut values = series.values();
    [(); 2].map(|()| values.next().unwrap())
}
