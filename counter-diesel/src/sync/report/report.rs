use std::fmt;
use std::time::{Duration, Instant};

use counter_core::{Claim, ClaimSeq, Foreign, Printable};

use crate::causes::with_causes;
use crate::error::Error;
use crate::ledger::ledger::Recorded;

/// What a sync did, and what it found that somebody should look at.
#[derive(Debug, Default)]
#[must_use = "a sync can leave counters behind: see `is_clean`"]
#[non_exhaustive]
pub struct SyncReport {
    /// Counters of which something was found in the store. One that is counted on meanwhile may be found twice.
    pub scanned: u64,
    /// Claims that are in the table now. In a dry run: counters of which anything
    /// is pending or claimed.
    pub applied: u64,
    /// Those of them that an earlier sync had left behind.
    pub recovered: u64,
    /// Counters left alone because another sync, which seems to be alive, has a claim on them.
    pub busy: u64,
    /// Counters whose pending delta was 0; they are gone from the store.
    pub zeros: u64,
    /// Claims that were replaced by a set, a delete or another sync's work before they were applied.
    pub superseded: u64,
    /// Counters of which something was dropped from the store, as [`OnConflict::Discard`] says.
    ///
    /// [`OnConflict::Discard`]: crate::OnConflict::Discard
    pub discarded: u64,
    /// Claims that changed again and again while they were applied; they are left to the next sync.
    pub postponed: u64,
    /// Names and values in the store that are not ours. They were left as they are.
    pub foreign: Findings<Foreign>,
    /// Claims that the database refused. They stay in the store and are tried again later.
    pub failed: Findings<FailedClaim>,
    /// Claims older than what their row has seen. They stay in the store until somebody decides.
    pub conflicts: Findings<Conflict>,
    /// Claims that vanished from the store before they were applied.
    pub lost: Findings<LostClaim>,
    /// Set if the store is not the one that was synced before: what was recorded of that one, whose
    /// pending counts are gone unless they were synced.
    pub store_replaced: Option<Recorded>,
    /// Set if the store is synced into another database too, which then gets a part of the counts.
    pub shared_prefix: bool,
    /// Set if the sync's observer ended it. What was not claimed by then is in the store, for the next one.
    pub interrupted: bool,
    /// What ended the sync early. Everything else in this report happened before.
    pub stopped: Option<Error>,
    /// Whether this was a dry run, which changes nothing.
    pub dry_run: bool,
    /// How long it took.
    pub elapsed: Duration,
    /// Where that time went.
    pub times: SyncTimes,
}

impl SyncReport {
    /// Whether everything that was found is in the table, or in the hands of another living sync. A sync that
    /// was [interrupted](Self::interrupted) has not found everything, which alone does not count against it.
    pub fn is_clean(&self) -> bool {
        self.troubles().iter().all(|(_, count)| *count == 0)
    }

    /// Returns what needs attention, by kind, and how much there is of each. A sync without any is
    /// [clean](Self::is_clean).
    pub fn troubles(&self) -> [(&'static str, u64); 8] {
        [
            ("foreign", self.foreign.count()),
            ("failed", self.failed.count()),
            ("conflicts", self.conflicts.count()),
            ("lost", self.lost.count()),
            ("postponed", self.postponed),
            ("store_replaced", self.store_replaced.is_some().into()),
            ("shared_prefix", self.shared_prefix.into()),
            ("stopped", self.stopped.is_some().into()),
        ]
    }

    /// Returns how many counters had nothing to apply: zeros, and claims that were superseded.
    pub const fn skipped(&self) -> u64 {
        self.zeros.saturating_add(self.superseded)
    }

    /// Returns how many counters the sync applied in a second.
    pub fn rate(&self) -> f64 {
        self.applied as f64 / self.elapsed.as_secs_f64().max(1e-6)
    }

    /// Whether there is nothing in here that the caller would miss.
    pub(crate) fn is_empty(&self) -> bool {
        let counts = [self.scanned, self.applied, self.superseded, self.discarded];
        counts.iter().all(|count| *count == 0) && self.is_clean()
    }
}

/// One line for a log.
impl fmt::Display for SyncReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = if self.dry_run { "would apply" } else { "applied" };
        write!(f, "{verb} {} of {} counters", self.applied, self.scanned)?;
        let rest = [
            ("recovered", self.recovered),
            ("busy", self.busy),
            ("zero", self.zeros),
            ("superseded", self.superseded),
            ("discarded", self.discarded),
            ("postponed", self.postponed),
            ("foreign", self.foreign.count()),
            ("failed", self.failed.count()),
            ("in conflict", self.conflicts.count()),
            ("lost", self.lost.count()),
        ];
        for (what, count) in rest.into_iter().filter(|(_, count)| *count > 0) {
            write!(f, ", {count} {what}")?;
        }
        write!(f, " in {:.3} s", self.elapsed.as_secs_f64())?;
        if let Some(Recorded { store_id, synced_at, .. }) = &self.store_replaced {
            let time = synced_at.format("%Y-%m-%d %H:%M:%S");
            let store_id = Printable(store_id);
            write!(f, "; the store is not {store_id}, which was last synced at {time} UTC")?;
        }
        if self.shared_prefix {
            write!(f, "; the store is synced into another database too")?;
        }
        if self.interrupted {
            write!(f, "; interrupted")?;
        }
        match &self.stopped {
            Some(error) => write!(f, "; stopped: {}", with_causes(error)),
            None => Ok(()),
        }
    }
}

