//! One sync, from the first look to the last acknowledgement.

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;
use std::thread;
use std::time::Instant;

use counter_core::StoreStep::Scan;
use counter_core::{
    CounterId, Error as CoreError, Generation, InspectStore, NotedRow, StoreGeneration,
    StoreNotices,
};

use crate::engine::age::{Age, ensure_generation, present_generation, went_back};
use crate::engine::engine::{Engine, KnownDatabase};
use crate::engine::kinship::of_ledger;
use crate::engine::prefixes::{is_new_prefix, synced_instead};
use crate::error::Error;
use crate::ledger::state::LedgerState;
use crate::sync::batches::batch::Locks;
use crate::sync::batches::manner::Manner;
use crate::sync::identity::compare::{Comparison, compare};
use crate::sync::options::{Finds, SyncOptions};
use crate::sync::passes::claimer::{self, ClaimerEnd, FromClaimer};
use crate::sync::passes::folding::Pass;
use crate::sync::reach::Reach;
use crate::sync::report::observer::{Observer, SyncEvent};
use crate::sync::report::pass_log::PassLog;
use crate::sync::report::report::SyncReport;
use crate::sync::reported::Reported;
use crate::sync::sweep::Sweep;
use crate::sync::telemetry::telemetry;
use crate::sync::unsettled::Unsettled;

/// Moves everything that matches from the store into the table, and logs and measures it.
pub(crate) fn sync(
    engine: &Engine,
    options: &SyncOptions,
    observer: Observer<'_>,
) -> Result<SyncReport, Error> {
    telemetry::watch_pass(engine, options, || run(engine, options, observer))
}

fn run(
    engine: &Engine,
    options: &SyncOptions,
    observer: Observer<'_>,
) -> Result<SyncReport, Error> {
    let started = Instant::now();
    let batch_size = options.batch_size.unwrap_or(engine.config().sync_batch_size);
    // Outlives the pass: at the end of this function what is left in it is remembered.
    let unsettled = Unsettled::none(engine);
    let report = SyncReport { dry_run: options.dry_run, ..SyncReport::default() };
    let mut pass = Pass {
        engine,
        pattern: options.pattern.clone().unwrap_or_default(),
        manner: Manner::new(
            options.on_conflict,
            if options.skips_locked { Locks::Skip } else { Locks::Wait },
        ),
        leaves_refused: options.leaves_refused,
        batch_size,
        finds: options.finds,
        only: options.only.as_deref(),
        full_scan_every: options.full_scan_every.unwrap_or(engine.config().full_scan_every),
        reports_held: options.reports_held,
        has_begun_scan: false,
        log: PassLog::new(report, observer),
        unsettled: &unsettled,
        reported_foreign: Reported::default(),
        reported_claims: Reported::default(),
    };
    let result = if options.dry_run { pass.rehearse() } else { pass.sync() };
    if let Err(error) = &result {
        engine.note_if_other(error);
    }
    pass.give_back_scan(result.is_ok());
    pass.report_unfinished();
    let PassLog { mut report, .. } = pass.log;
    report.elapsed = started.elapsed();
    let StoreNotices { unconfirmed, sentinels_silent, .. } = notices_of(engine);
    report.unconfirmed = engine.take_unconfirmed(unconfirmed);
    report.sentinels_silent = sentinels_silent;
    match result {
        Err(error) if report.is_empty() => return Err(error),
        result => report.stopped = result.err(),
    }
    Ok(report)
}

fn notices_of(engine: &Engine) -> StoreNotices {
    engine.store().inspection().map(InspectStore::notices).unwrap_or_default()
}

impl Pass<'_, '_> {
    /// A store that is emptied or replaced in the middle is looked at and synced once more. So is
    /// one that is found to be an old copy only then, if that was decided.
    fn sync(&mut self) -> Result<(), Error> {
        match self.sync_store() {
            Err(Error::Core(CoreError::StoreChanged)) => self.sync_store(),
            Err(Error::Core(CoreError::StoreWentBack { recorded, .. }))
                if self.is_decided() && !self.has_parts() =>
            {
                self.settle_store(&[recorded])?;
                self.sync_store()
            }
            result => result,
        }
    }

