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
/// It ends early, after what it is at, once it is asked to stop.
pub(crate) fn prune(
    engine: &Engine,
    calendar: &Calendar,
    options: &PruneOptions,
    should_stop: &dyn Fn() -> bool,
) -> Result<Pruned, Error> {
    let rules = options.rules(&engine.config().retention, calendar.oldest_event())?;
    if rules.is_empty() {
        return Ok(Pruned::default());
    }
    ask(engine, options.is_dry_run())?;
    let mut pruned = Pruned::default();
    for rule in rules {
        let Some(first_kept) = rule.first_kept(calendar.now().naive_utc()) else { continue };
        let is_dry_run = options.is_dry_run();
        let (targets, failures_in_a_row) = (HashMap::new(), 0);
        let pruned = &mut pruned;
        let mut pruning = Pruning {
            engine,
            calendar,
            rule,
            first_kept,
            is_dry_run,
            should_stop,
            targets,
            pruned,
            failures_in_a_row,
        };
        if pruning.run()?.is_break() {
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
}

/// The removal of the buckets of one grain.
struct Pruning<'a> {
    engine: &'a Engine,
    calendar: &'a Calendar,
    rule: Rule,
    first_kept: Period,
    is_dry_run: bool,
    should_stop: &'a dyn Fn() -> bool,
    /// Where the counts of each key go. It is recorded that older ones are not kept.
    targets: HashMap<(OwnerType, CounterKey), Target>,
    pruned: &'a mut Pruned,
    failures_in_a_row: usize,
}

impl Pruning<'_> {
    fn run(&mut self) -> Result<ControlFlow<()>, Error> {
        let ledger = self.engine.ledger();
        let mut owner_type = ledger.bucket_type_after(None)?;
        while let Some(of) = owner_type {
            let mut place = None;
            loop {
                let page = ledger.buckets_after(&of, place.as_ref(), BATCH)?;
                if self.prune(page.rows)?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
                let Some(next) = page.next else { break };
                place = Some(self.jump(next));
            }
            owner_type = ledger.bucket_type_after(Some(&of))?;
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Returns the place before the next row that may be old: the rows of a grain come in the order
    /// of their starts.
    fn jump(&self, next: RowPlace) -> RowPlace {
        let period = next.period.map(|(grain, starts_at)| {
            let may_be_old =
                grain == self.rule.grain.as_str() && starts_at < self.first_kept.start();
            (grain, if may_be_old { starts_at } else { end_of_time() })
        });
        RowPlace { period, ..next }
    }

    /// Prunes a page of rows, and says whether to go on.
    fn prune(&mut self, rows: Vec<CounterRow>) -> Result<ControlFlow<()>, Error> {
        let is_old = |row: &CounterRow| {
            let period = row.counter.period();
            period.is_some_and(|it| it.grain() == self.rule.grain && it < self.first_kept)
        };
        let old = rows.into_iter().filter(is_old).collect::<Vec<_>>();
        self.pruned.rows += old.len() as u64;
        let (zeros, counted) = old.into_iter().partition::<Vec<_>, _>(|row| row.row.count == 0);
        for of_counter in counted.chunk_by(|a, b| a.counter.total() == b.counter.total()) {
            let into = match self.target(of_counter)? {
                Target::Nowhere => None,
                Target::Into(into) => Some(into),
                Target::Later => {
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
        Ok(if self.has_to_end() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }

    fn has_to_end(&self) -> bool {
        self.failures_in_a_row >= FAILURES_IN_A_ROW || (self.should_stop)()
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
        if let Some(target) = self.targets.get(&of) {
            return Ok(*target);
        }
        let target = self.record(&of.0, &of.1)?;
        self.targets.insert(of, target);
        Ok(target)
    }

    fn record(&self, owner_type: &OwnerType, key: &CounterKey) -> Result<Target, Error> {
        let (ledger, grain) = (self.engine.ledger(), self.rule.grain);
        let Some(rows) = ledger.kept(Some((owner_type, key)))? else {
            return self.without_table(owner_type, key);
        };
        let row_of = |grain: Grain| rows.iter().find(|row| row.grain == grain);
        // A key that is counted by the longer grain itself has its counts there already.
        let is_rolled =
            |into: &Grain| row_of(*into).is_none_or(|row| row.rolled_from == Some(grain));
        // Readings do not add up.
        let is_gauge = self.calendar.declared(owner_type).is_some_and(|model| model.is_gauge(key));
        let into = self.rule.into.filter(is_rolled).filter(|_| !is_gauge);
        let target = match into {
            None => Target::Nowhere,
            Some(into) if row_of(into).is_some() => Target::Into(into),
            Some(_) => Target::Later,
        };
        if self.is_dry_run {
            return Ok(target);
        }
        let write = |grain: Grain, since: Option<NaiveDateTime>, rolled_from, change| {
            let (owner_type, key) = (owner_type.clone(), key.clone());
            ledger.write_kept(&Kept { owner_type, key, grain, since, rolled_from }, change)
        };
        if let (Target::Later, Some(into)) = (target, into) {
            let since = row_of(grain).and_then(|row| row.since);
            write(into, since, Some(grain), KeptChange::IfAbsent)?;
        } else {
            // Longer periods into which others were added up, and are not any more, lack these.
            let first_kept = Some(self.first_kept.start());
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
        if self.rule.into.is_some() {
            let (grain, since) = (self.rule.grain, Some(self.first_kept.start()));
            let (owner_type, key) = (owner_type.clone(), key.clone());
            let kept = Kept { owner_type, key, grain, since, rolled_from: None };
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
