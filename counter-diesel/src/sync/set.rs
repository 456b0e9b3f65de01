use std::sync::Arc;
use std::time::{Duration, Instant};

use counter_core::{Claim, CounterId, Error as CoreError, Operation, Replacement};

use super::batches::apply::apply_once;
use super::report::observer::Observer;
use super::report::pass_log::PassLog;
use super::report::report::SyncReport;
use super::unsettled::Unsettled;
use crate::causes::one_line;
use crate::engine::engine::{Engine, KnownDatabase};
use crate::engine::kept;
use crate::engine::kinship;
use crate::engine::remembered::Fate;
use crate::error::Error;
use crate::targets::SET;

/// How long a database stays the right one that was asked. Sets that follow each other sooner do
/// not ask again, and one may be made in a database that was restored in this time.
const ASKED_WITHIN: Duration = Duration::from_secs(1);

/// A store that was silent for longer than this when it was asked about is not waited for once more
/// by the same caller.
const SILENCE: Duration = Duration::from_millis(250);

/// What became in the table of what the store has set.
pub(crate) enum InTable {
    Applied,
    /// Others have set it since, or have finished this set.
    Superseded,
    /// It is left to the next sync, and why.
    Left(String),
}

/// Sets or deletes a counter. The store decides; the table is tried once, because the caller waits,
/// and a later pass can finish.
pub(crate) fn set(engine: &Engine, id: &CounterId, replacement: Replacement) -> Result<(), Error> {
    set_in_table(engine, id, replacement).map(drop)
}

/// As [`set`], and returns whether the table has it.
pub(crate) fn set_in_table(
    engine: &Engine,
    id: &CounterId,
    replacement: Replacement,
) -> Result<InTable, Error> {
    let asked_at = Instant::now();
    let asked = match ask(engine)? {
        Err(Error::Core(error)) if asked_at.elapsed() >= SILENCE => {
            return Err(not_counted(id, replacement, error));
        }
        asked => asked,
    };
    // Read before the claim is made, or it could be that of a store which came later.
    let store_id = engine.store_id();
    let claim = engine.store().replace(id, replacement).inspect_err(|error| {
        if !matches!(error, CoreError::NotCounted { .. }) {
            engine.unanswered().note([id.clone()]);
        }
    })?;
    let mut log = PassLog::new(SyncReport::default(), Observer::none());
    let prefix = engine.prefix();
    let applied = apply(engine, claim, store_id, asked, &mut log);
    match &applied {
        Ok(()) => engine.note_database(KnownDatabase::right()),
        Err(error) => engine.note_if_other(error),
    }
    let PassLog { report, .. } = log;
    if let Err(error) = &applied {
        tracing::warn!(target: SET, %prefix, counter = %id, ?error, "a set is left to the next \
             sync");
    } else if !report.is_clean() {
        tracing::warn!(
            target: SET, %prefix, counter = %id, %report,
            "a set found something that needs attention"
        );
    }
    Ok(match (report.applied, report.superseded, applied) {
        (1.., ..) => InTable::Applied,
        (0, _, Err(error)) => InTable::Left(one_line(&error)),
        (0, 1.., Ok(())) => InTable::Superseded,
        (0, 0, Ok(())) => InTable::Left(match report.failed.iter().next() {
            Some(failed) => one_line(&failed.error),
            None => report.to_string(),
        }),
    })
}

/// Returns the error that nothing was set, because the store gave no answer to an earlier question.
fn not_counted(id: &CounterId, replacement: Replacement, source: CoreError) -> Error {
    let operation = match replacement {
        Replacement::Set(_) => Operation::Set,
        Replacement::Delete => Operation::Delete,
    };
    CoreError::NotCounted { operation, counter: id.clone(), source: source.into() }.into()
}

/// Asks whether the database is the right one, if this process has not asked just now. Returns
/// why it could not be asked, which keeps nothing from being set, unless it was another one when it
/// was asked last.
pub(crate) fn ask(engine: &Engine) -> Result<Result<(), Error>, Error> {
    let known = engine.known_database();
    if known.is_right(ASKED_WITHIN) {
        return Ok(Ok(()));
    }
    match (kinship::ask(engine), known) {
        (Err(error @ Error::OtherDatabase(_)), _) => {
            engine.note_if_other(&error);
            Err(error)
        }
        (Err(_), KnownDatabase::Other(mismatch)) => Err(Error::OtherDatabase(mismatch)),
        (asked, _) => Ok(asked),
    }
}

/// Tries to apply a claim, and once more if the store is not the one that this process knows.
/// Leaves it to the next pass if the database could not be `asked` whether it is the right one.
fn apply(
    engine: &Engine,
    claim: Claim,
    store_id: Option<Arc<str>>,
    asked: Result<(), Error>,
    log: &mut PassLog<'_>,
) -> Result<(), Error> {
    let unsettled = Unsettled::none(engine);
    if let Some(store_id) = &store_id {
        unsettled.note_store(Arc::clone(store_id));
    }
    // However this ends, the next pass knows the claim, and in which store it was made.
    unsettled.take(&claim, Fate::Unapplied);
    asked?;
    kept::note(engine, std::iter::once(&claim.id));
    if store_id.is_none() {
        return apply_in_present(&unsettled, claim, log);
    }
    match apply_once(&unsettled, claim.clone(), log) {
        Err(Error::Core(CoreError::StoreChanged)) => apply_in_present(&unsettled, claim, log),
        result => result,
    }
}

/// Asks for the store's id, gives it one if it has none, asks whether it follows this database, and
/// tries to apply the claim.
fn apply_in_present(
    unsettled: &Unsettled<'_>,
    claim: Claim,
    log: &mut PassLog<'_>,
) -> Result<(), Error> {
    kinship::ask(unsettled.engine)?;
    if let Some(present) = unsettled.engine.store_id() {
        unsettled.note_store(present);
    }
    apply_once(unsettled, claim, log)
}
