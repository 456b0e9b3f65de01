use std::time::{Duration, Instant};

use counter_core::{BatchSize, CounterId, Pattern};

/// Options of a sync: what it moves, and how.
///
/// ```
/// # use counter_diesel::SyncOptions;
/// let rehearsal = SyncOptions::default().pattern("user:*".parse()?).dry_run(true);
/// # let _ = rehearsal;
/// # Ok::<(), counter_diesel::error::Invalid>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct SyncOptions {
    pub(crate) pattern: Option<Pattern>,
    pub(crate) batch_size: Option<BatchSize>,
    pub(crate) dry_run: bool,
    pub(crate) on_conflict: OnConflict,
    pub(crate) leaves_refused: bool,
    pub(crate) finds: Finds,
    /// Instead of what is found.
    pub(crate) only: Option<Vec<CounterId>>,
    /// Instead of the configured time.
    pub(crate) full_scan_every: Option<Duration>,
    /// Whether it waits for no row that others have locked.
    pub(crate) skips_locked: bool,
    pub(crate) reports_held: ReportsHeld,
}

/// Where a sync looks for what is pending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Finds {
    /// Everywhere in the store.
    #[default]
    Everything,
    /// In the index, or everywhere if that is due.
    WhatIsDue,
    /// In the index alone.
    WhatIsNamed,
}

/// Which claims a sync reports that it leaves unfinished.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum ReportsHeld {
    #[default]
    No,
    /// Those of its own process.
    Own,
    /// Those of other syncs too, at which it looks again, until this instant at the latest.
    All { until: Option<Instant> },
}

/// The treatment of what the store holds and the table may have counted already: claims whose
/// row has seen a newer one, and everything that is in a store that came back from an old copy.
///
/// Only a person can tell which is right, by what happened to the store. [`Counters::conflicts`]
/// shows what both sides hold.
///
/// [`Counters::conflicts`]: crate::Counters::conflicts
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum OnConflict {
    /// Leave it where it is and report it.
    #[default]
    Report,
    /// Add it to the table: nothing is lost, and what was counted already is counted twice.
    Apply,
    /// Drop it: nothing is counted twice, and what was not counted yet is lost. Of a store that
    /// came back, that includes what was counted since.
    Discard,
}

impl SyncOptions {
    /// Only counters whose id matches this glob: `user:*`, `*:123:*`. See [`Pattern`]. Default:
    /// all.
    pub fn pattern(mut self, pattern: Pattern) -> Self {
        self.pattern = Some(pattern);
        self
    }

    /// Only these counters, without looking for any. Two that stand beside each other, from the
    /// first on, are written by one transaction if both can be claimed, the batch has room for two,
    /// and the database takes the batch as a whole.
    pub(crate) fn only(mut self, counters: Vec<CounterId>) -> Self {
        self.only = Some(counters);
        self
    }

    /// How many counters are moved in one transaction. Default: the configured `sync_batch_size`.
    /// At most [`BatchSize::MAX`].
    pub fn batch_size(mut self, batch_size: impl Into<BatchSize>) -> Self {
        self.batch_size = Some(batch_size.into());
        self
    }

    /// Only look, and change nothing anywhere. Default: no.
    pub fn dry_run(mut self, dry_run: bool) -> Self {
        self.dry_run = dry_run;
        self
    }

    /// Whether claims that the database refused before are retried at once. Default: yes. Without
    /// it each waits for its own backoff, of 10 seconds at first, which is doubled up to 5 minutes.
    /// A worker does that, so that what is refused again and again costs little.
    pub fn retry_refused(mut self, retry_refused: bool) -> Self {
        self.leaves_refused = !retry_refused;
        self
    }

    /// Looks for what is pending only in the store's index, so that the sync costs what has changed
    /// and not how much else the server holds. Default: no, a sync scans everything.
    ///
    /// Every [`full_scan_every`](Self::full_scan_every) one sync still scans everything: the first
    /// that comes after that time, of all processes that follow the index. It finds what the index
    /// does not name, such as what other programs count with a plain `INCRBY`. With a store that
    /// has no index, and with a [pattern](Self::pattern), every sync scans everything.
    /// [`SyncReport::reach`] says which it was.
    ///
    /// [`SyncReport::reach`]: crate::SyncReport::reach
    pub fn follow_index(mut self, follow_index: bool) -> Self {
        self.finds = if follow_index { Finds::WhatIsDue } else { Finds::Everything };
        self
    }

    /// The longest time between two scans of everything, for a sync that
    /// [follows the index](Self::follow_index). Zero for a scan by each sync. Default: the
    /// configured [`full_scan_every`](crate::Config::full_scan_every).
    pub fn full_scan_every(mut self, time: Duration) -> Self {
        self.full_scan_every = Some(time);
        self
    }

    /// Whether the sync reports, before it ends, which counters it leaves in other hands. Default:
    /// no, for the next sync of the same process finds out.
    ///
    /// It then looks again at the counters that another sync has claimed, for two seconds at most.
    /// Where that one makes progress, this sync applies what it leaves pending. Where a claim stays
    /// as it is, its sync has died or is waiting for something: its counter is in
    /// [`SyncReport::held`]. So is what this process has claimed and could not finish. A
    /// [`SyncWorker`] does that with its last sync, and so does the command `counter sync`.
    ///
    /// [`SyncReport::held`]: crate::SyncReport::held
    /// [`SyncWorker`]: crate::SyncWorker
    pub fn report_held(mut self, report_held: bool) -> Self {
        self.reports_held =
            if report_held { ReportsHeld::All { until: None } } else { ReportsHeld::No };
        self
    }

    /// Sets how conflicts are settled, by an operator's decision: for one sync, never for a worker.
    /// Default: report them. A store that came back from an old copy is decided about as a whole,
    /// so with a pattern it is only reported.
    pub fn on_conflict(mut self, on_conflict: OnConflict) -> Self {
        self.on_conflict = on_conflict;
        self
    }
}
