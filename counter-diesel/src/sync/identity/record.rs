//! The record of the store in a transaction, and whether the store remembers it.

use std::collections::BTreeMap;
use std::time::Duration;

use counter_core::{
    Claim, ClaimSeq, Error as CoreError, ForgottenPart, Kinship, Mark, NotedRow, PartSeq,
    PartsRecall, Recall, StoreGeneration,
};

use crate::engine::age::{Age, age_of, went_back};
use crate::engine::engine::Engine;
use crate::error::{DatabaseMismatch, Error};
use crate::ledger::ledger::{LedgerTransaction, LockedRecord};
use crate::random::random_word;
use crate::sync::report::times::SyncTimes;

/// Rows are locked meanwhile, for which others wait 5 seconds: for this, a second at most to
/// verify, and the database's own steps.
const RECALL_WITHIN: Duration = Duration::from_secs(1);

/// Whether what is recorded of a store may be committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Remembrance {
    /// The store with this id remembers giving out all of it. Once it is committed, the store must
    /// note this row, unless it has no generations.
    Whole(Option<NotedRow>),
    /// Another store is there, or this one has lost its high water.
    Changed,
    /// Some parts of the store have gone back, or do not answer. What was written may not be
    /// committed.
    PartsLeft(PartsLeft),
}

/// Parts of the store of which nothing may be committed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct PartsLeft {
    pub(crate) gone_back: Vec<ForgottenPart>,
    /// Those that do not answer, each with the reason.
    pub(crate) unanswered: Vec<(u16, String)>,
}

impl PartsLeft {
    /// Returns the error that nothing can be done without them.
    pub(crate) fn into_error(self) -> Error {
        let Self { gone_back, unanswered } = self;
        if let Err(error) = (PartsRecall { unanswered, ..PartsRecall::default() }).complete() {
            return error.into();
        }
        let found = gone_back.first().map_or(ClaimSeq::ZERO, |part| part.found);
        let forgotten = gone_back.iter().map(|part| part.forgotten).collect::<Vec<_>>();
        went_back(found, &forgotten)
    }
}

impl Remembrance {
    /// Returns the row that the store must note.
    pub(crate) fn row(self) -> Option<NotedRow> {
        match self {
            Self::Whole(row) => row,
            Self::Changed | Self::PartsLeft(_) => None,
        }
    }
}

/// Records the newest of these claims, whose rows are locked, and asks the store whether it
/// remembers all that is recorded, and has noted no other copy of the database. An old copy of
/// the store would not: what it holds may be in the rows already.
///
/// # Errors
///
/// [`StoreWentBack`](counter_core::Error::StoreWentBack) if it has this id and does not remember,
/// [`Error::OtherDatabase`] if it follows another database,
/// [`StoreChanged`](counter_core::Error::StoreChanged) if an operator has decided which one that is
/// since the two were compared.
pub(crate) fn record(
    engine: &Engine,
    transaction: &mut dyn LedgerTransaction,
    store_id: &str,
    claims: &[Claim],
    times: &mut SyncTimes,
) -> Result<Remembrance, Error> {
    let newest = claims.iter().map(|claim| claim.seq).max();
    let (Some(store), Some(newest)) = (engine.store().generation(), newest) else {
        return Ok(Remembrance::Whole(None));
    };
    let prefix = engine.prefix();
    let locked = times.add_database(|| transaction.lock_record(prefix, store_id))?;
    let LockedRecord { mut row, mut recorded, decision } = locked;
    let of_parts = newest_of_parts(store, claims);
    let parts = check_parts(engine, transaction, store_id, &of_parts, times)?;
    let is_lost = match parts {
        Parts::Left(parts) => return Ok(Remembrance::PartsLeft(parts)),
        Parts::Lost => true,
        Parts::Whole => false,
    };
    recorded.push(newest);
    let recall = times.add_verify(|| store.recall(store_id, &recorded, RECALL_WITHIN))?;
    let noted = recall.noted_of(row.writer).cloned();
    let decided = recall.noted_of(NotedRow::DECISIONS).and_then(|noted| noted.marks.newest());
    let is_present = is_present(store_id, recall)?;
    if is_present && !decision.kinship(decided).is_kin() {
        // An operator has just decided for this database or for another one: the next try finds
        // out.
        return Err(CoreError::StoreChanged.into());
    }
    row.decision = decision.newest();
    let noted = if is_present {
        times.add_verify(|| mark_known(store, store_id, &row, noted))?
    } else {
        None
    };
    row.seq = row.seq.max(newest);
    row.marks = row.marks.after(noted, random_word());
    times.add_database(|| {
        if !of_parts.is_empty() {
            transaction.record_parts(prefix, store_id, row.writer, &of_parts)?;
        }
        transaction.record(prefix, store_id, &row)
    })?;
    Ok(if is_present && !is_lost { Remembrance::Whole(Some(row)) } else { Remembrance::Changed })
}

