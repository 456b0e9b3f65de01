//! Where the counts of old buckets go, and what is recorded of it before any of them is moved.
//!
//! Until which start buckets are added up to longer ones is noted first, and they are moved once
//! this is [`NOTED_FOR`] old: by then every process that reads has read it. They are added only to
//! periods in which nothing is counted any more. So no bucket has both what was rolled up and what
//! its key counted there directly, if the longer grain is declared later.

use chrono::{NaiveDateTime, TimeDelta};
use counter_core::{CounterId, CounterKey, Grain, OwnerType, Period};

use crate::engine::calendar::Calendar;
use crate::engine::engine::Engine;
use crate::engine::kept::counted_row;
use crate::error::Error;
use crate::ledger::kept::{Kept, KeptChange, beginning};
use crate::sync::prune_options::Rule;

/// How old a note is before buckets are moved as it says. A process reads notes once a minute, and
/// no read takes nearly as long.
const NOTED_FOR: TimeDelta = TimeDelta::minutes(10);

/// Where the count of an old bucket goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    /// It is dropped.
    Nowhere,
    /// It is added to the bucket of this grain.
    Into(Grain),
    /// It stays, for one of these reasons: that it is rolled up was noted only now; the longer
    /// bucket is not over; or it lacks what this one has, because its key was counted by the longer
    /// grain from a later time on.
    Stays,
    /// It stays, because the key is counted by this longer grain, although nothing says since when,
    /// or the model is not known. A longer bucket that is there does not show that it has the
    /// count: it may have been set once, or counted for only a part of its time.
    Counted(Grain),
}

/// Where the counts of the old buckets of a key go.
#[derive(Debug, Clone)]
pub(crate) struct Targets {
    /// Buckets that start before one of these ends are added up.
    rolled: Vec<Rolled>,
    /// Buckets in these times stay.
    held: Vec<(NaiveDateTime, NaiveDateTime)>,
    /// Where all others go.
    pub(crate) others: Target,
    /// Whether it was said that some stay because the key is counted by a longer grain.
    pub(crate) is_named: bool,
}

#[derive(Debug, Clone, Copy)]
struct Rolled {
    grain: Grain,
    until: NaiveDateTime,
    /// Whether the note is old enough.
    is_due: bool,
    /// Whether the key is counted by the longer grain, too, from a later time on.
    is_counted: bool,
}

impl Targets {
    /// All go there.
    pub(crate) const fn all(others: Target) -> Self {
        Self { rolled: Vec::new(), held: Vec::new(), others, is_named: false }
    }

    /// Returns where the count of a bucket goes that starts then.
    pub(crate) fn of(&self, start: NaiveDateTime) -> Target {
        if self.held.iter().any(|(since, until)| *since <= start && start < *until) {
            return Target::Stays;
        }
        // Each roll-up was noted from where the others end.
        let until = self.rolled.iter().map(|rolled| rolled.until).filter(|until| start < *until);
        let Some(until) = until.min() else { return self.others };
        let mut rolled = self.rolled.iter().filter(|rolled| rolled.until == until);
        match (rolled.next(), rolled.next()) {
            (Some(rolled), None) if rolled.is_due => Target::Into(rolled.grain),
            // They were noted at the same time.
            _ => Target::Stays,
        }
    }

    /// Returns the longer grains for which nothing says whether the key is counted by them, each
    /// with the start before which its buckets may have what was rolled up.
    pub(crate) fn unsure(&self) -> impl Iterator<Item = (Grain, NaiveDateTime)> {
        let unsure = self.rolled.iter().filter(|rolled| !rolled.is_counted);
        unsure.map(|rolled| (rolled.grain, rolled.until))
    }
}

/// The roll-up or removal of one grain of a key.
pub(crate) struct Rolling<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) calendar: &'a Calendar,
    pub(crate) rule: Rule,
    pub(crate) first_kept: Period,
    /// The database's time.
    pub(crate) now: NaiveDateTime,
    pub(crate) owner_type: &'a OwnerType,
    pub(crate) key: &'a CounterKey,
}

