//! Increments of which each can be found again in the value of its counter.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use counter_core::Error as StoreError;
use counter_diesel::{Counters, Error, SyncOptions};

use crate::fixtures::post;
use crate::process::wait_for;

/// Threads that count.
const WRITERS: usize = 4;

/// Increments of one writer of one counter.
const OF_A_WRITER: usize = 7;

/// Increments of one counter. Each adds a power of 4 of its own, so a digit to the base of 4 says
/// how often it is there: 0 if it is lost, 1, or more if it is counted twice.
const OF_A_COUNTER: usize = WRITERS * OF_A_WRITER;

/// The least time between two increments of a writer, so that a failover does not meet thousands of
/// counters.
const PACE: Duration = Duration::from_millis(1);

/// Writers, a worker and a reader of one process, and what was said of each increment.
pub struct Tally {
    start: Instant,
    is_over: AtomicBool,
    /// By the number of the counter and of the digit.
    increments: Mutex<BTreeMap<(usize, usize), Increment>>,
    misread: AtomicU64,
    reads: AtomicU64,
    unconfirmed: AtomicU64,
}

/// One increment.
#[derive(Debug, Clone, Copy)]
pub struct Increment {
    /// When it began, since the start.
    pub begun: Duration,
    /// When its outcome was known.
    pub ended: Duration,
    outcome: Outcome,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Begun,
    Counted,
    NotCounted,
    Unknown,
}

/// Whether there is a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Worker {
    /// It syncs all the time.
    Runs,
    /// Nothing is synced before the end.
    Rests,
}

/// What became of all of them.
#[derive(Debug, Default)]
pub struct Outcomes {
    /// Increments that returned `Ok`.
    pub acknowledged: u64,
    /// Increments that failed and say that they did not count.
    pub not_counted: u64,
    /// Increments that may have counted.
    pub unknown: u64,
    /// Increments that are there twice, or although they are said not to count.
    pub doubled: u64,
    /// Reads of a value that no counter had.
    pub misread: u64,
    /// Reads that returned a value.
    pub reads: u64,
    /// Claims that were applied without a replica having them.
    pub unconfirmed: u64,
    /// Increments that were acknowledged and are not there.
    pub lost: Vec<Increment>,
}

impl Tally {
    /// Counts, reads and, if there is a worker, syncs while `happen` runs. Then all is synced.
    /// Returns what came of it.
    pub fn during(counters: &Counters, worker: Worker, happen: impl FnOnce(&Self)) -> Outcomes {
        let tally = Self {
            start: Instant::now(),
            is_over: AtomicBool::new(false),
            increments: Mutex::default(),
            misread: AtomicU64::new(0),
            reads: AtomicU64::new(0),
            unconfirmed: AtomicU64::new(0),
        };
        thread::scope(|scope| {
            let _over = Over(&tally.is_over);
            for writer in 0..WRITERS {
                let (tally, counters) = (&tally, counters);
                scope.spawn(move || tally.write(writer, counters));
            }
            if worker == Worker::Runs {
                scope.spawn(|| tally.sync(counters));
            }
            scope.spawn(|| tally.read(counters));
            happen(&tally);
        });
        wait_for("everything to be in the table", || {
            let report = counters.sync(&SyncOptions::default()).ok()?;
            (report.is_clean() && report.busy == 0 && report.scanned == 0).then_some(())
        });
        tally.outcomes(counters)
    }

    /// The time since the start.
    pub fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// Waits until so many increments are acknowledged that began after this time, and returns when
    /// the first was.
    pub fn wait_for_counts(&self, number: usize, since: Duration) -> Duration {
        wait_for("increments to be counted", || {
            let increments = self.increments.lock().unwrap();
            let counted = increments.values().filter(|it| it.outcome == Outcome::Counted);
            let late = counted.filter(|it| it.begun > since);
            let ended = late.map(|it| it.ended).collect::<Vec<_>>();
            (ended.len() >= number).then(|| ended.into_iter().min())?
        })
    }

    /// Waits until so many increments have begun since this time, whatever came of them.
    pub fn wait_for_attempts(&self, number: usize, since: Duration) {
        wait_for("increments to be tried", || {
            let increments = self.increments.lock().unwrap();
            let late =
                increments.values().filter(|it| it.begun > since && it.outcome != Outcome::Begun);
            (late.count() >= number).then_some(())
        });
    }

