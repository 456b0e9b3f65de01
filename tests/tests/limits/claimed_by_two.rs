use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use counter_core::{
    Claim, Claimed, CounterId, Cursor, DeltaStore, Error, MemoryStore, Pattern, Replacement,
    ScanPage, Snapshot, StoreGeneration, Verdict,
};
use counter_diesel::{Counters, SyncOptions};
use counter_tests::database;
use counter_tests::fixtures::{post, views_of};
use counter_tests::process::wait_for;
use counter_tests::world::impatient;

/// A sync claims in two threads. With no `claim_timeout`, one would take over what the other has
/// just claimed, and call it left behind.
#[test]
fn two_threads_of_one_sync_do_not_claim_a_counter_from_each_other() {
    let store = Arc::new(NamesAgain::default());
    store.increment(&views_of(1), 5).unwrap();
    store.inner.claim(&[views_of(1)], Duration::ZERO).unwrap();
    store.increment(&views_of(1), 2).unwrap();
    let database = database::sqlite();
    let ledger = database.ledger("model_counters");
    ledger.run_pending_migrations().unwrap();
    let counters = Counters::from_parts(impatient(), Arc::clone(&store) as _, ledger);
    let one_by_one = SyncOptions::default().batch_size(NonZeroUsize::MIN);
    let report = counters.sync(&one_by_one).unwrap();
    assert!(report.is_clean(), "{report}");
    assert_eq!((report.applied, report.recovered, report.superseded), (2, 1, 0), "{report}");
    assert_eq!(store.claims.load(SeqCst), 2);
    assert_eq!(counters.baseline(post(1), "views").unwrap(), 7);
}

/// A store that other processes may know, whose scan names its one counter twice: the second time
/// while what was counted since the first is being claimed.
#[derive(Default)]
struct NamesAgain {
    inner: MemoryStore,
    /// How often a sync has claimed.
    claims: AtomicUsize,
    /// Whether what was counted since is claimed, and the sync has no answer yet.
    is_claimed_again: AtomicBool,
    /// Whether the thread that scans is done with the second name.
    has_gone_on: AtomicBool,
}

impl DeltaStore for NamesAgain {
    fn increment(&self, id: &CounterId, by: i64) -> Result<(), Error> {
        self.inner.increment(id, by)
    }

    fn increment_many(&self, increments: &[(CounterId, i64)]) -> Vec<Result<(), Error>> {
        self.inner.increment_many(increments)
    }

    fn look(&self, ids: &[CounterId]) -> Result<Snapshot, Error> {
        self.inner.look(ids)
    }

    fn scan(&self, _: &Pattern, from: Cursor, _: NonZeroUsize) -> Result<ScanPage, Error> {
        let mut page = ScanPage::default();
        if from.position == 1 {
            wait_for("what was counted since to be claimed", || {
                self.is_claimed_again.load(SeqCst).then_some(())
            });
        }
        if from.position < 2 {
            page.ids.push(views_of(1));
            page.next = Some(Cursor { position: from.position + 1, ..from });
        } else {
            self.has_gone_on.store(true, SeqCst);
        }
        Ok(page)
    }

    fn claim(&self, ids: &[CounterId], claim_timeout: Duration) -> Result<Vec<Claimed>, Error> {
        self.claims.fetch_add(1, SeqCst);
        let claimed = self.inner.claim(ids, claim_timeout);
        if thread::current().name() != Some("counter-claims") {
            self.is_claimed_again.store(true, SeqCst);
            wait_for("the scan to go on", || self.has_gone_on.load(SeqCst).then_some(()));
        }
        claimed
    }

    fn replace(&self, id: &CounterId, replacement: Replacement) -> Result<Claim, Error> {
        self.inner.replace(id, replacement)
    }

    fn verify(&self, claims: &[Claim], within: Duration) -> Result<Vec<Verdict>, Error> {
        self.inner.verify(claims, within)
    }

    fn ack(&self, claims: &[Claim]) -> Result<(), Error> {
        self.inner.ack(claims)
    }

    fn generation(&self) -> Option<&dyn StoreGeneration> {
        None
    }
}