/// Returns whether a store with parts still has this id, which is kept in one of them.
pub(crate) fn has_id(
    engine: &Engine,
    store_id: &str,
    times: &mut SyncTimes,
) -> Result<bool, Error> {
    let Some(store) = engine.store().generation() else { return Ok(true) };
    if store.parts().is_none() {
        return Ok(true);
    }
    let recall = times.add_verify(|| store.recall(store_id, &[], RECALL_WITHIN))?;
    Ok(recall.store_id.as_deref() == Some(store_id))
}

/// Whether the parts of a store remember what is recorded of them.
enum Parts {
    Whole,
    /// Some have lost their high water.
    Lost,
    Left(PartsLeft),
}

/// Asks the parts of the store that these sequences are of, if it has parts.
fn check_parts(
    engine: &Engine,
    transaction: &mut dyn LedgerTransaction,
    store_id: &str,
    of_parts: &[PartSeq],
    times: &mut SyncTimes,
) -> Result<Parts, Error> {
    let store = engine.store().generation().and_then(StoreGeneration::parts);
    let Some(parts) = store else { return Ok(Parts::Whole) };
    let (prefix, numbers) = (engine.prefix(), of_parts.iter().map(|it| it.part));
    let numbers = numbers.collect::<Vec<_>>();
    let mut given_out =
        times.add_database(|| transaction.recorded_parts(prefix, store_id, &numbers))?;
    given_out.extend(of_parts);
    let recall = times.add_verify(|| parts.recall_parts(store_id, &given_out, RECALL_WITHIN))?;
    let PartsRecall { forgotten, unanswered, .. } = recall;
    let (lost, gone_back) =
        forgotten.into_iter().partition::<Vec<_>, _>(|part| part.found == ClaimSeq::ZERO);
    if !lost.is_empty() {
        engine.doubt_parts(lost.iter().map(|part| part.part));
    }
    Ok(if !gone_back.is_empty() || !unanswered.is_empty() {
        Parts::Left(PartsLeft { gone_back, unanswered })
    } else if lost.is_empty() {
        Parts::Whole
    } else {
        Parts::Lost
    })
}

/// Returns the newest sequence of these claims of each part of the store that they are in, in the
/// order of the parts. A store that has no parts has none.
fn newest_of_parts(store: &dyn StoreGeneration, claims: &[Claim]) -> Vec<PartSeq> {
    let Some(parts) = store.parts() else { return Vec::new() };
    let mut newest = BTreeMap::<u16, ClaimSeq>::new();
    for claim in claims {
        let newest = newest.entry(parts.part_of(&claim.id)).or_default();
        *newest = (*newest).max(claim.seq);
    }
    newest.into_iter().map(|(part, seq)| PartSeq { part, seq }).collect()
}

fn is_present(store_id: &str, recall: Recall) -> Result<bool, Error> {
    if recall.store_id.as_deref() != Some(store_id) {
        return Ok(false);
    }
    let found = recall.high_water;
    match age_of(recall) {
        Age::Present => Ok(true),
        Age::HighWaterLost(_) => Ok(false),
        Age::WentBack(forgotten) => Err(went_back(found, &forgotten)),
    }
}

/// Returns the mark of a locked row that the store noted last. If the row would keep too many marks
/// since, lets the store note the newest first.
fn mark_known(
    store: &dyn StoreGeneration,
    store_id: &str,
    row: &NotedRow,
    noted: Option<NotedRow>,
) -> Result<Option<Mark>, Error> {
    let mark = noted.as_ref().and_then(|noted| noted.marks.newest());
    match row.marks.kinship(mark) {
        Kinship::DatabaseBehind => {
            let noted = noted.map_or(ClaimSeq::ZERO, |noted| noted.seq);
            let mismatch = DatabaseMismatch::WentBack { recorded: row.seq, noted };
            return Err(Error::OtherDatabase(mismatch));
        }
        Kinship::OtherWord => return Err(Error::OtherDatabase(DatabaseMismatch::Copied)),
        Kinship::Same | Kinship::Unnoted | Kinship::StoreBehind => {}
    }
    if !row.marks.is_full(mark) {
        return Ok(mark);
    }
    if store.note(store_id, row, &[])?.is_proven() {
        return Ok(row.marks.newest());
    }
    // The row is locked, so what the store has noted since comes from a copy of it.
    Err(Error::OtherDatabase(DatabaseMismatch::Copied))
}