    /// A decision about some parts of a store does not apply to the others.
    fn has_parts(&self) -> bool {
        self.engine.store().generation().and_then(StoreGeneration::parts).is_some()
    }

    fn sync_store(&mut self) -> Result<(), Error> {
        let generation = self.identify()?;
        self.unsettled.take_remembered();
        let left = self.unsettled.in_hand(self.leaves_refused);
        self.fold_unanswered()?;
        let found = self.fold_found();
        // A scan that cannot come to its end says nothing about what is in hand.
        if matches!(&found, Ok(()) | Err(Error::Core(CoreError::Store { step: Scan, .. }))) {
            self.fold_left(left)?;
        }
        found?;
        self.look_again()?;
        match generation {
            Some(generation) if !self.log.report.interrupted => self.record(&generation),
            _ => Ok(()),
        }
    }

    fn fold_found(&mut self) -> Result<(), Error> {
        if let Some(ids) = self.only {
            return self.fold_only(ids);
        }
        let reach = self.choose_reach()?;
        self.fold_all(reach)
    }

    /// Decides where to look for what is pending.
    fn choose_reach(&mut self) -> Result<Reach, Error> {
        let Some(index) = self.engine.store().pending_index() else {
            return Ok(Reach::Everything);
        };
        // A scan for a part of the counters would not do for all workers.
        if !self.pattern.is_all() {
            return Ok(Reach::Everything);
        }
        // What another store has held may come back in ways that no index knows of.
        let is_known = self.log.report.store_replaced.is_none();
        match self.finds {
            Finds::Everything => Ok(Reach::Everything),
            Finds::WhatIsNamed if is_known => Ok(Reach::Index),
            Finds::WhatIsDue if is_known && !index.begin_scan(self.full_scan_every)? => {
                Ok(Reach::Index)
            }
            _ => {
                self.has_begun_scan = is_known;
                Ok(Reach::Everything)
            }
        }
    }

    /// Leaves the scan that this pass began to the next one, unless it came to its end.
    fn give_back_scan(&self, is_ok: bool) {
        if self.has_begun_scan
            && (!is_ok || self.log.report.interrupted)
            && let Some(index) = self.engine.store().pending_index()
        {
            // If that fails, the scan is made when the next one is due.
            let _ = index.abandon_scan();
        }
    }

    /// Reports what a sync would do, and only looks.
    fn rehearse(&mut self) -> Result<(), Error> {
        let state = self.engine.ledger().state(self.engine.prefix())?;
        if let Some(store) = self.engine.store().generation() {
            let is_new = is_new_prefix(&state);
            if let Some(generation) = store.present_generation()? {
                self.compare(store, &generation, state)?;
                self.check_parts(store, &generation.store_id)?;
            }
            self.note_prefix(is_new)?;
        }
        self.sweep(Self::look)
    }

    /// Compares what the store and the database know of each other, before anything is claimed, and
    /// returns what the store is.
    fn identify(&mut self) -> Result<Option<Generation>, Error> {
        let state = self.engine.ledger().state(self.engine.prefix())?;
        let Some(store) = self.engine.store().generation() else {
            return Ok(None);
        };
        let generation = ensure_generation(&of_ledger(self.engine), store, &state)?;
        self.unsettled.note_store(generation.store_id.as_str().into());
        let is_new = is_new_prefix(&state);
        let (age, lost) = self.compare(store, &generation, state)?;
        match age {
            Age::Present => {}
            Age::HighWaterLost(known) => self.raise(&known)?,
            Age::WentBack(forgotten) => self.settle_store(&forgotten)?,
        }
        self.check_parts(store, &generation.store_id)?;
        for row in lost {
            // If this is refused, the store has noted the row since.
            store.note(&generation.store_id, &row, &[])?;
        }
        self.note_prefix(is_new)?;
        Ok(Some(generation))
    }

