use std::time::{Duration, Instant};

/// Where the time of a sync went, step by step: which side of it is slow.
///
/// Each is the time in which the sync waited for that step's answers, those that failed and were
/// asked for again among them. Scans and claims go on in a thread of their own while the database
/// works on what was claimed before, so what [`scan`](Self::scan) and [`claim`](Self::claim) come
/// to and what the other three come to overlap, and may together be more than
/// [`SyncReport::elapsed`](super::report::SyncReport::elapsed): the larger of the two is about what
/// the sync waits for. What is missing it spent on its own work, on comparing what both sides know
/// of each other, on waits between tries, on rare steps such as lost claims, and on its observer.
/// In a dry run all are zero but [`scan`](Self::scan).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct SyncTimes {
    /// Finding counters in the store.
    pub scan: Duration,
    /// Turning what is pending into claims, and waiting for their confirmation if that is asked
    /// for.
    pub claim: Duration,
    /// The transactions: from the wait for a connection to the answer to the commit, without the
    /// check of the claims.
    pub database: Duration,
    /// Asking the store, while rows are locked, whether it still holds the claims.
    pub verify: Duration,
    /// Letting the store know what it may forget.
    pub acknowledge: Duration,
    /// The longest that a transaction waited at once, as [`database`](Self::database) is the sum:
    /// for a connection and the locks of its rows, or for its commit.
    pub longest_database: Duration,
    /// The longest single check of a batch's claims, as [`verify`](Self::verify) is the sum. One
    /// that takes longer than half a second and 50 microseconds for each claim fails, and so does
    /// one that takes longer than a second.
    pub longest_verify: Duration,
}

impl SyncTimes {
    /// Returns each step of a sync by its name, in the order in which a batch takes them, with the
    /// time that it took.
    pub fn steps(&self) -> Vec<(&'static str, Duration)> {
        vec![
            ("scan", self.scan),
            ("claim", self.claim),
            ("database", self.database),
            ("verify", self.verify),
            ("acknowledge", self.acknowledge),
        ]
    }

    /// Takes a step of [`database`](Self::database) and adds the time that it took.
    pub(crate) fn add_database<T>(&mut self, step: impl FnOnce() -> T) -> T {
        time_longest(&mut self.database, &mut self.longest_database, step)
    }

    /// Adds the time that a step of [`database`](Self::database) took.
    pub(crate) fn note_database(&mut self, spent: Duration) {
        self.database += spent;
        self.longest_database = self.longest_database.max(spent);
    }

    /// Takes a step of [`verify`](Self::verify) and adds the time that it took.
    pub(crate) fn add_verify<T>(&mut self, step: impl FnOnce() -> T) -> T {
        time_longest(&mut self.verify, &mut self.longest_verify, step)
    }
}

/// Takes a step and adds the time that it took to `spent`.
pub(crate) fn time<T>(spent: &mut Duration, step: impl FnOnce() -> T) -> T {
    let started = Instant::now();
    let taken = step();
    *spent += started.elapsed();
    taken
}

fn time_longest<T>(spent: &mut Duration, longest: &mut Duration, step: impl FnOnce() -> T) -> T {
    let before = *spent;
    let taken = time(spent, step);
    *longest = spent.saturating_sub(before).max(*longest);
    taken
}
