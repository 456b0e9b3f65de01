//! What operators are shown, as the library computes it.

#![allow(clippy::unwrap_used)]

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use counter_core::{Config, CounterId, DeltaStore, ManualClock, MemoryStore, Pattern};
use counter_diesel::ledger::{TableName, migration_files};
use counter_diesel::overview::{MigrationState, SyncProgress};
use counter_diesel::{Counters, SyncOptions};
use counter_tests::database::{self, Database};
use counter_tests::fixtures::views_of;
use diesel::SqliteConnection;

/// Counters in pages of one, with a claim of 1 microsecond after the epoch on the second post.
fn counters(database: &dyn Database) -> Counters {
    let store = Arc::new(MemoryStore::with_clock(ManualClock::at_micros(1)));
    for (owner_type, owner, by) in [("post", 1, 5), ("post", 2, 7), ("user", 1, -3), ("user", 2, 0)]
    {
        store.increment(&CounterId::new(owner_type, owner, "views").unwrap(), by).unwrap();
    }
    let claimed = views_of(2);
    store.claim(std::slice::from_ref(&claimed), Duration::MAX).unwrap();
    store.increment(&claimed, 1).unwrap();
    let mut config = Config::default();
    config.sync_batch_size = NonZeroUsize::MIN.into();
    Counters::from_parts(config, store, database.ledger("model_counters"))
}

#[test]
fn what_waits_is_summed_up_by_owner_type_with_the_oldest_claim() {
    let database = database::sqlite();
    let waiting = counters(&*database).pending_overview(&Pattern::all()).unwrap();
    let sums = waiting.owner_types.iter().map(|(name, sums)| (name.as_str(), *sums));
    let sums = sums.map(|(name, sums)| (name, sums.counters, sums.pending, sums.claims));
    assert_eq!(sums.collect::<Vec<_>>(), [("post", 2, 6, 1), ("user", 1, -3, 0)]);
    assert_eq!((waiting.total.counters, waiting.total.pending, waiting.total.claims), (3, 3, 1));
    let oldest = waiting.oldest_claim.unwrap();
    assert_eq!(oldest.claim.id, views_of(2));
    assert_eq!(oldest.made_at.unwrap().to_string(), "1970-01-01T00:00:00Z");
    assert!(oldest.age_seconds() > 1e9, "{oldest:?}");
    assert!(waiting.foreign.is_empty());

    let pattern = "user:*".parse().unwrap();
    let waiting = counters(&*database).pending_overview(&pattern).unwrap();
    assert_eq!((waiting.total.counters, waiting.oldest_claim), (1, None));
}

#[test]
fn counters_are_counted_page_by_page_and_given_up_when_it_takes_too_long() {
    let database = database::sqlite();
    let counters = counters(&*database);
    let count = |within| counters.pending_count(&Pattern::all(), within).unwrap();
    assert_eq!(count(Duration::from_secs(3600)), Some(4));
    assert_eq!(count(Duration::ZERO), None);
}

#[test]
fn the_progress_of_a_sync_ends_with_its_report() {
    let database = database::sqlite();
    let counters = counters(&*database);
    counters.run_pending_migrations().unwrap();
    let mut progress = SyncProgress::new(Some(2));
    let report = counters.sync_observed(&SyncOptions::default(), &mut |event| {
        progress.observe(&event);
        std::ops::ControlFlow::Continue(())
    });
    let report = report.unwrap();
    assert_eq!((progress.found, progress.applied), (report.scanned, report.applied));
    assert_eq!(progress.total(), Some(4));
}

#[test]
fn migrations_that_the_application_ran_are_distinguished_from_those_that_were_not_run() {
    let database = database::sqlite();
    let files = migration_files::<SqliteConnection>(&TableName::default());
    let counters = counters(&*database);
    let states = || {
        let status = counters.migration_status(&files).unwrap();
        status.iter().map(|one| one.state).collect::<Vec<_>>()
    };
    for files in &files {
        assert_eq!(states(), [MigrationState::Pending; 4]);
        database.execute(&files.up).unwrap();
    }
    assert_eq!(states(), [MigrationState::ByApplication; 4]);
    database.execute("DELETE FROM model_counters_state").unwrap();
    assert_eq!(states(), [MigrationState::Pending; 4], "a database without its id");
}
