use std::fmt;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::protocol::{Claim, ClaimSeq, StoreNumber};

/// The place of a store that is private to one process among the others over the same
/// table: which number it holds, and which commits of its claims have no known outcome.
///
/// A number is held by one store at a time. The database keeps a row for each number, with the
/// holder's random word, the greatest sequence that was committed under it, and the word of the
/// last batch that was. Each batch locks that row first. So a store that has lost its number
/// commits nothing under it, and a store that does not know whether a commit happened finds out.
pub struct Numbered {
    holder: i64,
    held: Mutex<Option<HeldNumber>>,
    commits: Mutex<Vec<Commit>>,
}

/// A number, as a store holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeldNumber {
    /// The number.
    pub number: StoreNumber,
    /// The store gives out only greater sequences: the greatest of the whole record when the number
    /// was taken.
    pub above: ClaimSeq,
    /// The greatest sequence that was recorded then of a store which processes share.
    pub shared: ClaimSeq,
}

impl HeldNumber {
    /// Returns whether a claim with this sequence may be committed under the number.
    pub fn gives_out(&self, seq: ClaimSeq) -> bool {
        self.number.gives_out(seq) && seq > self.above
    }
}

/// A row of the database, which belongs to a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NumberRow {
    /// The random word of the store that holds the number.
    pub holder: i64,
    /// The greatest sequence that was committed under the number, by whichever holder.
    pub floor: ClaimSeq,
    /// The random word of the last batch that was committed under it.
    pub batch: i64,
}

/// Whether a claim was committed, as far as that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommitOutcome {
    /// None was asked for, or it was rolled back.
    NotCommitted,
    /// It was asked for, and its outcome is not known yet.
    Open,
    /// The claim is in the table.
    Committed,
    /// It cannot be found out any more, because another store has committed a batch under the
    /// number since.
    Undecided,
}

/// A commit that was asked for.
struct Commit {
    number: StoreNumber,
    batch: i64,
    /// In the order of the counters.
    claims: Vec<Claim>,
    outcome: CommitOutcome,
}

impl Commit {
    fn has(&self, claim: &Claim) -> bool {
        let found = self.claims.binary_search_by(|own| own.id.cmp(&claim.id)).ok();
        found.and_then(|place| self.claims.get(place)).is_some_and(|own| own.seq == claim.seq)
    }

    fn greatest(&self) -> ClaimSeq {
        self.claims.iter().map(|claim| claim.seq).max().unwrap_or_default()
    }
}

impl Default for Numbered {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Numbered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Numbered").field("held", &self.held()).finish_non_exhaustive()
    }
}

impl Numbered {
    /// A new holder, without a number.
    pub fn new() -> Self {
        Self {
            holder: random_word().cast_signed() | 1,
            held: Mutex::default(),
            commits: Mutex::default(),
        }
    }

    /// Returns the random word by which rows name this store.
    pub const fn holder(&self) -> i64 {
        self.holder
    }

    /// Returns the number that this store holds, as far as it knows.
    pub fn held(&self) -> Option<HeldNumber> {
        *lock(&self.held)
    }

    /// Notes that this store holds a number from now on, instead of any other.
    pub fn hold(&self, held: HeldNumber) {
        *lock(&self.held) = Some(held);
    }

    /// Notes that this store holds a number from now on, unless another thread has taken one
    /// meanwhile. Returns the one that it holds.
    pub fn hold_first(&self, taken: HeldNumber) -> HeldNumber {
        *lock(&self.held).get_or_insert(taken)
    }

    /// Notes the greatest sequence that is recorded of a store which processes share, if this store
    /// holds the number still.
    pub fn note_shared(&self, number: StoreNumber, shared: ClaimSeq) {
        let mut held = lock(&self.held);
        if let Some(held) = held.as_mut().filter(|held| held.number == number) {
            held.shared = shared;
        }
    }

    /// Notes that another store has taken this number.
    pub fn lose(&self, lost: HeldNumber) {
        lock(&self.held).take_if(|held| *held == lost);
    }

