//! One sync, from the first look to the last acknowledgement.

use std::collections::HashSet;
use std::num::NonZeroUsize;
use std::time::Instant;

use counter_core::{Claim, ClaimSeq, Claimed, CounterId, Cursor, Foreign, Pattern};

use crate::apply::{Origin, apply};
use crate::counters::Shared;
use crate::error::Error;
use crate::report::{Findings, SyncReport};
use crate::sync_options::SyncOptions;

/// Moves everything that matches from the store into the table.
pub(crate) fn run(shared: &Shared, options: &SyncOptions) -> Result<SyncReport, Error> {
    let started = Instant::now();
    let mut pass = Pass {
        shared,
        pattern: options.parse_pattern()?,
        batch_size: options.batch_size.unwrap_or(shared.config.sync_batch_size),
        report: SyncReport { dry_run: options.dry_run, ..SyncReport::default() },
        left_behind: HashSet::new(),
    };
    let result = if options.dry_run { pass.rehearse() } else { pass.sync() };
    let mut report = pass.report;
    report.elapsed = started.elapsed();
    match result {
        Err(error) if report.is_untouched() => return Err(error),
        result => report.stopped = result.err(),
    }
    if report.is_clean() {
        tracing::debug!(%report, "synced");
    } else {
        tracing::warn!(%report, "synced, but somebody should look");
    }
    Ok(report)
}

struct Pass<'a> {
    shared: &'a Shared,
    pattern: Pattern,
    batch_size: NonZeroUsize,
    report: SyncReport,
    /// Counters whose claim could not be applied in this pass, which a scan may find again.
    left_behind: HashSet<CounterId>,
}

