use crate::id::CounterId;
use crate::names::Foreign;
use crate::protocol::{Claim, ClaimSeq, Mark, Marks};
use crate::store::parts::ForgottenPart;

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

/// A counter that the index names, because it may hold something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexEntry {
    /// The counter.
    pub id: CounterId,
    /// The token of its last write. Each write of a counter has another token, so a removal by
    /// this one does not remove what was written since.
    pub token: Vec<u8>,
}

/// One page of a reading of the index.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct IndexPage {
    /// Counters that may hold something, some perhaps on a page before, with another token then.
    pub entries: Vec<IndexEntry>,
    /// Names in the place of the index that hold something else.
    pub foreign: Vec<Foreign>,
    /// Set if the store could not read all that this page is about. What is missing is found by a
    /// scan only.
    pub has_gaps: bool,
    /// Where the reading goes on; empty at its end.
    pub next: Vec<Cursor>,
}

/// The outcome of the request to claim one counter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claimed {
    /// There was nothing pending.
    Nothing,
    /// The pending delta was 0, and was removed.
    Zero,
    /// It has a claim that a living sync is working on.
    Busy,
    /// The pending delta is now this claim.
    Fresh(Claim),
    /// As [`Fresh`](Self::Fresh), and the store would have removed what was pending by itself, for
    /// another program had given it an expiry. The claim has none.
    Expiring(Claim),
    /// It has this claim, left behind by a sync that died, or made by a set.
    Recovered(Claim),
    /// The value in its place is not a count.
    Foreign(Foreign),
    /// The part of the store that it is in cannot make claims now, though others can, as while a
    /// node of a cluster is away. A claim may have been made nevertheless.
    Unavailable {
        /// Why it cannot.
        why: String,
    },
    /// The part of the store that it is in came back from an old copy, or has lost its high water.
    /// No claim was made.
    WentBack(ForgottenPart),
}

/// The outcome of a move that was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MoveOutcome {
    /// One counter has lost what the other has gained.
    Moved,
    /// The first counter is not as it was seen any more, so its value must be read again. Neither
    /// counter was changed.
    Outdated,
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
    /// The part of the store that it is in does not answer, though others do.
    Unavailable,
}

/// The sequences that a store remembers giving out.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recall {
    /// The random id of the store's data, or `None` if it has none.
    pub store_id: Option<String>,
    /// The newest sequence given out so far, or 0 if the store does not know.
    pub high_water: ClaimSeq,
    /// The sequence up to which an operator has accepted that some were forgotten, or 0.
    pub accepted: ClaimSeq,
    /// Those asked for that the store cannot have given out. Where it does not remember as far
    /// back, each up to the high water counts as given out.
    pub forgotten: Vec<ClaimSeq>,
    /// What the store noted last of each row of the record that it has a note of.
    pub noted: Vec<NotedRow>,
}

/// What a store has noted of one row of the record, once that was committed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NotedRow {
    /// The number of the row.
    pub writer: i64,
    /// The newest sequence that the row records.
    pub seq: ClaimSeq,
    /// Its marks.
    pub marks: Marks,
    /// The last decision which database is the right one, as far as the row's transaction knew it:
    /// a mark of the row [`DECISIONS`](Self::DECISIONS). A store does not keep it with the row.
    pub decision: Option<Mark>,
}

impl NotedRow {
    /// The number of the row in which an operator's decisions leave their marks: which database the
    /// store is synced into.
    pub const DECISIONS: i64 = -1;
}

impl Recall {
    /// Returns the recall of a store with this id, this newest sequence, and these forgotten ones,
    /// of which those up to `accepted` are accepted.
    pub const fn new(
        store_id: Option<String>,
        high_water: ClaimSeq,
        accepted: ClaimSeq,
        forgotten: Vec<ClaimSeq>,
    ) -> Self {
        Self { store_id, high_water, accepted, forgotten, noted: Vec::new() }
    }

    /// Adds what the store has noted of the rows of the record.
    #[must_use]
    pub fn with_noted(mut self, noted: Vec<NotedRow>) -> Self {
        self.noted = noted;
        self
    }

    /// Returns what the store noted last of one row of the record.
    pub fn noted_of(&self, writer: i64) -> Option<&NotedRow> {
        self.noted.iter().find(|noted| noted.writer == writer)
    }
}
