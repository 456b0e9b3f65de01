//! Removes buckets of periods that ended long ago, in two phases: the counts are taken out first,
//! and the rows go an hour later. See [`clearing`](super::clearing) and
//! [`zeros`](super::owners::zeros).

use std::collections::HashMap;
use std::ops::ControlFlow;

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};
use counter_core::{CounterId, CounterKey, Grain, OwnerType, Period};

use crate::causes::one_line;
use crate::engine::calendar::Calendar;
use crate::engine::engine::Engine;
use crate::error::Error;
use crate::ledger::kept::{Kept, KeptChange};
use crate::ledger::ledger::{CounterRow, RowPlace};
use crate::ledger::retry;
use crate::sync::clearing;
use crate::sync::identity::adoption;
use crate::sync::owners::delete_all::FAILURES_IN_A_ROW;
use crate::sync::owners::find::BATCH;
use crate::sync::owners::zeros;
use crate::sync::prune_options::{FailedPrune, PruneOptions, Pruned, Rule};
use crate::sync::set;

/// How many buckets of a counter are set to 0 by one transaction.
const AT_ONCE: usize = 100;

/// Takes the counts out of old buckets, and removes the rows of those that have been 0 for an hour.
///
/// It ends early, after what it is at, once it is asked to stop. Then it leaves its place, from
/// which the next call with the same options goes on.
pub(crate) fn prune(
    engine: &Engine,
    calendar: &Calendar,
    options: &PruneOptions,
    left_at: &mut Option<Place>,
    should_stop: &dyn Fn() -> bool,
) -> Result<Pruned, Error> {
    let rules = options.rules(&engine.config().retention, calendar.oldest_event())?;
    if rules.is_empty() {
        return Ok(Pruned::default());
    }
    ask(engine, options.is_dry_run())?;
    let mut pruned = Pruned::default();
    for rule in rules {
        if left_at.as_ref().is_some_and(|place| place.rule.grain != rule.grain) {
            // It came before that one.
            continue;
        }
        let begin = || Place::first(rule, calendar.now().naive_utc());
        let Some(at) = left_at.take().or_else(begin) else { continue };
        let (is_dry_run, failures_in_a_row) = (options.is_dry_run(), 0);
        let pruned = &mut pruned;
        let mut pruning =
            Pruning { engine, calendar, at, is_dry_run, should_stop, pruned, failures_in_a_row };
        let ended = pruning.run();
        if !matches!(ended, Ok(ControlFlow::Continue(()))) {
            *left_at = Some(pruning.at);
        }
        if ended?.is_break() {
            break;
        }
    }
    Ok(pruned)
}

/// Asks whether the database is the right one, and whether it takes writes.
fn ask(engine: &Engine, is_dry_run: bool) -> Result<(), Error> {
    if is_dry_run {
        let other = adoption::look(engine)?.mismatch;
        return other.map_or(Ok(()), |mismatch| Err(Error::OtherDatabase(mismatch)));
    }
    set::ask(engine)??;
    engine.ledger().ask_writes()
}

/// Where the counts of old buckets go.
#[derive(Debug, Clone, Copy)]
enum Target {
    /// They are dropped.
    Nowhere,
    /// They are added to the buckets of this grain.
    Into(Grain),
    /// They stay until the next call, because that they are rolled up was not recorded before this
    /// one. A process that has read so within the last minute would miss them.
    Later,
    /// They stay, because the key is counted by the longer grain itself, although it is recorded
    /// that these are added up into it, or nothing is.
    Counted(Grain),
}

/// How far the buckets of a grain were pruned.
#[derive(Debug)]
pub(crate) struct Place {
    rule: Rule,
    first_kept: Period,
    /// The type of owners that is next, `None` for the first.
    owner_type: Option<OwnerType>,
    /// The place after the rows of this type that are done, `None` before the first.
    row: Option<RowPlace>,
    /// Where the counts of each key go. It is recorded that older ones are not kept.
    targets: HashMap<(OwnerType, CounterKey), Target>,
}

impl Place {
    fn first(rule: Rule, now: NaiveDateTime) -> Option<Self> {
        let first_kept = rule.first_kept(now)?;
        Some(Self { rule, first_kept, owner_type: None, row: None, targets: HashMap::new() })
    }
}

/// The removal of the buckets of one grain.
struct Pruning<'a> {
    engine: &'a Engine,
    calendar: &'a Calendar,
    at: Place,
    is_dry_run: bool,
    should_stop: &'a dyn Fn() -> bool,
    pruned: &'a mut Pruned,
    failures_in_a_row: usize,
}