impl Pass<'_> {
    fn sync(&mut self) -> Result<(), Error> {
        self.identify()?;
        self.finish_remembered()?;
        self.sweep(Self::fold)?;
        self.record()
    }

    /// Applies what earlier passes of this process could not settle.
    fn finish_remembered(&mut self) -> Result<(), Error> {
        let (untried, recovered) = self
            .shared
            .take_remembered()
            .into_iter()
            .partition::<Vec<_>, _>(|(_, origin)| *origin == Origin::Untried);
        let batch_size = self.batch_size.get();
        let mut batches = recovered.chunks(batch_size).chain(untried.chunks(batch_size));
        while let Some(batch) = batches.next() {
            let origin = batch.first().map_or(Origin::Recovered, |(_, origin)| *origin);
            let claims_of =
                |batch: &[(Claim, _)]| batch.iter().map(|(claim, _)| claim.clone()).collect();
            if let Err(error) = self.apply(claims_of(batch), origin) {
                for (claim, origin) in batches.flatten() {
                    self.shared.remember(vec![claim.clone()], *origin);
                }
                return Err(error);
            }
        }
        Ok(())
    }

    /// What a sync would do, from looks only.
    fn rehearse(&mut self) -> Result<(), Error> {
        self.shared.ledger.state(&self.shared.config.prefix)?;
        self.sweep(Self::look)
    }

    /// Compares what the store and the database know of each other, before anything is claimed.
    fn identify(&mut self) -> Result<(), Error> {
        let state = self.shared.ledger.state(&self.shared.config.prefix)?;
        let recorded_seq = state.recorded.as_ref().map_or(ClaimSeq::ZERO, |recorded| recorded.seq);
        let Some(generation) = self.shared.store.generation(&state.database, recorded_seq)? else {
            return Ok(());
        };
        self.report.shared_prefix = generation.database != state.database;
        match state.recorded {
            Some(recorded) if recorded.store_id != generation.store_id => {
                self.report.store_replaced = Some(recorded);
                Ok(())
            }
            // The same data, but older: what it holds may have been counted already.
            Some(recorded) if generation.high_water < recorded.seq => {
                let (found, recorded) = (generation.high_water, recorded.seq);
                Err(counter_core::Error::StoreWentBack { found, recorded }.into())
            }
            _ => Ok(()),
        }
    }

    /// Remembers the store as it is after a pass that came to its end.
    fn record(&self) -> Result<(), Error> {
        let database = self.shared.ledger.state(&self.shared.config.prefix)?.database;
        match self.shared.store.generation(&database, ClaimSeq::ZERO)? {
            Some(generation) => self.shared.ledger.record(&self.shared.config.prefix, &generation),
            None => Ok(()),
        }
    }

    /// Finds everything that matches, each counter once in a batch, and hands it on batch by batch.
    fn sweep(
        &mut self,
        visit: fn(&mut Self, Vec<CounterId>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut batch = HashSet::new();
        let mut next = Some(Cursor::default());
        while let Some(from) = next {
            let page = self.shared.store.scan(&self.pattern, from, self.batch_size)?;
            page.foreign.into_iter().for_each(|foreign| self.report_foreign(foreign));
            for id in page.ids {
                batch.insert(id);
                if batch.len() == self.batch_size.get() {
                    visit(self, batch.drain().collect())?;
                }
            }
            next = page.next;
        }
        visit(self, batch.into_iter().collect())
    }

    /// Claims and applies one batch.
    fn fold(&mut self, mut ids: Vec<CounterId>) -> Result<(), Error> {
        ids.retain(|id| !self.left_behind.contains(id));
        self.report.scanned += ids.len() as u64;
        let (mut fresh, recovered) = self.claim(&ids)?;
        if !recovered.is_empty() {
            let mut ids = recovered.iter().map(|claim| claim.id.clone()).collect::<Vec<_>>();
            // By themselves: what made their pass die may be among them.
            self.apply(recovered, Origin::Recovered)?;
            ids.retain(|id| !self.left_behind.contains(id));
            // What was counted since they were claimed; so one pass leaves nothing behind.
            let (later, _) = self.claim(&ids)?;
            fresh.extend(later);
        }
        self.apply(fresh, Origin::Fresh)
    }

    /// The claims of these counters: those made now, and those that were left behind.
    fn claim(&mut self, ids: &[CounterId]) -> Result<(Vec<Claim>, Vec<Claim>), Error> {
        let (mut fresh, mut recovered) = (Vec::new(), Vec::new());
        if ids.is_empty() {
            return Ok((fresh, recovered));
        }
        for claimed in self.shared.store.claim(ids, self.shared.config.claim_timeout)? {
            match claimed {
                Claimed::Nothing => {}
                Claimed::Zero => self.report.zeros += 1,
                Claimed::Busy => self.report.busy += 1,
                Claimed::Fresh(claim) => fresh.push(claim),
                Claimed::Recovered(claim) => recovered.push(claim),
                Claimed::Foreign(foreign) => self.report_foreign(foreign),
            }
        }
        Ok((fresh, recovered))
    }

    fn apply(&mut self, claims: Vec<Claim>, origin: Origin) -> Result<(), Error> {
        let result = apply(self.shared, claims, origin, &mut self.report);
        let failed = self.report.failed.iter().map(|failed| &failed.claim);
        let in_conflict = self.report.conflicts.iter().map(|conflict| &conflict.claim);
        self.left_behind.extend(failed.chain(in_conflict).map(|claim| claim.id.clone()));
        result
    }

    /// Looks at one batch as [`fold`](Self::fold) would claim it.
    fn look(&mut self, ids: Vec<CounterId>) -> Result<(), Error> {
        self.report.scanned += ids.len() as u64;
        for held in self.shared.store.look(&ids)?.held {
            match held {
                Ok(held) if held.claim.is_none() && held.pending == 0 => self.report.zeros += 1,
                Ok(_) => self.report.applied += 1,
                Err(foreign) => self.report_foreign(foreign),
            }
        }
        Ok(())
    }

    /// A scan may find the same thing twice.
    fn report_foreign(&mut self, foreign: Foreign) {
        let invalid: &mut Findings<Foreign> = &mut self.report.invalid;
        if !invalid.iter().any(|known| *known == foreign) {
            invalid.push(foreign);
        }
    }
}
