use std::collections::BTreeMap;

use chrono::TimeDelta;
use counter_core::{Claim, CounterId, Foreign, Holding, Pattern};

use super::timestamp::Timestamp;
use crate::engine::distinct::Distinct;
use crate::engine::engine::Engine;
use crate::engine::pages::pages;
use crate::error::Error;
use crate::sync::report::capped::Capped;

/// The pending counts in the store: see
/// [`Counters::pending_overview`](crate::Counters::pending_overview).
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct PendingOverview {
    /// Which counters were looked for.
    pub pattern: Pattern,
    /// The sums over all owner types.
    pub total: PendingSums,
    /// The sums of each type of owners of which anything waits, by its name.
    pub owner_types: BTreeMap<String, PendingSums>,
    /// The oldest claim that is not acknowledged yet. A sync that died left it behind if it is
    /// older than [`Config::claim_timeout`](crate::Config::claim_timeout).
    pub oldest_claim: Option<OldestClaim>,
    /// Names and values in the store that are not a counter's. The first by name are listed.
    pub foreign: Capped<Foreign>,
}

/// The sum of what waits of several counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct PendingSums {
    /// How many counters have a claim or anything pending, without buckets of periods.
    pub counters: u64,
    /// The sum of all deltas of these that no sync has claimed. Deltas fit into 64 bits, but their
    /// sum may not.
    pub pending: i128,
    /// How many counters have a claim, and how many buckets.
    pub claims: u64,
    /// How many buckets have a claim or anything pending. What was counted in a period is among
    /// what their totals counted, so it is no part of the sum.
    pub buckets: u64,
}

/// A claim, and how old it is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct OldestClaim {
    /// The claim.
    pub claim: Claim,
    /// When the store made it, by the store's clock.
    pub made_at: Option<Timestamp>,
    /// How long ago that was by this machine's clock, negative where the store's clock is ahead.
    /// Zero if [`made_at`](Self::made_at) is not known.
    pub age: TimeDelta,
}

impl OldestClaim {
    fn new(claim: Claim) -> Self {
        let made_at = Timestamp::of(claim.seq);
        let age_at =
            |made_at: Timestamp| Timestamp::now().utc().signed_duration_since(made_at.utc());
        Self { claim, age: made_at.map_or_else(TimeDelta::zero, age_at), made_at }
    }

    /// Returns [`age`](Self::age) in seconds.
    pub fn age_seconds(&self) -> f64 {
        self.age.num_milliseconds() as f64 / 1000.0
    }
}

/// Adds up what the store holds of the counters that match, page by page. Changes nothing.
pub(crate) fn look_through(engine: &Engine, pattern: &Pattern) -> Result<PendingOverview, Error> {
    let (store, page_size) = (engine.store(), engine.config().sync_batch_size.get());
    let mut found = Found::default();
    for page in pages(store, pattern.clone(), page_size) {
        let page = page?;
        page.foreign.into_iter().for_each(|foreign| found.add_foreign(foreign));
        let is_new = |id: &CounterId| found.counters.insert(id.as_str());
        let ids = page.ids.into_iter().filter(is_new).collect::<Vec<_>>();
        for (id, held) in ids.iter().zip(engine.held(&ids)?) {
            match held {
                Ok(held) => found.add(id, held),
                Err(foreign) => found.add_foreign(foreign),
            }
        }
    }
    Ok(found.overview(pattern.clone()))
}

/// The findings so far.
#[derive(Default)]
struct Found {
    /// A scan finds some counters more than once.
    counters: Distinct,
    owner_types: BTreeMap<String, PendingSums>,
    oldest_claim: Option<Claim>,
    foreign_names: Distinct,
    /// As many as are listed, by name.
    foreign: BTreeMap<String, Foreign>,
}

impl Found {
    fn add(&mut self, id: &CounterId, held: Holding) {
        // Nothing but a 0, or another process synced it between the scan and the look.
        if held == Holding::default() {
            return;
        }
        let sums = self.owner_types.entry(id.owner_type().into_owned()).or_default();
        match id.period() {
            Some(_) => sums.buckets += 1,
            None => {
                sums.counters += 1;
                sums.pending += i128::from(held.pending);
            }
        }
        sums.claims += u64::from(held.claim.is_some());
        let oldest = self.oldest_claim.take().into_iter().chain(held.claim);
        self.oldest_claim = oldest.min_by_key(|claim| claim.seq);
    }

    fn add_foreign(&mut self, foreign: Foreign) {
        if self.foreign_names.insert(&foreign.name) {
            self.foreign.insert(foreign.name.clone(), foreign);
        }
        if self.foreign.len() > Capped::<Foreign>::LISTED {
            self.foreign.pop_last();
        }
    }

    fn overview(self, pattern: Pattern) -> PendingOverview {
        let sums = self.owner_types.values();
        PendingOverview {
            pattern,
            total: sums.fold(PendingSums::default(), |total, sums| PendingSums {
                counters: total.counters + sums.counters,
                pending: total.pending + sums.pending,
                claims: total.claims + sums.claims,
                buckets: total.buckets + sums.buckets,
            }),
            owner_types: self.owner_types,
            oldest_claim: self.oldest_claim.map(OldestClaim::new),
            foreign: Capped::of(self.foreign_names.count(), self.foreign.into_values()),
        }
    }
}
