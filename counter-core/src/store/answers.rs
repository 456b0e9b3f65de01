use crate::id::CounterId;
use crate::names::Foreign;
use crate::protocol::Claim;

/// One page of a scan.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct ScanPage {
    /// Counters that were found, some perhaps found before.
    pub ids: Vec<CounterId>,
    /// Names under the prefix that are not ours.
    pub foreign: Vec<Foreign>,
    /// Where the scan goes on, or `None` at its end.
    pub next: Option<Cursor>,
}

/// A place in a scan. Only the store that gave it out can tell what it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cursor {
    /// For a store that needs several rounds: which one.
    pub round: u32,
    /// The place in that round.
    pub position: u64,
}

/// What became of the request to claim one counter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claimed {
    /// There was nothing pending.
    Nothing,
    /// What was pending was 0, and was removed.
    Zero,
    /// It has a claim that a living sync is working on.
    Busy,
    /// What was pending is now this claim.
    Fresh(Claim),
    /// It has this claim, left behind by a sync that died, or made by a set.
    Recovered(Claim),
    /// What is in its place is not a count.
    Foreign(Foreign),
}

/// Whether a claim is still there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Its counter has exactly this claim.
    Current,
    /// Its counter has a newer claim, which sets it: what this one does will not be seen.
    SetSince,
    /// Its counter has another claim.
    Superseded,
    /// Its counter has no claim.
    Gone,
}