    fn write(&self, writer: usize, counters: &Counters) {
        for counter in 0.. {
            for digit in writer * OF_A_WRITER..(writer + 1) * OF_A_WRITER {
                if self.is_over.load(SeqCst) {
                    return;
                }
                let begun = self.now();
                let note = |outcome| {
                    let increment = Increment { begun, ended: self.now(), outcome };
                    self.increments.lock().unwrap().insert((counter, digit), increment);
                };
                note(Outcome::Begun);
                let by = 1 << (2 * digit);
                note(match counters.increment(post(counter as i64), "views", by) {
                    Ok(()) => Outcome::Counted,
                    Err(Error::Core(StoreError::NotCounted { .. })) => Outcome::NotCounted,
                    Err(Error::Core(StoreError::OutcomeUnknown { .. })) => Outcome::Unknown,
                    Err(error) => panic!("an increment failed: {error:?}"),
                });
                thread::sleep(PACE);
            }
        }
    }

    fn sync(&self, counters: &Counters) {
        while !self.is_over.load(SeqCst) {
            match counters.sync(&SyncOptions::default()) {
                Ok(report) => {
                    self.unconfirmed.fetch_add(report.unconfirmed, SeqCst);
                    report.stopped.iter().for_each(assert_not_back);
                }
                Err(error) => assert_not_back(&error),
            }
            thread::sleep(PACE);
        }
    }

    /// Reads whatever may be read: a value is right if it has no digit above 1, and none of an
    /// increment that has not begun.
    fn read(&self, counters: &Counters) {
        while !self.is_over.load(SeqCst) {
            thread::sleep(PACE);
            let newest = self.increments.lock().unwrap().last_key_value().map(|(key, _)| key.0);
            let counter = fastrand::usize(..=newest.unwrap_or_default());
            if let Ok(value) = counters.get(post(counter as i64), "views") {
                self.reads.fetch_add(1, SeqCst);
                let increments = self.increments.lock().unwrap();
                let is_right = (0..OF_A_COUNTER).all(|digit| match times(value, digit) {
                    0 => true,
                    1 => increments.contains_key(&(counter, digit)),
                    _ => false,
                });
                if !is_right || value < 0 {
                    self.misread.fetch_add(1, SeqCst);
                }
            }
        }
    }

    fn outcomes(&self, counters: &Counters) -> Outcomes {
        let mut outcomes = Outcomes {
            misread: self.misread.load(SeqCst),
            reads: self.reads.load(SeqCst),
            unconfirmed: self.unconfirmed.load(SeqCst),
            ..Outcomes::default()
        };
        let increments = self.increments.lock().unwrap();
        let newest = increments.last_key_value().map_or(0, |(key, _)| key.0);
        let values: Vec<_> = (0..=newest)
            .map(|counter| counters.baseline(post(counter as i64), "views").unwrap())
            .collect();
        for ((counter, digit), increment) in increments.iter() {
            let there = times(values[*counter], *digit);
            match increment.outcome {
                Outcome::Counted => outcomes.acknowledged += 1,
                Outcome::NotCounted => outcomes.not_counted += 1,
                Outcome::Begun | Outcome::Unknown => outcomes.unknown += 1,
            }
            let is_double = there > 1 || (there == 1 && increment.outcome == Outcome::NotCounted);
            outcomes.doubled += u64::from(is_double);
            if increment.outcome == Outcome::Counted && there == 0 {
                outcomes.lost.push(*increment);
            }
        }
        outcomes
    }
}

/// Ends the threads, also where the test has failed.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, SeqCst);
    }
}

/// The master may be away, but the next one knows all that was applied.
fn assert_not_back(error: &Error) {
    let went_back = matches!(error, Error::Core(StoreError::StoreWentBack { .. }));
    assert!(!went_back, "what was applied is not known any more: {error:?}");
}

/// How often the increment of this digit is in a value.
fn times(value: i64, digit: usize) -> i64 {
    value >> (2 * digit) & 3
}

impl Outcomes {
    /// Panics if anything was counted twice or read wrongly, or if nothing was looked at.
    pub fn check(&self) {
        assert_eq!((self.doubled, self.misread), (0, 0), "{self}");
        assert!(self.acknowledged > 0 && self.reads > 0, "{self}");
    }
}

/// As the guide to operation lists them.
impl fmt::Display for Outcomes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { acknowledged, not_counted, unknown, doubled, misread, reads, unconfirmed, lost } =
            self;
        write!(
            f,
            "acknowledged {acknowledged}, lost by Redis {}, doubled {doubled}, misread {misread} of \
             {reads}, unknown {unknown}, not counted {not_counted}, unconfirmed claims {unconfirmed}",
            lost.len()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::times;

    #[test]
    fn a_digit_says_how_often_its_increment_is_there() {
        let value = 1 + (2 << 4) + (1 << 54);
        assert_eq!([0, 1, 2, 27].map(|digit| times(value, digit)), [1, 0, 2, 1]);
    }
}
