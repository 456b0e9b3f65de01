//! Since when buckets are kept.
//!
//! A row of the table says so for each type, key and grain, and only a pass makes one, before the
//! first transaction with such buckets: all are kept if the key was not counted long before, else
//! those from the next period on, because the running one was not counted whole.

use std::collections::HashMap;

use chrono::{NaiveDateTime, TimeDelta};
use counter_core::{CounterId, CounterKey, Grain, OwnerType, Period};

use super::engine::Engine;
use super::floor::{Floor, RolledUp};
use crate::causes::one_line;
use crate::error::{BuildProblem, Error};
use crate::ledger::kept::{Kept, KeptChange};

/// No zone is further ahead of UTC.
const FURTHEST_AHEAD: TimeDelta = TimeDelta::hours(14);

/// Returns from when on the buckets of a grain of a key are all that it counted.
pub(crate) fn floor(
    engine: &Engine,
    owner_type: &OwnerType,
    key: &CounterKey,
    grain: Grain,
) -> Result<Floor, Error> {
    let of = (owner_type.clone(), key.clone(), grain);
    let known = engine.known_kept();
    let asked = match known.read(&of) {
        Ok(floor) => return Ok(floor),
        Err(asked) => asked,
    };
    let floor = read_floor(engine, &of)?;
    known.remember(of, floor.clone(), asked);
    Ok(floor)
}

/// Before the migration of the table all is kept.
fn read_floor(
    engine: &Engine,
    (owner_type, key, grain): &(OwnerType, CounterKey, Grain),
) -> Result<Floor, Error> {
    let ledger = engine.ledger();
    let Some(rows) = ledger.kept(Some((owner_type, key)))? else { return Ok(Floor::default()) };
    let (since, counted_since) = match counted_row(&rows, *grain) {
        Some(row) => (row.since, row.rolled_until.or(row.since)),
        None => {
            let counted_before = ledger.counted_before(owner_type, key)?;
            (counted_before.map(|now| next_start(*grain, now)), None)
        }
    };
    let counted = rows.iter().filter(|row| row.rolled_from.is_none()).map(|row| row.grain);
    let counted = counted.collect();
    let mut floor = Floor { since, counted, counted_since, ..Floor::default() };
    // Days are in months, and months may be in years by now.
    let mut from = vec![*grain];
    while let Some(grain) = from.pop() {
        for row in rows.iter().filter(|row| row.rolled_from == Some(grain) && row.grain > grain) {
            let Kept { grain, since, rolled_until: until, kept_until, .. } = *row;
            floor.rolled.push(RolledUp { grain, since, kept_until: until.max(kept_until), until });
            from.push(grain);
        }
    }
    Ok(floor)
}

/// The starts before which buckets are not set by a call, because they may be rolled up, or have
/// what was. Each is asked for once.
#[derive(Default)]
pub(crate) struct RolledUntil {
    known: HashMap<(OwnerType, CounterKey, Grain), Option<NaiveDateTime>>,
    is_away: bool,
}

impl RolledUntil {
    /// A set does not depend on the database: once that has failed, nothing is refused.
    pub(crate) fn of(
        &mut self,
        engine: &Engine,
        of: (OwnerType, CounterKey, Grain),
    ) -> Option<NaiveDateTime> {
        if let Some(known) = self.known.get(&of) {
            return *known;
        }
        if self.is_away {
            return None;
        }
        match rolled_until(engine, &of) {
            Ok(until) => *self.known.entry(of).or_insert(until),
            Err(error) => {
                tracing::debug!(error = one_line(&error), "what is rolled up is not known");
                self.is_away = true;
                None
            }
        }
    }
}

fn rolled_until(
    engine: &Engine,
    (owner_type, key, grain): &(OwnerType, CounterKey, Grain),
) -> Result<Option<NaiveDateTime>, Error> {
    let rows = engine.ledger().kept(Some((owner_type, key)))?.unwrap_or_default();
    let is_of = |row: &&Kept| row.grain == *grain || row.rolled_from == Some(*grain);
    let rolled = rows.iter().filter(|row| row.rolled_from.is_some()).filter(is_of);
    Ok(rolled.filter_map(|row| row.rolled_until).max())
}

/// Returns the row that says since when buckets of a grain are counted directly.
pub(crate) fn counted_row(rows: &[Kept], grain: Grain) -> Option<&Kept> {
    rows.iter().find(|row| row.grain == grain && row.rolled_from.is_none())
}