/// Where the time of a sync went, step by step: which side of it is slow.
///
/// Each is the time in which the sync waited for that step's answers, those that failed and were asked for again
/// among them. Scans and claims go on in a thread of their own while the database works on what was claimed before, so
/// what [`scan`](Self::scan) and [`claim`](Self::claim) come to and what the other three come to overlap, and may together
/// be more than [`SyncReport::elapsed`]: the larger of the two is about what the sync waits for. What is missing it
/// spent on its own work, on comparing what both sides know of each other, on waits between tries, on rare steps such
/// as lost claims, and on its observer. In a dry run all are zero but [`scan`](Self::scan).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct SyncTimes {
    /// Finding counters in the store.
    pub scan: Duration,
    /// Turning what is pending into claims, and waiting for their confirmation if that is asked for.
    pub claim: Duration,
    /// The transactions: from the wait for a connection to the answer to the commit, without the check of the claims.
    pub database: Duration,
    /// Asking the store, while rows are locked, whether it still holds the claims.
    pub verify: Duration,
    /// Telling the store what it may forget.
    pub acknowledge: Duration,
    /// The longest that a transaction waited at once, as [`database`](Self::database) is the sum: for a connection and
    /// the locks of its rows, or for its commit.
    pub longest_database: Duration,
    /// The longest single check of a batch's claims, as [`verify`](Self::verify) is the sum. One that takes longer than
    /// half a second fails.
    pub longest_verify: Duration,
}

impl SyncTimes {
    /// Returns the steps of a sync with their names, in the order in which they come.
    pub const fn steps(&self) -> [(&'static str, Duration); 5] {
        [
            ("scan", self.scan),
            ("claim", self.claim),
            ("database", self.database),
            ("verify", self.verify),
            ("acknowledge", self.acknowledge),
        ]
    }

    /// Takes a step and adds the time that it took to `spent`.
    pub(crate) fn add<T>(spent: &mut Duration, step: impl FnOnce() -> T) -> T {
        let started = Instant::now();
        let taken = step();
        *spent += started.elapsed();
        taken
    }

    /// The same, of [`database`](Self::database).
    pub(crate) fn add_database<T>(&mut self, step: impl FnOnce() -> T) -> T {
        Self::add_to_both(&mut self.database, &mut self.longest_database, step)
    }

    /// The same, of [`verify`](Self::verify).
    pub(crate) fn add_verify<T>(&mut self, step: impl FnOnce() -> T) -> T {
        Self::add_to_both(&mut self.verify, &mut self.longest_verify, step)
    }

    fn add_to_both<T>(spent: &mut Duration, longest: &mut Duration, step: impl FnOnce() -> T) -> T {
        let before = *spent;
        let taken = Self::add(spent, step);
        *longest = spent.saturating_sub(before).max(*longest);
        taken
    }
}

/// Findings of one kind: all are counted, the first [`Findings::LISTED`] are kept.
#[derive(Debug)]
pub struct Findings<T> {
    count: u64,
    first: Vec<T>,
}

impl<T> Findings<T> {
    /// How many are kept; a store full of them must not fill the memory.
    pub const LISTED: usize = 100;

    /// How many there were.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Whether there were none.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The first of them.
    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.first.iter()
    }

    /// Returns findings of which there are so many, and these the first to list.
    pub(crate) fn of(count: usize, first: impl IntoIterator<Item = T>) -> Self {
        Self { count: count as u64, first: first.into_iter().take(Self::LISTED).collect() }
    }

    pub(crate) fn push(&mut self, finding: T) {
        self.count += 1;
        if self.first.len() < Self::LISTED {
            self.first.push(finding);
        }
    }
}

impl<T> Default for Findings<T> {
    fn default() -> Self {
        Self { count: 0, first: Vec::new() }
    }
}

impl<'a, T> IntoIterator for &'a Findings<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// A claim that the database refused while it took others.
#[derive(Debug)]
#[non_exhaustive]
pub struct FailedClaim {
    /// The claim. It is still in the store.
    pub claim: Claim,
    /// Why it was refused.
    pub error: Error,
}

/// A claim that the store holds although its row has seen a newer one. The store came back from an old
/// copy: whether the claim was applied before cannot be told.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Conflict {
    /// The claim. It is still in the store.
    pub claim: Claim,
    /// The newest sequence that the row has seen.
    pub row: ClaimSeq,
}

/// A claim that the store lost before anybody applied it, by eviction or a flush.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LostClaim {
    /// The claim.
    pub claim: Claim,
    /// Whether it was applied all the same. It is not where the counter has no row: it may have been
    /// deleted.
    pub applied: bool,
}