impl Pruning<'_> {
    fn run(&mut self) -> Result<ControlFlow<()>, Error> {
        let ledger = self.engine.ledger();
        if self.at.owner_type.is_none() {
            self.at.owner_type = ledger.bucket_type_after(None)?;
        }
        while let Some(of) = self.at.owner_type.clone() {
            let page = ledger.buckets_after(&of, self.at.row.as_ref(), BATCH)?;
            let is_done = self.prune(page.rows)?.is_continue();
            // What fails again and again keeps nothing else from its turn.
            if is_done || self.fails_again() {
                self.at.row = page.next.map(|next| self.jump(next));
                if self.at.row.is_none() {
                    self.at.owner_type = ledger.bucket_type_after(Some(&of))?;
                }
            }
            if self.has_to_end() && self.at.owner_type.is_some() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Returns the place before the next row that may be old: the rows of a grain come in the order
    /// of their starts.
    fn jump(&self, next: RowPlace) -> RowPlace {
        let period = next.period.map(|(grain, starts_at)| {
            let may_be_old =
                grain == self.at.rule.grain.as_str() && starts_at < self.at.first_kept.start();
            (grain, if may_be_old { starts_at } else { end_of_time() })
        });
        RowPlace { period, ..next }
    }

    /// Prunes a page of rows, unless it has to end within it.
    fn prune(&mut self, rows: Vec<CounterRow>) -> Result<ControlFlow<()>, Error> {
        let is_old = |row: &CounterRow| {
            let period = row.counter.period();
            period.is_some_and(|it| it.grain() == self.at.rule.grain && it < self.at.first_kept)
        };
        let old = rows.into_iter().filter(is_old).collect::<Vec<_>>();
        self.pruned.rows += old.len() as u64;
        let (zeros, counted) = old.into_iter().partition::<Vec<_>, _>(|row| row.row.count == 0);
        for of_counter in counted.chunk_by(|a, b| a.counter.total() == b.counter.total()) {
            let into = match self.target(of_counter)? {
                Target::Nowhere => None,
                Target::Into(into) => Some(into),
                Target::Later | Target::Counted(_) => {
                    self.pruned.held += of_counter.len() as u64;
                    continue;
                }
            };
            for rows in of_counter.chunks(AT_ONCE) {
                self.clear(rows, into)?;
                if self.has_to_end() {
                    return Ok(ControlFlow::Break(()));
                }
            }
        }
        self.remove(zeros)?;
        Ok(ControlFlow::Continue(()))
    }

    fn has_to_end(&self) -> bool {
        self.fails_again() || (self.should_stop)()
    }

    fn fails_again(&self) -> bool {
        self.failures_in_a_row >= FAILURES_IN_A_ROW
    }

    /// Sets these buckets of one counter to 0 together, and each by itself if that is refused.
    fn clear(&mut self, rows: &[CounterRow], into: Option<Grain>) -> Result<(), Error> {
        let engine = self.engine;
        if self.is_dry_run {
            let cleared = clearing::would_clear(engine, rows, into)?;
            self.note_cleared(rows.len(), cleared, into);
            return Ok(());
        }
        match retry::once_more(|| clearing::clear(engine, rows, into)) {
            Ok(cleared) => self.note_cleared(rows.len(), cleared, into),
            Err(error) if !is_about_rows(&error) => return Err(error),
            Err(error) => match rows {
                [row] => self.fail(&row.counter, &error),
                rows => {
                    for row in rows {
                        self.clear(std::slice::from_ref(row), into)?;
                        if self.has_to_end() {
                            break;
                        }
                    }
                }
            },
        }
        Ok(())
    }

    fn note_cleared(&mut self, rows: usize, cleared: u64, into: Option<Grain>) {
        self.pruned.cleared += cleared;
        self.pruned.rolled_up += if into.is_some() { cleared } else { 0 };
        self.pruned.held += rows as u64 - cleared;
        self.failures_in_a_row = 0;
    }

    fn remove(&mut self, zeros: Vec<CounterRow>) -> Result<(), Error> {
        if self.is_dry_run {
            self.pruned.removed += zeros::count_due(self.engine, &zeros)?;
            return Ok(());
        }
        let removed = zeros::remove(self.engine, zeros)?;
        if removed.rows > 0 {
            self.pruned.removed += removed.rows;
            self.failures_in_a_row = 0;
        }
        for (counter, error) in removed.refused {
            // What others work on just now is no failure.
            if !matches!(error, Error::Locked { .. }) {
                self.fail(&counter, &error);
            }
        }
        Ok(())
    }

    fn fail(&mut self, counter: &CounterId, error: &Error) {
        self.failures_in_a_row += 1;
        let (counter, why) = (counter.clone(), one_line(error));
        self.pruned.failed.push(FailedPrune { counter, why });
    }

    /// Returns the grain into which the buckets of this counter's key are rolled up, and records
    /// what is kept of them from now on, before any of them is 0.
    fn target(&mut self, rows: &[CounterRow]) -> Result<Target, Error> {
        let Some(CounterRow { counter, .. }) = rows.first() else { return Ok(Target::Nowhere) };
        let owner_type = OwnerType::new(counter.owner_type().into_owned())?;
        let of = (owner_type, CounterKey::new(counter.key().into_owned())?);
        let known = self.at.targets.get(&of).copied();
        let target = match known {
            Some(Target::Into(into)) if self.is_counted_by(counter, into)? => Target::Counted(into),
            Some(target) => target,
            None => self.record(&of.0, &of.1, counter)?,
        };
        let was_counted = matches!(known, Some(Target::Counted(_)));
        if let (Target::Counted(into), false) = (target, was_counted) {
            let (owner_type, key) = &of;
            let (counter, from) = (counter.clone(), self.at.rule.grain);
            let why = format!(
                "{owner_type}.{key} is counted by the grain {into} itself, so buckets of the \
                 grain {from} are not added up into it"
            );
            self.pruned.failed.push(FailedPrune { counter, why });
        }
        self.at.targets.insert(of, target);
        Ok(target)
    }

    /// Returns whether a counter has a bucket of this grain that no shorter one was added up into,
    /// because those of its time are all kept.
    fn is_counted_by(&self, counter: &CounterId, grain: Grain) -> Result<bool, Error> {
        let last = Period::containing(grain, self.at.first_kept.start());
        let total = counter.total();
        let newest = self.engine.ledger().newest_bucket(&total, grain, end_of_time())?;
        Ok(newest.is_some_and(|newest| newest > last.start()))
    }

    fn record(
        &self,
        owner_type: &OwnerType,
        key: &CounterKey,
        first: &CounterId,
    ) -> Result<Target, Error> {
        let (ledger, grain) = (self.engine.ledger(), self.at.rule.grain);
        let Some(rows) = ledger.kept(Some((owner_type, key)))? else {
            return self.without_table(owner_type, key);
        };
        let row_of = |grain: Grain| rows.iter().find(|row| row.grain == grain);
        // A key that is counted by the longer grain itself has its counts there already.
        let is_rolled =
            |into: &Grain| row_of(*into).is_none_or(|row| row.rolled_from == Some(grain));
        let model = self.calendar.declared(owner_type);
        // Readings do not add up.
        let is_gauge =
            rows.iter().any(|row| row.is_gauge) || model.is_some_and(|model| model.is_gauge(key));
        let into = self.at.rule.into.filter(is_rolled).filter(|_| !is_gauge);
        let counts = |into| model.is_some_and(|model| (model.grains_of)(key).contains(&into));
        let target = match into {
            None => Target::Nowhere,
            Some(into) if counts(into) => return Ok(Target::Counted(into)),
            Some(into) if row_of(into).is_some() => match self.is_counted_by(first, into)? {
                true => return Ok(Target::Counted(into)),
                false => Target::Into(into),
            },
            Some(_) => Target::Later,
        };
        if self.is_dry_run {
            return Ok(target);
        }
        let write = |grain: Grain, since: Option<NaiveDateTime>, rolled_from, change| {
            let (owner_type, key, is_gauge) = (owner_type.clone(), key.clone(), false);
            let kept = Kept { owner_type, key, grain, since, rolled_from, is_gauge };
            ledger.write_kept(&kept, change)
        };
        if let (Target::Later, Some(into)) = (target, into) {
            let since = row_of(grain).and_then(|row| row.since);
            write(into, since, Some(grain), KeptChange::IfAbsent)?;
        } else {
            // Longer periods into which others were added up, and are not any more, lack these.
            let first_kept = Some(self.at.first_kept.start());
            let is_other = |row: &&Kept| row.rolled_from == Some(grain) && Some(row.grain) != into;
            for row in rows.iter().filter(is_other) {
                write(row.grain, first_kept, Some(grain), KeptChange::Forward)?;
            }
            write(grain, first_kept, None, KeptChange::Forward)?;
        }
        self.engine.known_kept().forget();
        Ok(target)
    }

    /// Returns where counts go before the migration of the table. What is rolled up has to be
    /// recorded, which fails without it.
    fn without_table(&self, owner_type: &OwnerType, key: &CounterKey) -> Result<Target, Error> {
        let Place { rule, first_kept, .. } = &self.at;
        if rule.into.is_some() {
            let (grain, since, is_gauge) = (rule.grain, Some(first_kept.start()), false);
            let (owner_type, key) = (owner_type.clone(), key.clone());
            let kept = Kept { owner_type, key, grain, since, rolled_from: None, is_gauge };
            self.engine.ledger().write_kept(&kept, KeptChange::Forward)?;
        }
        Ok(Target::Nowhere)
    }
}

/// Returns whether a transaction failed for what may be different in the next one.
fn is_about_rows(error: &Error) -> bool {
    matches!(
        error,
        Error::Database { .. }
            | Error::Locked { .. }
            | Error::TimedOut { .. }
            | Error::KeptOut { .. }
            | Error::Core(_)
    )
}

/// No period that has a row starts later.
fn end_of_time() -> NaiveDateTime {
    let day = NaiveDate::from_ymd_opt(9999, 12, 31).unwrap_or(NaiveDate::MAX);
    day.and_time(NaiveTime::from_hms_opt(23, 59, 59).unwrap_or_default())
}
