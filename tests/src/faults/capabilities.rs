//! Capabilities that only some stores have, with faults.

use std::num::NonZeroUsize;
use std::time::Duration;

use counter_core::{
    Claim, CounterId, Cursor, Error, Fact, Foreign, IndexEntry, IndexPage, InspectStore,
    PendingIndex, Prefix, Reading, RecordGauges, ScanPage, SeenReplacement, StoreFacts, StoreStep,
};

use super::store::{FaultyStore, present, unanswered};

impl RecordGauges for FaultyStore {
    fn record(&self, reading: &Reading) -> Result<Option<Vec<Claim>>, Error> {
        let record = || present(self.inner.gauges()).record(reading);
        self.step("record", StoreStep::Claim, record)
    }

    fn newest_readings(&self, totals: &[CounterId]) -> Result<Vec<Option<i64>>, Error> {
        let newest = || present(self.inner.gauges()).newest_readings(totals);
        self.step("newest_readings", StoreStep::Look, newest)
    }

    fn replace_unchanged(
        &self,
        replacements: &[SeenReplacement],
    ) -> Vec<Result<Option<Claim>, Error>> {
        let replace = || Ok(present(self.inner.gauges()).replace_unchanged(replacements));
        let replaced = self.step("replace_unchanged", StoreStep::Claim, replace);
        replaced.unwrap_or_else(|error| {
            let counters = replacements.iter().map(|one| &one.counter);
            counters.map(|counter| Err(unanswered(counter, &error))).collect()
        })
    }
}

impl PendingIndex for FaultyStore {
    fn page(&self, from: &[Cursor], count: NonZeroUsize) -> Result<IndexPage, Error> {
        let inner = present(self.inner.pending_index());
        self.step("index", StoreStep::Index, || inner.page(from, count))
    }

    fn remove(&self, entries: &[IndexEntry]) -> Result<(), Error> {
        let inner = present(self.inner.pending_index());
        self.step("remove", StoreStep::Index, || inner.remove(entries))
    }

    fn begin_scan(&self, every: Duration) -> Result<bool, Error> {
        let inner = present(self.inner.pending_index());
        self.step("begin_scan", StoreStep::Index, || inner.begin_scan(every))
    }

    fn abandon_scan(&self) -> Result<(), Error> {
        let inner = present(self.inner.pending_index());
        self.step("abandon_scan", StoreStep::Index, || inner.abandon_scan())
    }
}

impl InspectStore for FaultyStore {
    fn inspect(&self) -> Result<StoreFacts, Error> {
        let inner = present(self.inner.inspection());
        let mut facts = self.step("inspect", StoreStep::Inspect, || inner.inspect())?;
        if self.generation.is_some() {
            facts.generation = Fact::Known(self.generation.clone());
        }
        Ok(facts)
    }

    fn misplaced(&self, ids: &[CounterId]) -> Result<Vec<Foreign>, Error> {
        let inner = present(self.inner.inspection());
        self.step("misplaced", StoreStep::Look, || inner.misplaced(ids))
    }

    fn expiring(&self, ids: &[CounterId]) -> Result<Vec<(CounterId, Duration)>, Error> {
        let inner = present(self.inner.inspection());
        self.step("expiring", StoreStep::Look, || inner.expiring(ids))
    }

    fn held_under(
        &self,
        prefix: &Prefix,
        from: Cursor,
        count: NonZeroUsize,
    ) -> Result<ScanPage, Error> {
        let inner = present(self.inner.inspection());
        self.step("held_under", StoreStep::Scan, || inner.held_under(prefix, from, count))
    }
}