    /// Reports a store that is not the one that was synced last. Fails if it has the same data, but
    /// older, unless an operator has decided about that: what it holds may have been counted
    /// already. Returns beside the store's age the rows that it must note again.
    fn compare(
        &mut self,
        store: &dyn StoreGeneration,
        generation: &Generation,
        state: LedgerState,
    ) -> Result<(Age, Vec<NotedRow>), Error> {
        let comparison = compare(self.engine, store, generation, state)?;
        let Comparison { shared_prefix, replaced, age, mismatch, marks_lost } = comparison;
        self.log.report.shared_prefix = shared_prefix;
        self.log.report.store_replaced = replaced;
        self.log.report.high_water_lost |= matches!(age, Age::HighWaterLost(_));
        self.log.report.marks_lost |= !marks_lost.is_empty();
        if let Some(mismatch) = mismatch {
            return Err(Error::OtherDatabase(mismatch));
        }
        self.engine.note_database(KnownDatabase::right());
        match age {
            Age::WentBack(forgotten) if !self.is_decided() => {
                Err(went_back(generation.high_water, &forgotten))
            }
            age => Ok((age, marks_lost)),
        }
    }

    /// Reports the prefix that was synced instead of a new one, which may be the old one.
    fn note_prefix(&mut self, is_new: bool) -> Result<(), Error> {
        if is_new {
            let known = self.engine.ledger().prefixes()?;
            self.log.report.prefix_changed = synced_instead(&known, self.engine.prefix());
        }
        Ok(())
    }

    /// Remembers what is known of the store after a pass that came to its end. One that was emptied
    /// meanwhile is another one: the next pass has to find the record of this one.
    fn record(&self, identified: &Generation) -> Result<(), Error> {
        match present_generation(self.engine.store())? {
            Some(present) if present.store_id == identified.store_id => {
                let known =
                    Generation::new(present.store_id, present.database, present.newest_seen);
                self.engine.ledger().record(self.engine.prefix(), &known)
            }
            _ => Ok(()),
        }
    }

    /// Applies everything that matches, batch by batch, while another thread claims the next ones.
    fn fold_all(&mut self, reach: Reach) -> Result<(), Error> {
        if self.log.should_stop() {
            return Ok(());
        }
        let (engine, unsettled, should_stop) =
            (self.engine, self.unsettled, AtomicBool::new(false));
        let mut sweep = Sweep::new(engine.store(), self.pattern.clone(), self.batch_size);
        if let Some(index) = engine.store().pending_index() {
            sweep = sweep.with_index(index, unsettled.named(), reach);
        }
        thread::scope(|scope| {
            let (received, claimer) = claimer::start(scope, sweep, unsettled, &should_stop)?;
            let folded = self.fold_claimed(received, &should_stop);
            should_stop.store(true, Ordering::Relaxed);
            let ClaimerEnd { saw_all, reach, times } =
                claimer.join().unwrap_or_else(|panic| resume_unwind(panic));
            self.log.report.reach = reach;
            self.log.report.times.scan += times.scan;
            self.log.report.times.claim += times.claim;
            folded?;
            self.log.report.interrupted |= !saw_all?;
            Ok(())
        })
    }

    /// A sync that is stopped applies what it has claimed already, because no other sync could take
    /// that over at once.
    fn fold_claimed(
        &mut self,
        received: Receiver<FromClaimer>,
        should_stop: &AtomicBool,
    ) -> Result<(), Error> {
        for message in received {
            match message {
                FromClaimer::Scanned(foreign) => self.note_page(foreign),
                FromClaimer::Claimed(claimed) => self.fold(claimed)?,
            }
            self.log.pass_on_stop(should_stop);
        }
        Ok(())
    }

    /// Looks at one batch as [`fold`](Self::fold) would claim it.
    fn look(&mut self, ids: Vec<CounterId>) -> Result<(), Error> {
        let looked = self.engine.held(&ids)?;
        self.log.report.scanned += ids.len() as u64;
        for (counter, held) in ids.iter().zip(looked) {
            match held {
                Ok(held) if held.claim.is_none() && held.pending == 0 => self.log.report.zeros += 1,
                Ok(held) => {
                    if held.claim.is_some() && !self.reported_claims.insert(counter) {
                        continue;
                    }
                    self.log.report.applied += 1;
                    self.log.observer.notify(SyncEvent::WouldApply { counter, held: &held });
                }
                Err(foreign) => self.report_foreign(foreign),
            }
        }
        Ok(())
    }
}
