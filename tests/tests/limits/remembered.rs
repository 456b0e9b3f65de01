use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use counter_core::{
    Claim, Claimed, Config, CounterId, Cursor, DeltaStore, Error, MemoryStore, Pattern,
    Replacement, ScanPage, Snapshot, StoreGeneration, Verdict,
};
use counter_diesel::{Counters, SyncOptions};
use counter_tests::database;
use counter_tests::faults::{Fault, Faults, FaultyLedger};
use counter_tests::fixtures::views_of;

#[test]
fn of_very_many_claims_that_are_refused_a_process_remembers_a_hundred_thousand() {
    const REFUSED: i64 = 102_000;
    let store = Shared(MemoryStore::default());
    (0..REFUSED).for_each(|n| store.increment(&views_of(n), 1).unwrap());
    let database = database::sqlite();
    let inner = database.ledger("model_counters");
    inner.run_pending_migrations().unwrap();
    let faults = Faults::deciding(|step| (step == "upsert").then_some(Fault::Refused));
    let ledger = FaultyLedger { inner, faults };
    let mut config = Config::default();
    config.claim_timeout = Duration::from_secs(3600);
    let counters = Counters::from_parts(config, Arc::new(store), Arc::new(ledger));
    let options = SyncOptions::default().batch_size(NonZeroUsize::new(10_000).unwrap());
    let report = counters.sync(&options).unwrap();
    let left = report.failed.count() + report.postponed.count();
    assert_eq!((report.applied, left), (0, REFUSED as u64), "{report}");

    // The others look like another sync's.
    let report = counters.sync(&options.retry_refused(false)).unwrap();
    let left = report.failed.count() + report.postponed.count();
    assert_eq!((left, report.busy), (100_000, 2_000), "{report}");
}

/// A fast store of which other processes may know, too.
struct Shared(MemoryStore);

impl DeltaStore for Shared {
    fn increment(&self, id: &CounterId, by: i64) -> Result<(), Error> {
        self.0.increment(id, by)
    }

    fn increment_many(&self, increments: &[(CounterId, i64)]) -> Vec<Result<(), Error>> {
        self.0.increment_many(increments)
    }

    fn look(&self, ids: &[CounterId]) -> Result<Snapshot, Error> {
        self.0.look(ids)
    }

    fn scan(&self, all: &Pattern, from: Cursor, count: NonZeroUsize) -> Result<ScanPage, Error> {
        self.0.scan(all, from, count)
    }

    fn claim(&self, ids: &[CounterId], claim_timeout: Duration) -> Result<Vec<Claimed>, Error> {
        self.0.claim(ids, claim_timeout)
    }

    fn replace(&self, id: &CounterId, replacement: Replacement) -> Result<Claim, Error> {
        self.0.replace(id, replacement)
    }

    fn verify(&self, claims: &[Claim], within: Duration) -> Result<Vec<Verdict>, Error> {
        self.0.verify(claims, within)
    }

    fn ack(&self, claims: &[Claim]) -> Result<(), Error> {
        self.0.ack(claims)
    }

    fn generation(&self) -> Option<&dyn StoreGeneration> {
        None
    }
}
