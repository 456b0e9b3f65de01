use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use counter_core::{BoxError, Claim, CounterId, Error as CoreError, Operation, Replacement};

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
pub(super) const SILENCE: Duration = Duration::from_millis(250);

/// Sets or deletes a counter. The store decides; the table is tried once, because the caller waits,
/// and a later pass can finish.
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

/// Returns the error that nothing was set, because the store gave no answer to an earlier question.
fn not_counted(id: &CounterId, replacement: Replacement, source: impl Into<BoxError>) -> Error {
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

/// How many counters are set by one script and in one transaction.
const SET_AT_ONCE: usize = 200;

/// Sets many counters, a batch after the other, as [`set`] does one. Returns an outcome for each,
/// in the order given: of a counter that is named twice, the last value stays.
///
/// # Errors
///
/// That the database is another one, before anything is set.
pub(crate) fn set_many(
    engine: &Engine,
    sets: &[(CounterId, Replacement)],
) -> Result<Vec<Result<(), Error>>, Error> {
    ask(engine)?.ok();
    let mut outcomes = Vec::with_capacity(sets.len());
    for batch in sets.chunks(SET_AT_ONCE) {
        outcomes.extend(set_batch(engine, batch));
    }
    Ok(outcomes)
}

fn set_batch(engine: &Engine, batch: &[(CounterId, Replacement)]) -> Vec<Result<(), Error>> {
    let none = |why: String| {
        let refused = |(id, to): &(CounterId, _)| Err(not_counted(id, *to, why.clone()));
        batch.iter().map(refused).collect()
    };
    let asked_at = Instant::now();
    let asked = match ask(engine) {
        Err(error) => return none(one_line(&error)),
        Ok(Err(Error::Core(error))) if asked_at.elapsed() >= SILENCE => {
            return none(one_line(&error));
        }
        Ok(asked) => asked,
    };
    // Read before the claims are made, as of one.
    let store_id = engine.store_id();
    let replaced = engine.store().replace_many(batch);
    let (mut claims, mut outcomes) = (BTreeMap::new(), Vec::with_capacity(batch.len()));
    for ((id, _), replaced) in batch.iter().zip(replaced) {
        outcomes.push(match replaced {
            Ok(claim) => {
                claims.insert(id, claim);
                Ok(())
            }
            Err(error) => {
                if !matches!(error, CoreError::NotCounted { .. }) {
                    engine.unanswered().note([id.clone()]);
                }
                Err(error.into())
            }
        });
    }
    apply_sets(engine, claims.into_values().collect(), store_id, asked);
    outcomes
}

/// Tries to bring sets into the table, in one transaction. What fails is logged and left to the
/// next sync. The claims are of different counters and in their order.
pub(crate) fn apply_sets(
    engine: &Engine,
    claims: Vec<Claim>,
    store_id: Option<Arc<str>>,
    asked: Result<(), Error>,
) {
    if claims.is_empty() {
        return;
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
}

/// Does what [`apply`] does, and notes what that says about the database.
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

/// Tries to apply claims, and once more if the store is not the one that this process knows.
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
    // However this ends, the next pass knows the claims, and in which store they were made.
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