impl Rolling<'_> {
    /// Returns where the counts of old buckets of the key go, of which a counter is known, and
    /// records what is kept of them from now on.
    pub(crate) fn record(&self, first: &CounterId, is_dry_run: bool) -> Result<Targets, Error> {
        let Some(rows) = self.engine.ledger().kept(Some((self.owner_type, self.key)))? else {
            return self.without_table();
        };
        let mut targets = self.noted(&rows);
        let model = self.calendar.declared(self.owner_type);
        // Readings do not add up.
        let is_gauge = rows.iter().any(|row| row.is_gauge)
            || model.is_some_and(|model| model.is_gauge(self.key));
        let into = self.rule.into.filter(|_| !is_gauge);
        let counts = |into| model.is_some_and(|model| (model.grains_of)(self.key).contains(&into));
        let until = targets.rolled.iter().map(|rolled| rolled.until).max();
        targets.others = match into {
            None => Target::Nowhere,
            // They are in the longer buckets already, from the time on that is noted.
            Some(into) if counted_row(&rows, into).is_some() => {
                let since = counted_row(&rows, into).and_then(|row| row.rolled_until);
                let from = until.unwrap_or(NaiveDateTime::MIN);
                targets.held.extend(since.map(|since| (from, since)));
                if counts(into) { Target::Nowhere } else { Target::Counted(into) }
            }
            Some(into) if counts(into) || self.is_counted_by(first, into, until)? => {
                targets.rolled.clear();
                Target::Counted(into)
            }
            Some(_) => Target::Stays,
        };
        if is_dry_run {
            return Ok(targets);
        }
        if !is_gauge {
            self.hold(&rows, into)?;
        }
        if let (Some(into), Target::Stays) = (into, targets.others) {
            self.announce(&rows, into)?;
        }
        // Before any of them is 0.
        let due = targets.rolled.iter().filter(|rolled| rolled.is_due);
        if let Some(until) = due.map(|rolled| rolled.until).max() {
            self.forward(&rows, until)?;
        }
        let last_held = targets.held.iter().map(|(_, until)| *until).max();
        let first_kept = self.first_kept.start();
        if targets.others == Target::Nowhere && last_held.is_none_or(|held| held < first_kept) {
            self.forward(&rows, first_kept)?;
        }
        self.engine.known_kept().forget();
        Ok(targets)
    }

    /// Notes of each longer grain that is counted itself, and into which these are or were rolled
    /// up, that these stay up to the time from which on it is.
    fn hold(&self, rows: &[Kept], into: Option<Grain>) -> Result<(), Error> {
        let grain = self.rule.grain;
        let kept = self.kept_since(rows);
        for counted in rows.iter().filter(|row| row.rolled_from.is_none() && row.grain > grain) {
            let is_same =
                |row: &&Kept| row.rolled_from == Some(grain) && row.grain == counted.grain;
            let (row, since) = (rows.iter().find(is_same), counted.rolled_until);
            if row.is_none_or(|row| row.rolled_until.is_none()) && into != Some(counted.grain) {
                continue;
            }
            let held = row.and_then(|row| row.rolled_until.max(row.kept_until));
            let others = rows.iter().filter(|row| row.rolled_from == Some(grain));
            let others = others.filter(|row| row.grain != counted.grain);
            let others = others.filter_map(|row| row.rolled_until).max();
            // What was dropped since then, or went elsewhere, is not there.
            let are_there = row.is_none() || kept.max(others) <= held;
            let is_later = since > held.max(kept) && since > beginning();
            if !are_there || !is_later {
                continue;
            }
            let (owner_type, key) = (self.owner_type.clone(), self.key.clone());
            let row = Kept::rolled(owner_type, key, (grain, counted.grain), kept.max(others));
            let row = Kept { kept_until: since, ..row };
            self.engine.ledger().write_kept(&row, KeptChange::Hold)?;
        }
        Ok(())
    }

    /// Returns what was noted before.
    fn noted(&self, rows: &[Kept]) -> Targets {
        let grain = self.rule.grain;
        let mut targets = Targets::all(Target::Stays);
        let counted_since = |grain| counted_row(rows, grain).map(|row| row.rolled_until);
        for row in rows.iter().filter(|row| row.rolled_from == Some(grain)) {
            let counted_since = counted_since(row.grain);
            if let Some(until) = row.kept_until {
                targets.held.push((row.rolled_until.unwrap_or(NaiveDateTime::MIN), until));
            }
            let Some(until) = row.rolled_until else { continue };
            targets.rolled.push(Rolled {
                grain: row.grain,
                until,
                is_due: row.noted_at.is_none_or(|at| at + NOTED_FOR <= self.now),
                is_counted: counted_since.is_some(),
            });
            if let Some(since) = counted_since.flatten() {
                targets.held.push((until, since));
            }
        }
        // Shorter ones were rolled up into these, and those between lack some of the counts.
        let is_rolled = |row: &Kept| row.grain == grain && row.rolled_until.is_some();
        let was_rolled = rows.iter().any(|row| row.rolled_from.is_some() && is_rolled(row));
        if let (true, Some(since)) = (was_rolled, counted_since(grain).flatten()) {
            targets.held.push((NaiveDateTime::MIN, since));
        }
        targets
    }

    /// Notes that buckets are rolled up until the first that is kept, or the first whose longer
    /// bucket may still change.
    fn announce(&self, rows: &[Kept], into: Grain) -> Result<(), Error> {
        let grain = self.rule.grain;
        let until = self.first_kept.start().min(self.calendar.first_open(into));
        let rolled = rows.iter().filter(|row| row.rolled_from == Some(grain));
        let (same, others) = rolled.partition::<Vec<_>, _>(|row| row.grain == into);
        let others = others.iter().filter_map(|row| row.rolled_until).max();
        let kept = self.kept_since(rows).max(others);
        let since = match same.first() {
            Some(row) if row.rolled_until >= Some(until) => return Ok(()),
            // What was dropped since then, or went elsewhere, is missing.
            Some(row) if kept <= row.rolled_until => row.since,
            _ => kept,
        };
        if since.is_some_and(|since| since >= until) {
            return Ok(());
        }
        let (owner_type, key) = (self.owner_type.clone(), self.key.clone());
        let row = Kept::rolled(owner_type, key, (grain, into), since);
        let row = Kept { rolled_until: Some(until), ..row };
        self.engine.ledger().write_kept(&row, KeptChange::RollUp)
    }

    /// Returns since when the buckets have everything.
    fn kept_since(&self, rows: &[Kept]) -> Option<NaiveDateTime> {
        let grain = self.rule.grain;
        let rolled = rows.iter().filter(|row| row.grain == grain && row.rolled_until.is_some());
        let rolled = rolled.filter(|row| row.rolled_from.is_some()).collect::<Vec<_>>();
        let counted = counted_row(rows, grain);
        match counted {
            Some(row) if rolled.is_empty() => row.since,
            _ => {
                // Those that were dropped since they are counted directly are missing.
                let dropped = counted.filter(|row| row.since > row.rolled_until);
                let dropped = dropped.and_then(|row| row.since);
                rolled.into_iter().filter_map(|row| row.since).max().max(dropped)
            }
        }
    }

    /// Notes that buckets that start before this are not kept any more.
    fn forward(&self, rows: &[Kept], since: NaiveDateTime) -> Result<(), Error> {
        let (ledger, grain) = (self.engine.ledger(), self.rule.grain);
        let rows_of = rows.iter().filter(|row| row.grain == grain);
        let (counted, rolled) = rows_of.partition::<Vec<_>, _>(|row| row.rolled_from.is_none());
        let rows = if counted.is_empty() { rolled } else { counted };
        if rows.is_empty() {
            let (owner_type, key) = (self.owner_type.clone(), self.key.clone());
            let row = Kept::counted(owner_type, key, grain, Some(since));
            return ledger.write_kept(&row, KeptChange::Forward);
        }
        for row in rows.into_iter().filter(|row| row.since.is_none_or(|before| before < since)) {
            let row = Kept { since: Some(since), ..row.clone() };
            ledger.write_kept(&row, KeptChange::Forward)?;
        }
        Ok(())
    }

    /// Returns whether a counter has a bucket of this grain that no shorter one was added up into,
    /// because those of its time are all kept.
    pub(crate) fn is_counted_by(
        &self,
        counter: &CounterId,
        grain: Grain,
        until: Option<NaiveDateTime>,
    ) -> Result<bool, Error> {
        let until = until.unwrap_or(NaiveDateTime::MIN).max(self.first_kept.start());
        let last = Period::containing(grain, until);
        let total = counter.total();
        let newest = self.engine.ledger().newest_bucket(&total, grain, end_of_time())?;
        Ok(newest.is_some_and(|newest| newest > last.start()))
    }

    /// Returns where counts go before the migration of the table. What is rolled up has to be
    /// recorded, which fails without it.
    fn without_table(&self) -> Result<Targets, Error> {
        if self.rule.into.is_some() {
            let (owner_type, key) = (self.owner_type.clone(), self.key.clone());
            let since = Some(self.first_kept.start());
            let row = Kept::counted(owner_type, key, self.rule.grain, since);
            self.engine.ledger().write_kept(&row, KeptChange::Forward)?;
        }
        Ok(Targets::all(Target::Nowhere))
    }
}

/// No period that has a row starts later.
pub(crate) fn end_of_time() -> NaiveDateTime {
    let day = chrono::NaiveDate::from_ymd_opt(9999, 12, 31).unwrap_or(chrono::NaiveDate::MAX);
    day.and_time(chrono::NaiveTime::from_hms_opt(23, 59, 59).unwrap_or_default())
}