/// Returns the grains of a counter's key into which others are rolled up, and which are not counted
/// directly.
pub(crate) fn rolled_grains(engine: &Engine, id: &CounterId) -> Result<Vec<Grain>, Error> {
    let owner_type = OwnerType::new(id.owner_type().into_owned())?;
    let key = CounterKey::new(id.key().into_owned())?;
    let rows = engine.ledger().kept(Some((&owner_type, &key)))?.unwrap_or_default();
    let grains = rows.iter().map(|row| row.grain);
    Ok(grains.filter(|grain| counted_row(&rows, *grain).is_none()).collect())
}

/// Records of a type what is recorded of another one whose counts it gets: since when they are
/// kept, and what is rolled up.
///
/// It is done `is_first` before anything is moved, and again afterwards, because more may have been
/// rolled up meanwhile.
pub(crate) fn copy(
    engine: &Engine,
    [from, into]: [&OwnerType; 2],
    is_first: bool,
) -> Result<(), Error> {
    let ledger = engine.ledger();
    if from == into {
        return Ok(());
    }
    let rows = ledger.kept(None)?.unwrap_or_default();
    let of_type = |of: &OwnerType| {
        let rows = rows.iter().filter(|row| row.owner_type == *of);
        rows.cloned().collect::<Vec<_>>()
    };
    let (ours, theirs) = (of_type(from), of_type(into));
    if is_first {
        check_roll_ups(&ours, &theirs)?;
    }
    for row in theirs.iter().filter(|row| is_first && is_of_one_alone(row, &ours)) {
        let row = from_next_on(engine, row.clone())?;
        ledger.write_kept(&row, KeptChange::Always)?;
    }
    for row in ours {
        let is_new = is_of_one_alone(&row, &theirs);
        let row = if is_new { from_next_on(engine, row)? } else { row };
        let is_same = |theirs: &&Kept| {
            let of = (&theirs.key, theirs.grain, theirs.rolled_from);
            of == (&row.key, row.grain, row.rolled_from)
        };
        let there = theirs.iter().find(is_same);
        let since = there.and_then(|theirs| theirs.since).max(row.since);
        let row = Kept { owner_type: into.clone(), since, ..row };
        write_later(engine, row, there)?;
    }
    engine.known_kept().forget();
    Ok(())
}

/// Writes a row so that it says the latest of what either type's row, if `there` is one, says.
fn write_later(engine: &Engine, row: Kept, there: Option<&Kept>) -> Result<(), Error> {
    let ledger = engine.ledger();
    ledger.write_kept(&row, KeptChange::IfAbsent)?;
    if row.rolled_from.is_some() && row.rolled_until.is_some() {
        ledger.write_kept(&row, KeptChange::RollUp)?;
    }
    if row.kept_until.is_some() {
        ledger.write_kept(&row, KeptChange::Hold)?;
    }
    // Since when both are counted: no day from before that is in a longer bucket of each.
    let counted = there.filter(|there| there.rolled_from.is_none());
    if counted.is_some_and(|there| there.rolled_until < row.rolled_until) {
        return ledger.write_kept(&row, KeptChange::Always);
    }
    if row.since.is_some() {
        ledger.write_kept(&row, KeptChange::Forward)?;
    }
    Ok(())
}

/// Returns whether only one of two types was counted by the grain of this row, and the other one,
/// of which these are the rows, by others.
fn is_of_one_alone(row: &Kept, others: &[Kept]) -> bool {
    let is_same = |other: &&Kept| other.key == row.key && other.rolled_from.is_none();
    let mut others = others.iter().filter(is_same).peekable();
    row.rolled_from.is_none()
        && others.peek().is_some()
        && others.all(|other| other.grain != row.grain)
}

/// What the other type has was not counted by this grain.
fn from_next_on(engine: &Engine, row: Kept) -> Result<Kept, Error> {
    let Some(now) = engine.ledger().now()? else { return Ok(row) };
    let since = Some(next_start(row.grain, now)).max(row.since);
    Ok(Kept { since, rolled_until: since, ..row })
}

/// Refuses to move counts by a grain into which one type's were rolled up, and by which the other's
/// are counted in the same time: a read could not know which is which. Refuses it also if the
/// other's were dropped or rolled up otherwise then, because they would be taken for 0.
fn check_roll_ups(ours: &[Kept], theirs: &[Kept]) -> Result<(), Error> {
    for [rolled, counted] in [[ours, theirs], [theirs, ours]] {
        for row in rolled.iter().filter(|row| row.rolled_until.is_some()) {
            let of_key = |rows: &[Kept]| {
                let rows = rows.iter().filter(|other| other.key == row.key);
                rows.cloned().collect::<Vec<_>>()
            };
            let (own, others) = (of_key(rolled), of_key(counted));
            let is_counted = counted_row(&others, row.grain).is_some_and(|other| {
                counted_row(&own, row.grain).is_none() || other.rolled_until < row.rolled_until
            });
            if row.rolled_from.is_some() && (is_counted || lacks_some(row, &others)) {
                let grain = row.grain;
                return Err(Error::Build(BuildProblem::RolledUpOtherwise { grain }));
            }
        }
    }
    Ok(())
}

