use chrono::NaiveDateTime;
use counter_core::ClaimSeq;

/// A row of the table `{table_name}_state`.
#[derive(Debug, Clone)]
pub struct StateRow {
    pub(crate) prefix: String,
    pub(crate) store_id: String,
    pub(crate) writer: i64,
    pub(crate) seq: ClaimSeq,
    pub(crate) synced_at: Option<NaiveDateTime>,
    /// The marks as text. Writing an empty text leaves the old one. In the row of passes, this is
    /// the identity that the database had when the store was first synced into it.
    pub(crate) marks: String,
}

/// A row in which transactions record: its writer, its sequence, and its marks as text.
pub(crate) type RecordRow = (i64, i64, String);

impl StateRow {
    /// The prefix and the store's id in the rows of numbers. No store has this prefix.
    pub(crate) const NUMBERS: (&'static str, &'static str) = ("", "memory");

    /// The writer of the row in which passes are recorded. Transactions take others.
    pub(crate) const PASSES: i64 = 0;

    /// Returns a row that says that a store has given out this sequence.
    pub(crate) fn new(prefix: &str, store_id: &str, seq: ClaimSeq) -> Self {
        let (prefix, store_id) = (prefix.to_owned(), store_id.to_owned());
        let (writer, synced_at, marks) = (Self::PASSES, None, String::new());
        Self { prefix, store_id, writer, seq, synced_at, marks }
    }
}
