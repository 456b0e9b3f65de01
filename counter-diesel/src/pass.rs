//! One sync, from the first look to the last acknowledgement.

use std::collections::HashSet;
use std::num::NonZeroUsize;
use std::time::Instant;

use counter_core::{Claim, ClaimSeq, Claimed, CounterId, Cursor, Foreign, Pattern};

use crate::apply::{Origin, apply};
use crate::counters::Shared;
use crate::error::Error;
use crate::ledger::LedgerState;
use crate::report::SyncReport;
use crate::sync_options::SyncOptions;
use crate::unsettled::{Fate, Unsettled};

/// Moves everything that matches from the store into the table.
pub(crate) fn run(shared: &Shared, options: &SyncOptions) -> Result<SyncReport, Error> {
    let started = Instant::now();
    let batch_size = options.batch_size.unwrap_or(shared.config.sync_batch_size);
    let mut pass = Pass {
        shared,
        pattern: options.parse_pattern()?,
        batch_size: batch_size.min(LARGEST_BATCH),
        report: SyncReport { dry_run: options.dry_run, ..SyncReport::default() },
        unsettled: Unsettled::none(shared),
        known_foreign: HashSet::new(),
    };
    let result = if options.dry_run { pass.rehearse() } else { pass.sync() };
    // The rest of the pass lives until the end of this function, where what is unsettled is remembered.
    let Pass { mut report, .. } = pass;
    report.elapsed = started.elapsed();
    match result {
        Err(error) if report.is_empty() => return Err(error),
        result => report.stopped = result.err(),
    }
    if report.is_clean() {
        tracing::debug!(%report, "synced");
    } else {
        tracing::warn!(%report, "synced, but somebody should look");
    }
    Ok(report)
}

/// Rows are locked while the store verifies a batch, for which it has a fixed time. A batch that takes
/// longer than that would never be applied, however often it is tried.
const LARGEST_BATCH: NonZeroUsize = NonZeroUsize::MIN.saturating_add(9_999);

/// A store full of other people's names must not fill the memory; beyond this some may count twice.
const MOST_KNOWN_FOREIGN: usize = 10_000;

struct Pass<'a> {
    shared: &'a Shared,
    pattern: Pattern,
    batch_size: NonZeroUsize,
    report: SyncReport,
    /// What this pass has claimed, and what earlier ones have left.
    unsettled: Unsettled<'a>,
    /// Foreign names that are reported already.
    known_foreign: HashSet<String>,
}

impl Pass<'_> {
    fn sync(&mut self) -> Result<(), Error> {
        let database = self.identify()?;
        let remembered = self.unsettled.take_remembered();
        for claims in remembered.chunks(self.batch_size.get()) {
            self.apply(claims.to_vec(), Origin::Recovered)?;
        }
        self.sweep(Self::fold)?;
        self.record(&database)
    }

    /// What a sync would do, from looks only.
    fn rehearse(&mut self) -> Result<(), Error> {
        self.shared.ledger.state(&self.shared.config.prefix)?;
        self.sweep(Self::look)
    }

    /// Compares what the store and the database know of each other, before anything is claimed, and
    /// returns the database's id.
    fn identify(&mut self) -> Result<String, Error> {
        let LedgerState { database, recorded } =
            self.shared.ledger.state(&self.shared.config.prefix)?;
        let recorded_seq = recorded.as_ref().map_or(ClaimSeq::ZERO, |recorded| recorded.seq);
        let Some(generation) = self.shared.store.generation(&database, recorded_seq)? else {
            return Ok(database);
        };
        self.report.shared_prefix = generation.database != database;
        if let Some(recorded) = recorded {
            if recorded.store_id != generation.store_id {
                self.report.store_replaced = Some(recorded);
            } else if generation.high_water < recorded.seq {
                // The same data, but older: what it holds may have been counted already.
                let (found, recorded) = (generation.high_water, recorded.seq);
                return Err(counter_core::Error::StoreWentBack { found, recorded }.into());
            }
        }
        Ok(database)
    }

    /// Remembers the store as it is after a pass that came to its end.
    fn record(&self, database: &str) -> Result<(), Error> {
        match self.shared.store.generation(database, ClaimSeq::ZERO)? {
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
    fn fold(&mut self, ids: Vec<CounterId>) -> Result<(), Error> {
        let (mut fresh, recovered) = self.claim(&ids)?;
        self.report.scanned += ids.len() as u64;
        if !recovered.is_empty() {
            let ids = recovered.iter().map(|claim| claim.id.clone()).collect::<Vec<_>>();
            // By themselves: what made their pass die may be among them.
            self.apply(recovered, Origin::Recovered)?;
            // What was counted since they were claimed; so one pass leaves nothing behind.
            let (later, _) = self.claim(&ids)?;
            fresh.extend(later);
        }
        self.apply(fresh, Origin::Fresh)
    }

    /// The claims of these counters: those made now, and those that were left behind. What this pass could
    /// not settle it leaves alone, should a scan find it again.
    fn claim(&mut self, ids: &[CounterId]) -> Result<(Vec<Claim>, Vec<Claim>), Error> {
        let (mut fresh, mut recovered) = (Vec::new(), Vec::new());
        let is_free = |id: &&CounterId| !self.unsettled.contains(id);
        let ids = ids.iter().filter(is_free).cloned().collect::<Vec<_>>();
        if ids.is_empty() {
            return Ok((fresh, recovered));
        }
        for claimed in self.shared.store.claim(&ids, self.shared.config.claim_timeout)? {
            match claimed {
                Claimed::Nothing => {}
                Claimed::Zero => self.report.zeros += 1,
                Claimed::Busy => self.report.busy += 1,
                Claimed::Fresh(claim) => {
                    self.unsettled.take(&claim, Fate::Unapplied);
                    fresh.push(claim);
                }
                Claimed::Recovered(claim) => {
                    self.unsettled.take(&claim, Fate::Unknown);
                    recovered.push(claim);
                }
                Claimed::Foreign(foreign) => self.report_foreign(foreign),
            }
        }
        Ok((fresh, recovered))
    }

    fn apply(&mut self, claims: Vec<Claim>, origin: Origin) -> Result<(), Error> {
        apply(&mut self.unsettled, claims, origin, &mut self.report)
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
        let is_full = self.known_foreign.len() == MOST_KNOWN_FOREIGN;
        if is_full || self.known_foreign.insert(foreign.name.clone()) {
            self.report.invalid.push(foreign);
        }
    }
}
