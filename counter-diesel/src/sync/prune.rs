//! Removes buckets of periods that ended long ago, in two phases: the counts are taken out first,
//! and the rows go an hour later. See [`clearing`](super::clearing) and
//! [`zeros`](super::owners::zeros).

use std::collections::HashMap;
use std::mem;
use std::ops::ControlFlow;

use chrono::{NaiveDateTime, TimeDelta};
use counter_core::{CounterId, CounterKey, Grain, OwnerType, Period};

use crate::causes::one_line;
use crate::engine::calendar::Calendar;
use crate::engine::engine::Engine;
use crate::error::Error;
use crate::ledger::ledger::{CounterRow, RowPlace};
use crate::ledger::retry;
use crate::sync::clearing;
use crate::sync::identity::adoption;
use crate::sync::owners::delete_all::FAILURES_IN_A_ROW;
use crate::sync::owners::find::BATCH;
use crate::sync::owners::zeros;
use crate::sync::prune_options::{FailedPrune, PruneOptions, Pruned, Rule};
use crate::sync::rolling::{Rolling, Target, Targets, end_of_time};
use crate::sync::set;

/// By how much the clocks of a process and of the database may differ.
const AN_HOUR: TimeDelta = TimeDelta::hours(1);

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
    let now = database_time(engine, calendar)?;
    let mut pruned = Pruned::default();
    for rule in rules {
        if left_at.as_ref().is_some_and(|place| place.rule.grain != rule.grain) {
            // It came before that one.
            continue;
        }
        let begin = || Place::first(rule, calendar.now().naive_utc());
        let Some(mut at) = left_at.take().or_else(begin) else { continue };
        // Others may have changed what is noted.
        at.targets.clear();
        let (is_dry_run, failures_in_a_row) = (options.is_dry_run(), 0);
        let pruned = &mut pruned;
        let mut pruning = Pruning {
            engine,
            calendar,
            at,
            now,
            is_dry_run,
            should_stop,
            pruned,
            failures_in_a_row,
        };
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

/// Returns the database's time, if the process's clock says about the same. Otherwise buckets that
/// are not old would be removed, and reads of them refused everywhere.
fn database_time(engine: &Engine, calendar: &Calendar) -> Result<NaiveDateTime, Error> {
    let process = calendar.now();
    let Some(database) = engine.ledger().now()? else { return Ok(process.naive_utc()) };
    let differ = (process.naive_utc() - database).abs() > AN_HOUR;
    if differ && calendar.is_of_system() {
        let database = database.and_utc();
        return Err(Error::ClocksDiffer { process, database });
    }
    Ok(database)
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
    targets: HashMap<(OwnerType, CounterKey), Targets>,
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
    /// The database's time.
    now: NaiveDateTime,
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
            let targets = self.targets(of_counter)?;
            let target = |row: &CounterRow| match row.counter.period() {
                Some(period) => targets.of(period.start()),
                None => Target::Stays,
            };
            for rows in of_counter.chunk_by(|a, b| target(a) == target(b)) {
                let into = match rows.first().map(target) {
                    Some(Target::Nowhere) => None,
                    Some(Target::Into(into)) => Some(into),
                    stays => {
                        if let (Some(Target::Counted(into)), [row, ..]) = (stays, rows) {
                            self.name_counted(&row.counter, into)?;
                        }
                        self.pruned.held += rows.len() as u64;
                        continue;
                    }
                };
                for rows in rows.chunks(AT_ONCE) {
                    self.clear(rows, into)?;
                    if self.has_to_end() {
                        return Ok(ControlFlow::Break(()));
                    }
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
                // What others work on just now is no failure.
                rows if matches!(error, Error::Locked { .. }) => {
                    self.pruned.held += rows.len() as u64;
                }
                [row] => self.fail(&row.counter, &error),
                // The store does not answer for one of them either.
                [row, others @ ..] if matches!(error, Error::Core(_)) => {
                    self.fail(&row.counter, &error);
                    self.pruned.held += others.len() as u64;
                }
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

    /// Returns where the counts of the buckets of this counter go, and records what is kept of them
    /// from now on.
    fn targets(&mut self, rows: &[CounterRow]) -> Result<Targets, Error> {
        let Some(CounterRow { counter, .. }) = rows.first() else {
            return Ok(Targets::all(Target::Stays));
        };
        let of = key_of(counter)?;
        let rolling = self.rolling(&of);
        let mut targets = match self.at.targets.get(&of).cloned() {
            Some(known) => known,
            None => rolling.record(counter, self.is_dry_run)?,
        };
        for (grain, until) in targets.unsure().collect::<Vec<_>>() {
            if rolling.is_counted_by(counter, grain, Some(until))? {
                targets = Targets::all(Target::Counted(grain));
            }
        }
        self.at.targets.insert(of, targets.clone());
        Ok(targets)
    }

    /// Names a key of which buckets stay because it is counted by the longer grain itself, once.
    fn name_counted(&mut self, counter: &CounterId, into: Grain) -> Result<(), Error> {
        let of = key_of(counter)?;
        let targets = self.at.targets.get_mut(&of);
        if targets.is_none_or(|targets| mem::replace(&mut targets.is_named, true)) {
            return Ok(());
        }
        let (from, (owner_type, key)) = (self.at.rule.grain, of);
        let why = format!(
            "{owner_type}.{key} is counted by the grain {into} itself, so buckets of the grain \
             {from} are not added up into it, and it is not known whether they are in it"
        );
        self.pruned.failed.push(FailedPrune { counter: counter.clone(), why });
        Ok(())
    }

    fn rolling<'a>(&'a self, (owner_type, key): &'a (OwnerType, CounterKey)) -> Rolling<'a> {
        let Place { rule, first_kept, .. } = self.at;
        let Self { engine, calendar, now, .. } = *self;
        Rolling { engine, calendar, rule, first_kept, now, owner_type, key }
    }
}

fn key_of(counter: &CounterId) -> Result<(OwnerType, CounterKey), Error> {
    let owner_type = OwnerType::new(counter.owner_type().into_owned())?;
    Ok((owner_type, CounterKey::new(counter.key().into_owned())?))
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
