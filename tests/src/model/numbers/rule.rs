//! The rule by which stores share out numbers, and what may be left out of it.

/// The parts of the rule. The default is the rule; everything else is a mistake.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// A store gives out only sequences of its number.
    pub is_congruent: bool,
    /// A transaction ends if the number has another holder by now.
    pub is_fenced: bool,
    /// A new holder begins above all that was committed under the number.
    pub has_floor: bool,
    /// What happens to a claim whose commit has no answer.
    pub in_doubt: InDoubt,
    /// A commit is remembered until its claims are acknowledged.
    pub remembers_commits: bool,
}

/// What happens to a claim whose commit has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InDoubt {
    /// The word of the last batch is read first.
    ReadsLastBatch,
    /// It counts as not committed.
    CountsAsRolledBack,
    /// It stays in doubt.
    StaysInDoubt,
}

impl Default for Rule {
    fn default() -> Self {
        Self {
            is_congruent: true,
            is_fenced: true,
            has_floor: true,
            in_doubt: InDoubt::ReadsLastBatch,
            remembers_commits: true,
        }
    }
}
