use std::sync::Arc;
use std::time::{Duration, Instant};

use counter_core::{BoxError, Claim, CounterId, Error as CoreError, Operation, Replacement};

use super::batches::apply::apply_once;
use super::report::observer::Observer;
use super::report::pass_log::PassLog;
use super::report::report::SyncReport;
use super::unsettled::Unsettled;
use crate::engine::engine::{Engine, KnownDatabase};
use crate::engine::kept;
use crate::engine::kinship;
use crate::engine::remembered::Fate;
use crate::error::Error;
use crate::targets::SET;

/// How long the answer that this is the right database is reused. Sets within this time do not ask
/// again, so one may be made in a database that was restored meanwhile.
const ASKED_WITHIN: Duration = Duration::from_secs(1);

/// If a caller has waited longer than this for a silent store, it does not wait for the store
/// again.
pub(super) const SILENCE: Duration = Duration::from_millis(250);

/// Sets or deletes a counter in the store, then tries once to change the table. It tries only once,
/// because the caller waits and a later pass can finish.
pub(crate) fn set(engine: &Engine, id: &CounterId, replacement: Replacement) -> Result<(), Error> {
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
    let applied = apply_and_note(engine, &[claim], store_id, asked, &mut log);
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
    Ok(())
}

/// Returns the error for a set that was not made, because the store did not answer an earlier
/// question.
pub(super) fn not_counted(
    id: &CounterId,
    replacement: Replacement,
    source: impl Into<BoxError>,
) -> Error {
    let operation = match replacement {
        Replacement::Set(_) => Operation::Set,
        Replacement::Delete => Operation::Delete,
    };
    CoreError::NotCounted { operation, counter: id.clone(), source: source.into() }.into()
}

/// Asks whether the database is the right one, unless this process asked just now. Returns the
/// reason if it could not be asked. That does not prevent the set, unless the last answer was that
/// it is another database.
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

/// Tries to write sets to the table in one transaction. Logs what fails and leaves it to the next
/// sync. The claims must be of different counters, in the order of the counters.
///
/// # Errors
///
/// What kept them from the table, which was logged.
pub(crate) fn apply_sets(
    engine: &Engine,
    claims: Vec<Claim>,
    store_id: Option<Arc<str>>,
    asked: Result<(), Error>,
) -> Result<(), Error> {
    if claims.is_empty() {
        return Ok(());
    }
    let mut log = PassLog::new(SyncReport::default(), Observer::none());
    let (prefix, sets) = (engine.prefix(), claims.len());
    let applied = apply_and_note(engine, &claims, store_id, asked, &mut log);
    let PassLog { report, .. } = log;
    if let Err(error) = &applied {
        tracing::warn!(target: SET, %prefix, sets, ?error, "sets are left to the next sync");
    } else if !report.is_clean() {
        tracing::warn!(
            target: SET, %prefix, sets, %report, "sets found something that needs attention"
        );
    }
    applied
}

/// Calls [`apply`], and notes what its result says about the database.
fn apply_and_note(
    engine: &Engine,
    claims: &[Claim],
    store_id: Option<Arc<str>>,
    asked: Result<(), Error>,
    log: &mut PassLog<'_>,
) -> Result<(), Error> {
    let applied = apply(engine, claims, store_id, asked, log);
    match &applied {
        Ok(()) => engine.note_database(KnownDatabase::right()),
        Err(error) => engine.note_if_other(error),
    }
    applied
}

/// Tries to apply claims, and retries once if the store is not the one that this process knows.
/// Leaves them to the next pass if the database could not be `asked` whether it is the right one.
fn apply(
    engine: &Engine,
    claims: &[Claim],
    store_id: Option<Arc<str>>,
    asked: Result<(), Error>,
    log: &mut PassLog<'_>,
) -> Result<(), Error> {
    let unsettled = Unsettled::none(engine);
    if let Some(store_id) = &store_id {
        unsettled.note_store(Arc::clone(store_id));
    }
    // The next pass must know the claims and their store, however this ends.
    claims.iter().for_each(|claim| unsettled.take(claim, Fate::Unapplied));
    asked?;
    kept::note(engine, claims.iter().map(|claim| &claim.id));
    if store_id.is_none() {
        return apply_in_present(&unsettled, claims, log);
    }
    match apply_once(&unsettled, claims, log) {
        Err(Error::Core(CoreError::StoreChanged)) => apply_in_present(&unsettled, claims, log),
        result => result,
    }
}

/// Asks for the store's id, gives it one if it has none, asks whether it follows this database, and
/// tries to apply the claims.
fn apply_in_present(
    unsettled: &Unsettled<'_>,
    claims: &[Claim],
    log: &mut PassLog<'_>,
) -> Result<(), Error> {
    kinship::ask(unsettled.engine)?;
    if let Some(present) = unsettled.engine.store_id() {
        unsettled.note_store(present);
    }
    apply_once(unsettled, claims, log)
}
