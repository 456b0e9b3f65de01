//! Sets of many counters, in batches.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use counter_core::{BoxError, CounterId, Error as CoreError, Replacement};

use super::set::{SILENCE, apply_sets, ask, not_counted};
use crate::causes::one_line;
use crate::engine::engine::Engine;
use crate::error::{DatabaseMismatch, Error};

/// Maximum number of counters that are set by one script and in one transaction.
const SET_AT_ONCE: usize = 200;

/// How many batches in a row may fail as a whole before the others are not tried any more.
const FAILED_BATCHES: usize = 2;

/// Sets many counters in batches, each counter as [`set`](super::set::set) does. Returns an outcome
/// for each, in the order given. If a counter is named twice, the last value stays.
///
/// # Errors
///
/// If the database is another one at the beginning. Then nothing was set.
pub(crate) fn set_many(
    engine: &Engine,
    sets: &[(CounterId, Replacement)],
) -> Result<Vec<Result<(), Error>>, Error> {
    if sets.is_empty() {
        return Ok(Vec::new());
    }
    let mut first = Some(Asked::now(engine)?);
    let mut setting = Setting { engine, failed_in_a_row: 0, is_table_left: false, other: None };
    let mut outcomes = Vec::with_capacity(sets.len());
    for batch in sets.chunks(SET_AT_ONCE) {
        let of_batch = setting.set(batch, first.take());
        let has_failed = of_batch.iter().all(Result::is_err);
        setting.failed_in_a_row = if has_failed { setting.failed_in_a_row + 1 } else { 0 };
        outcomes.extend(of_batch);
    }
    Ok(outcomes)
}

/// The answer to whether this is the right database, and how long it took.
struct Asked {
    answer: Result<(), Error>,
    took: Duration,
}

impl Asked {
    fn now(engine: &Engine) -> Result<Self, Error> {
        let begun = Instant::now();
        let answer = ask(engine)?;
        Ok(Self { answer, took: begun.elapsed() })
    }
}

/// Sets of many counters that are under way.
struct Setting<'a> {
    engine: &'a Engine,
    failed_in_a_row: usize,
    /// Whether the rest is left to a sync, because the database is away, slow, or has locked a row.
    is_table_left: bool,
    /// How the database differs from the right one, if it was found to be another one.
    other: Option<DatabaseMismatch>,
}

/// Why the table is not asked to take any more sets.
#[derive(Debug, thiserror::Error)]
#[error("the database did not take the sets before")]
struct TableLeft;

/// Why the store is not asked to take any more sets.
#[derive(Debug, thiserror::Error)]
#[error(
    "it was not tried, because none of {} sets before it succeeded",
    FAILED_BATCHES * SET_AT_ONCE
)]
struct StoreLeft;

impl Setting<'_> {
    fn set(
        &mut self,
        batch: &[(CounterId, Replacement)],
        asked: Option<Asked>,
    ) -> Vec<Result<(), Error>> {
        let asked = match self.ask(batch, asked) {
            Ok(asked) => asked,
            Err(refused) => return refused,
        };
        // Read before the claims are made, as for a single set.
        let store_id = self.engine.store_id();
        let replaced = self.engine.store().replace_many(batch);
        let (mut claims, mut outcomes) = (BTreeMap::new(), Vec::with_capacity(batch.len()));
        for ((id, _), replaced) in batch.iter().zip(replaced) {
            outcomes.push(match replaced {
                Ok(claim) => {
                    claims.insert(id, claim);
                    Ok(())
                }
                Err(error) => {
                    if !matches!(error, CoreError::NotCounted { .. }) {
                        self.engine.unanswered().note([id.clone()]);
                    }
                    Err(error.into())
                }
            });
        }
        let claims = claims.into_values().collect();
        let applied = apply_sets(self.engine, claims, store_id, asked.answer);
        self.is_table_left |= applied.is_err_and(|error| !is_about_rows(&error));
        outcomes
    }
}

impl Setting<'_> {
    /// Asks whether this is the right database, unless the table is left alone anyway. Returns the
    /// outcomes of the batch if nothing of it is set.
    fn ask(
        &mut self,
        batch: &[(CounterId, Replacement)],
        asked: Option<Asked>,
    ) -> Result<Asked, Vec<Result<(), Error>>> {
        let is_other = |other: &DatabaseMismatch| {
            Err(refused(batch, |_, _| Error::OtherDatabase(other.clone())))
        };
        if let Some(other) = &self.other {
            return is_other(other);
        }
        if self.failed_in_a_row >= FAILED_BATCHES {
            return Err(refused(batch, |id, to| not_counted(id, to, StoreLeft)));
        }
        let asked = match asked {
            Some(asked) => asked,
            None if self.is_table_left => {
                let answer = Err(Error::Unreachable { source: TableLeft.into() });
                Asked { answer, took: Duration::ZERO }
            }
            None => match Asked::now(self.engine) {
                Ok(asked) => asked,
                Err(Error::OtherDatabase(other)) => return is_other(self.other.insert(other)),
                Err(error) => return Err(refused_for(batch, &error)),
            },
        };
        match &asked.answer {
            Err(error @ Error::Core(_)) if asked.took >= SILENCE => Err(refused_for(batch, error)),
            _ => Ok(asked),
        }
    }
}

/// Returns whether the next batch may fare better, without waiting as long as this one.
const fn is_about_rows(error: &Error) -> bool {
    matches!(error, Error::Database { .. } | Error::KeptOut { .. } | Error::Core(_))
}

fn refused(
    batch: &[(CounterId, Replacement)],
    why: impl Fn(&CounterId, Replacement) -> Error,
) -> Vec<Result<(), Error>> {
    batch.iter().map(|(id, to)| Err(why(id, *to))).collect()
}

fn refused_for(batch: &[(CounterId, Replacement)], error: &Error) -> Vec<Result<(), Error>> {
    let why = one_line(error);
    refused(batch, |id, to| not_counted(id, to, BoxError::from(why.clone())))
}