/// Returns whether the other type, of which these are the rows, lacks some of the buckets that are
/// rolled up by this row, or has them elsewhere. It also does if it has only buckets of other
/// grains.
fn lacks_some(row: &Kept, others: &[Kept]) -> bool {
    if !others.is_empty() && others.iter().all(|other| Some(other.grain) != row.rolled_from) {
        return true;
    }
    let is_same = |other: &&Kept| (other.rolled_from, other.grain) == (row.rolled_from, row.grain);
    let until = others.iter().find(is_same).and_then(|other| other.rolled_until);
    let is_lacking = |other: &Kept| {
        Some(other.grain) == row.rolled_from && other.since > until.max(row.since)
            || other.rolled_from == row.rolled_from && other.rolled_until > until
    };
    until < row.rolled_until && others.iter().any(is_lacking)
}

/// Makes the rows of the grains of these buckets that have none, as far as this process knows. What
/// fails is tried again a minute later, and no bucket waits for it.
pub(crate) fn note<'a>(engine: &Engine, ids: impl Iterator<Item = &'a CounterId>) {
    note_all(engine, ids, false);
}

/// As [`note`], and that these are the buckets of a gauge.
pub(crate) fn note_gauge<'a>(engine: &Engine, ids: impl Iterator<Item = &'a CounterId>) {
    note_all(engine, ids, true);
}

fn note_all<'a>(engine: &Engine, ids: impl Iterator<Item = &'a CounterId>, is_gauge: bool) {
    let known = engine.known_kept();
    for (of, newest) in known.not_noted(ids) {
        match note_one(engine, &of, newest, is_gauge) {
            Ok(Noted::HasRow) => known.note(&of.0, &of.1, of.2),
            Ok(Noted::IsRolledUp) => {}
            Ok(Noted::NoTable) => return known.pause(),
            Err(error) => {
                let error = one_line(&error);
                tracing::debug!(error, "it could not be noted since when buckets are kept");
                return known.pause();
            }
        }
    }
}

/// What is known of a grain of a key.
enum Noted {
    /// It has a row.
    HasRow,
    /// It has none, because its buckets are those into which others are rolled up, and they are
    /// moved, as by a merge.
    IsRolledUp,
    /// There is no table.
    NoTable,
}

fn note_one(
    engine: &Engine,
    (owner_type, key, grain): &(OwnerType, CounterKey, Grain),
    newest: NaiveDateTime,
    is_gauge: bool,
) -> Result<Noted, Error> {
    let (ledger, grain) = (engine.ledger(), *grain);
    let Some(rows) = ledger.kept(Some((owner_type, key)))? else { return Ok(Noted::NoTable) };
    let of_grain = || rows.iter().filter(|row| row.grain == grain);
    if of_grain().any(|row| row.rolled_from.is_none() && (row.is_gauge || !is_gauge)) {
        return Ok(Noted::HasRow);
    }
    // Nothing is counted any more in periods into which others are rolled up.
    if of_grain().filter_map(|row| row.rolled_until).any(|until| newest < until) {
        return Ok(Noted::IsRolledUp);
    }
    let mut counted_before = ledger.counted_before(owner_type, key)?;
    if counted_before.is_none() && of_grain().any(|row| row.rolled_until.is_some()) {
        // Those up to now have what was rolled up.
        counted_before = ledger.now()?;
    }
    let since = counted_before.map(|now| next_start(grain, now));
    let kept = Kept::counted(owner_type.clone(), key.clone(), grain, since);
    ledger.write_kept(&Kept { is_gauge, ..kept }, KeptChange::IfAbsent)?;
    Ok(Noted::HasRow)
}

/// Returns the start of the first period that no zone has begun yet.
fn next_start(grain: Grain, now: NaiveDateTime) -> NaiveDateTime {
    let ahead = if grain == Grain::Hour { TimeDelta::zero() } else { FURTHEST_AHEAD };
    Period::containing(grain, now + ahead).next().start()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_next_begins_next_in_every_zone() {
        let start = |grain, now: &str| next_start(grain, now.parse().unwrap()).to_string();
        assert_eq!(start(Grain::Day, "2026-11-28T09:59:59"), "2026-11-29 00:00:00");
        assert_eq!(start(Grain::Day, "2026-11-28T10:00:00"), "2026-11-30 00:00:00");
        assert_eq!(start(Grain::Hour, "2026-11-28T10:00:00"), "2026-11-28 11:00:00");
        assert_eq!(start(Grain::Month, "2026-11-30T10:00:00"), "2027-01-01 00:00:00");
    }
}
