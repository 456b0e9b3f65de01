//! What happens to a store of parts, and what processes do in it.

use super::PARTS;

/// A world, and what processes do.
#[derive(Debug, Clone)]
pub struct PartedStore {
    /// How many passes each process makes.
    pub passes: Vec<u8>,
    /// How many rows the database has for what it records of each part, which the processes take by
    /// turns.
    pub writers: usize,
    /// How often the counter of each part is counted.
    pub counts: [u8; PARTS],
    /// Whether processes die.
    pub dies: bool,
    /// Whether a part comes back from its copy.
    pub is_restored: bool,
    /// Whether it does so once more while an operator's decision is carried out.
    pub is_restored_again: bool,
    /// How often the store's id is lost, though its parts are not.
    pub id_is_lost: u8,
    /// Whether a process leaves a claim to a later pass, once.
    pub leaves: bool,
    /// How many sequences a part remembers.
    pub remembers: u32,
    /// How often another counter of the first part is set, once the part is known to have come
    /// back.
    pub gives: u8,
    /// What an operator decides about a part that is found to have come back.
    pub decides: Option<Decision>,
    /// When a part may lose all that it has.
    pub emptied: Emptied,
    /// The clock that sequences follow.
    pub clock: Clock,
    /// What processes do.
    pub does: Does,
    /// The properties to check.
    pub said: &'static [&'static str],
}

/// When a part may lose all that it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Emptied {
    /// Never.
    Never,
    /// At any time.
    AnyTime,
    /// While a process has claimed something of the part but not yet recorded the claim.
    BetweenClaimAndRecord,
}

/// What an operator decides about the contents of a part that came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// It is counted.
    Apply,
    /// It is dropped.
    Discard,
}

/// The clock that sequences follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// The clock is ahead of all sequences that were given out.
    Right,
    /// The clock is behind all of them, so that a part counts on from its high water.
    Behind,
}

/// What processes do. Each is right by default.
#[derive(Debug, Clone, Copy)]
pub struct Does {
    /// When a pass asks all parts whether they remember what is recorded of them.
    pub asks: Asks,
    /// Each transaction asks the part that it is about, once its rows are locked.
    pub asks_in_transaction: bool,
    /// What the database records.
    pub records: Records,
    /// A transaction reads what every writer has recorded of a part.
    pub reads_all_writers: bool,
    /// A transaction ends if the store has another id than before its claim.
    pub compares_ids: bool,
    /// A transaction asks for the id after it has verified its claim, not before.
    pub asks_id_last: bool,
    /// All high waters are raised before there is a new id.
    pub raises_for_id: bool,
    /// The raised high waters come before the id, and not after it.
    pub raises_first: bool,
    /// The store gets an id only if the part beside the id has given out nothing since the record
    /// was read.
    pub names_only_same: bool,
    /// A part that does not remember what is recorded under the last id is not raised for the new
    /// one.
    pub asks_for_id: bool,
    /// What an id says of the sequence that each part has given out for it.
    pub floor: Floor,
    /// Only the contents of parts that came back are left alone.
    pub refuses_by_part: bool,
    /// The high water of a part that was emptied is raised above what is recorded.
    pub raises_emptied: bool,
    /// A process that met an emptied part asks all parts again.
    pub doubts: bool,
    /// An emptied part is raised only if it is still empty then.
    pub raises_only_empty: bool,
    /// A part that is found to have come back keeps that in mind.
    pub keeps_in_mind: bool,
    /// It does so also if it is found when there is to be a new id.
    pub keeps_in_mind_for_id: bool,
    /// An operator's decision is about parts that still know that they came back.
    pub accepts_only_found: bool,
    /// When a decision begins, a part gets to know that, so that a copy that comes back later is
    /// not taken for it, even if that is found to have come back, too.
    pub marks_decision: bool,
    /// The high water of the part beside the id is read before the record.
    pub reads_home_first: bool,
    /// Which id counts as the last one when a part is asked for what is recorded under it.
    pub last_id: LastId,
    /// A part is asked about a claim that is gone even if the claim was made under an earlier id.
    pub asks_for_earlier: bool,
    /// Which claims that are gone are dropped, because an operator has decided about their part.
    pub drops: Drops,
}

/// Which claims that are gone are dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drops {
    /// Claims up to the sequence that the decision has accepted.
    AllDecided,
    /// Only those of these claims that the part has forgotten.
    Forgotten,
    /// None.
    Nothing,
}

/// Which id was the last one, as far as the database knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LastId {
    /// The newest one under which anything is recorded.
    Recorded,
    /// The one of the last pass that ended well.
    OfGoodPass,
}

/// What an id says of the sequence that each part has given out for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Floor {
    /// A part has to remember it.
    Remembered,
    /// The high water of a part has to be no less.
    Compared,
    /// Nothing.
    Unnamed,
}

/// When a pass asks all parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asks {
    /// Each pass does, as a pass that a caller asks for.
    Always,
    /// The first pass does, and each pass with a reason to doubt, as a worker's.
    Once,
    /// No pass does.
    Never,
}

/// What the database records of the sequences that parts gave out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Records {
    /// The newest one of each part.
    ByPart,
    /// The newest one of all.
    One,
}

impl Default for Does {
    fn default() -> Self {
        Self {
            asks: Asks::Once,
            asks_in_transaction: true,
            records: Records::ByPart,
            reads_all_writers: true,
            compares_ids: true,
            asks_id_last: true,
            raises_for_id: true,
            raises_first: true,
            names_only_same: true,
            asks_for_id: true,
            floor: Floor::Remembered,
            refuses_by_part: true,
            raises_emptied: true,
            doubts: true,
            raises_only_empty: true,
            keeps_in_mind: true,
            keeps_in_mind_for_id: true,
            accepts_only_found: true,
            marks_decision: true,
            reads_home_first: true,
            last_id: LastId::Recorded,
            asks_for_earlier: true,
            drops: Drops::AllDecided,
        }
    }
}
