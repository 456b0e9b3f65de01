//! The record of the stores behind the prefixes of a database.

use chrono::NaiveDateTime;
use counter_core::{ClaimSeq, Marks};

use crate::ledger::dialect::state_row::StateRow;

/// A prefix that was synced into a database.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SyncedPrefix {
    /// The prefix.
    pub prefix: String,
    /// When the last good pass ended, UTC. `None` if there was none, but a set or a pass that was
    /// interrupted.
    pub synced_at: Option<NaiveDateTime>,
}

/// The record of the store behind a prefix.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct LedgerState {
    /// The random id that this database got with its tables.
    pub database: String,
    /// When it got them, UTC, if that is known.
    pub migrated_at: Option<NaiveDateTime>,
    /// The record of the store that was behind the prefix last, if there is one.
    pub recorded: Option<SyncRecord>,
    /// The records of each store that was ever behind the prefix: several sequences for one
    /// store, because transactions at the same time record in different rows.
    pub stores: Vec<StoreRecord>,
    /// The greatest sequence recorded of any store, behind any prefix.
    pub newest: ClaimSeq,
    /// An identity that a copy of the database does not share with it, if the server reports one.
    pub identity: Option<String>,
}

impl LedgerState {
    /// Puts together what rows say, each beside the greatest sequence of the table.
    pub(crate) fn of_rows(rows: Vec<(StateRow, ClaimSeq)>) -> Self {
        let mut state = Self::default();
        for (StateRow { prefix, store_id, writer, seq, synced_at, marks }, newest) in rows {
            state.newest = newest;
            if prefix.is_empty() {
                (state.database, state.migrated_at) = (store_id, synced_at);
                continue;
            }
            // Of stores without a good pass, the one with the newest sequence was the last.
            let is_of_passes = writer == StateRow::PASSES;
            let identity = Some(&marks).filter(|marks| is_of_passes && !marks.is_empty()).cloned();
            // A store cannot know of rows that nothing here has written.
            let marks = marks.parse().ok().filter(|_| !is_of_passes).unwrap_or_default();
            state.stores.push(StoreRecord { store_id, writer, seq, synced_at, marks, identity });
        }
        state.recorded = state.last_of(|_| true);
        state
    }

    /// Returns what is recorded of the store that the one with this id has replaced: the last one
    /// that had a good pass, or else the last other one that anything is recorded of.
    pub(crate) fn replaced_by(&self, store_id: &str) -> Option<SyncRecord> {
        let synced = self.stores.iter().find(|row| row.synced_at.is_some());
        if synced.is_some_and(|row| row.store_id == store_id) {
            return None;
        }
        self.last_of(|row| row.store_id != store_id && row.seq > ClaimSeq::ZERO)
    }

    /// Of stores without a good pass, the one with the newest sequence was the last.
    fn last_of(&self, is_meant: impl Fn(&StoreRecord) -> bool) -> Option<SyncRecord> {
        let rows = self.stores.iter().filter(|row| is_meant(row));
        let StoreRecord { store_id, synced_at, .. } =
            rows.max_by_key(|row| (row.synced_at, row.seq))?;
        let seq = self.sequences_of(store_id).max().unwrap_or_default();
        Some(SyncRecord { store_id: store_id.clone(), seq, synced_at: *synced_at })
    }

    /// Returns the sequences that the store with this id is recorded to have given out.
    pub fn sequences_of(&self, store_id: &str) -> impl Iterator<Item = ClaimSeq> {
        let of_store = self.stores.iter().filter(move |record| record.store_id == store_id);
        of_store.map(|record| record.seq).filter(|seq| *seq > ClaimSeq::ZERO)
    }

    /// Returns the identity that the database had when the store with this id was synced into it
    /// first, or when an operator decided that it is the right one for that store.
    pub fn identity_for(&self, store_id: &str) -> Option<&str> {
        let mut of_store = self.stores.iter().filter(|record| record.store_id == store_id);
        of_store.find_map(|record| record.identity.as_deref())
    }
}

/// A sequence that a store has given out.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoreRecord {
    /// The id of the store's data.
    pub store_id: String,
    /// The row of the record: 0 for the one in which passes are recorded,
    /// [`DECISIONS`](counter_core::NotedRow::DECISIONS) for that of decisions.
    pub writer: i64,
    /// The sequence.
    pub seq: ClaimSeq,
    /// When the last good pass behind the prefix ended, UTC, in the row of the store that it was
    /// over.
    pub synced_at: Option<NaiveDateTime>,
    /// The marks of the row. That of passes has none.
    pub marks: Marks,
    /// The identity that the database had when the store was synced into it first, in the row of
    /// passes, if its server reports one.
    pub identity: Option<String>,
}

impl StoreRecord {
    /// The store's id, and a sequence that it has given out, in the row of passes.
    pub fn new(store_id: String, seq: ClaimSeq) -> Self {
        let (synced_at, identity) = (None, None);
        Self { store_id, writer: 0, seq, synced_at, marks: Marks::default(), identity }
    }
}

/// The record of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SyncRecord {
    /// The id of the store's data.
    pub store_id: String,
    /// The newest sequence that the store is known to have given out.
    pub seq: ClaimSeq,
    /// When the last good pass over it ended, UTC. `None` if there was none.
    pub synced_at: Option<NaiveDateTime>,
}

impl SyncRecord {
    /// The store's id, its newest sequence, and when the last good pass over it ended, UTC.
    pub const fn new(store_id: String, seq: ClaimSeq, synced_at: Option<NaiveDateTime>) -> Self {
        Self { store_id, seq, synced_at }
    }
}
