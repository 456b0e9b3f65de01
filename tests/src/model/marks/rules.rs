//! What a world begins with, and what processes do in it.

/// A world, and what processes do.
#[derive(Debug, Clone)]
pub struct Databases {
    /// How many transactions each process makes.
    pub transactions: Vec<u8>,
    /// What happens to the databases.
    pub event: Event,
    /// How many rows the record has.
    pub rows: usize,
    /// Whether the store loses its mark once, or is put back to an older one.
    pub store: StoreEvent,
    /// How many marks a row may keep.
    pub most: usize,
    /// Whether an operator decides.
    pub is_adopted: bool,
    /// What processes do.
    pub does: Does,
    /// The properties to check.
    pub said: &'static [&'static str],
}

/// What happens to the databases, once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// Nothing.
    Nothing,
    /// The database is put back to what it was when a dump was made.
    Restore,
    /// The database is copied, and the last process belongs to the copy from then on.
    Copy,
}

/// What happens to the store, once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreEvent {
    /// Nothing.
    Nothing,
    /// It loses the mark.
    Loses,
    /// It is put back to the mark that it had at some time before.
    GoesBack,
}

/// What the processes do. Each is right by default.
#[derive(Debug, Clone, Copy)]
pub struct Does {
    /// What a row keeps.
    pub keeps: Keeps,
    /// The store takes marks only if they are newer than those that it has.
    pub only_newer: bool,
    /// Claims are acknowledged only if the store shows that it knows their transaction.
    pub wants_proof: bool,
    /// A transaction looks at the store's mark while its row is locked.
    pub checks: bool,
    /// A pass reads the store's mark first, then the row.
    pub reads_store_first: bool,
    /// The store notes a transaction before claims are acknowledged.
    pub notes_first: bool,
    /// If a row would keep too many, the store notes them first.
    pub notes_when_full: bool,
    /// Words are compared, and not the numbers alone.
    pub compares_words: bool,
    /// A decision leaves a mark of its own, which each transaction compares.
    pub knows_decisions: bool,
    /// The store compares it too, before it notes marks.
    pub notes_decisions: bool,
}

/// Which marks a row keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keeps {
    /// All marks since the one that the store noted last.
    SinceNoted,
    /// The last ones, so many.
    Last(usize),
}

impl Default for Does {
    fn default() -> Self {
        Self {
            keeps: Keeps::SinceNoted,
            only_newer: true,
            wants_proof: true,
            checks: true,
            reads_store_first: true,
            notes_first: true,
            notes_when_full: true,
            compares_words: true,
            knows_decisions: true,
            notes_decisions: true,
        }
    }
}