    /// Returns the first sequence that the store may give out from `seq` on, or `None` if it does
    /// not fit into 64 bits. Without a number that is `seq` itself.
    pub fn first_from(&self, seq: ClaimSeq) -> Option<ClaimSeq> {
        match self.held() {
            None => Some(seq),
            Some(HeldNumber { number, above, .. }) => {
                let above = ClaimSeq::new(above.get().checked_add(1)?);
                number.first_from(seq.max(above))
            }
        }
    }

    /// Notes that a commit of these claims, of different counters, is about to be asked for.
    /// Returns whether it may be: not if the store has lost the number, because the row of the
    /// number decides about no commit that is noted after that.
    #[must_use]
    pub fn note_commit(&self, number: StoreNumber, batch: i64, claims: &[Claim]) -> bool {
        let (mut claims, outcome) = (claims.to_vec(), CommitOutcome::Open);
        claims.sort_by(|a, b| a.id.cmp(&b.id));
        // Locked before the number is looked at: if that is lost afterwards, `decide` sees this
        // commit.
        let mut commits = lock(&self.commits);
        let is_held = self.held().is_some_and(|held| held.number == number);
        if is_held {
            commits.push(Commit { number, batch, claims, outcome });
        }
        is_held
    }

    /// Notes that a commit succeeded.
    pub fn note_committed(&self, batch: i64) {
        let mut commits = lock(&self.commits);
        let mut commit = commits.iter_mut().filter(|commit| commit.batch == batch);
        if let Some(commit) = commit.next() {
            commit.outcome = CommitOutcome::Committed;
        }
    }

    /// Decides commits whose outcome is not known, from the row of their number, which is locked
    /// now: none of them is still on its way. `None` if there is no such row any more. A store that
    /// has lost the number notes that first (see [`Self::lose`]), so that no commit is noted later.
    pub fn decide(&self, number: StoreNumber, row: Option<NumberRow>) {
        let mut commits = lock(&self.commits);
        for commit in commits.iter_mut() {
            if commit.outcome == CommitOutcome::Open && commit.number == number {
                commit.outcome = outcome_of(commit, row, self.holder);
            }
        }
        commits.retain(|commit| commit.outcome != CommitOutcome::NotCommitted);
    }

    /// Forgets the commit of a batch, all of whose claims are acknowledged.
    pub fn forget_commit(&self, batch: i64) {
        lock(&self.commits).retain(|commit| commit.batch != batch);
    }

    /// Forgets the commits whose outcome is known, of whose claims the store holds none any more.
    pub fn forget_commits(&self, is_held: impl Fn(&[Claim]) -> bool) {
        let mut commits = lock(&self.commits);
        commits.retain(|commit| commit.outcome == CommitOutcome::Open || is_held(&commit.claims));
    }

    /// Returns what is known about the commit of a claim.
    pub fn outcome(&self, claim: &Claim) -> CommitOutcome {
        let commits = lock(&self.commits);
        let commit = commits.iter().find(|commit| commit.has(claim));
        commit.map_or(CommitOutcome::NotCommitted, |commit| commit.outcome)
    }
}

/// Returns what the row of its number says about a commit. The floor only rises, so one that is
/// below a claim shows that the claim was not committed, under any holder of the number.
fn outcome_of(commit: &Commit, row: Option<NumberRow>, holder: i64) -> CommitOutcome {
    let Some(row) = row else { return CommitOutcome::Undecided };
    if row.batch == commit.batch {
        CommitOutcome::Committed
    } else if row.holder == holder || row.floor < commit.greatest() {
        CommitOutcome::NotCommitted
    } else {
        CommitOutcome::Undecided
    }
}

/// Returns a word that no other transaction or store draws.
fn random_word() -> u64 {
    // The one thing of the standard library that is random.
    RandomState::new().build_hasher().finish()
}

/// A panic while this is locked leaves nothing half changed: each change is one assignment.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
