//! Removes buckets of periods that are no longer kept.

use crate::counters::counters::Counters;
use crate::error::Error;
use crate::sync::prune::prune;
use crate::sync::prune_options::{PruneOptions, Pruned};

impl Counters {
    /// Removes buckets whose period ended long ago: those that the configured
    /// [retention](crate::CountersBuilder::retention) does not keep, or that the options name.
    /// Totals and buckets of other grains stay.
    ///
    /// This takes several calls. One call sets the buckets to 0 and, if they are rolled up, adds
    /// their counts to longer ones. A call an hour later removes their rows. What is rolled up is
    /// noted by a call at least ten minutes earlier, so that other processes know of it. So call
    /// this each hour, or leave it to a [worker](Self::spawn_sync). Syncs, increments and reads may
    /// run meanwhile, and if the process dies during a call, the next call continues. A bucket of
    /// which the store holds something must be synced first.
    ///
    /// A period that was removed is [not kept](Self::kept) from then on: a read of it is
    /// [`Error::NotKept`], in other processes within a minute. A [late](Self::at) event makes the
    /// bucket again, and a later call removes it again. So a time shorter than
    /// [`oldest_event`](crate::CountersBuilder::oldest_event) is refused.
    ///
    /// Buckets that cannot be set to 0 or removed are in [`failed`](Pruned::failed). The call
    /// continues with the others, and ends after 16 failures in a row.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use counter_diesel::{Counters, Error};
    /// # use counter_diesel::query::Grain;
    /// # use counter_diesel::sync::PruneOptions;
    /// # fn prune(counters: &Counters) -> Result<(), Error> {
    /// let days = Duration::from_secs(90 * 24 * 60 * 60);
    /// let pruned = counters.prune(&PruneOptions::new(Grain::Day, days))?;
    /// println!("{} set to 0, {} removed", pruned.cleared, pruned.removed);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::RollUp`] if buckets do not add up to the grain of the roll-up, [`Error::TooYoung`]
    /// if late events may still be counted in buckets that would be removed,
    /// [`Error::OtherDatabase`] if the store is synced into another database,
    /// [`Error::ClocksDiffer`] if the clocks of this process and of the database differ by more
    /// than an hour. Also fails if the
    /// store or the database cannot be asked, or refuses every write. What was done before an error
    /// is not undone.
    pub fn prune(&self, options: &PruneOptions) -> Result<Pruned, Error> {
        prune(self.engine(), self.calendar(), options, &mut None, &|| false)
    }
}

#[cfg(all(test, feature = "sqlite"))]
mod tests {
    use std::time::Duration;

    use chrono::{DateTime, Utc};
    use counter_core::{CounterId, ManualClock, Period};

    use super::*;
    use crate::ledger::dialect::sqlite::sqlite_pool;
    use crate::sync::control::Control;
    use crate::sync::options::SyncOptions;
    use crate::sync::pruner::Pruner;

    #[test]
    fn a_prune_that_has_no_time_goes_on_behind_and_then_waits_for_an_hour() {
        let builder = Counters::builder(sqlite_pool(":memory:", 1).unwrap()).memory();
        let counters = builder.retention("month=90d,day=90d".parse().unwrap()).build().unwrap();
        counters.run_pending_migrations().unwrap();
        let buckets = ["author", "page", "post"].map(|owner_type| {
            let total = CounterId::new(owner_type, 1, "views").unwrap();
            ["day:2026-01-31", "month:2026-01"].map(|text| {
                let bucket = total.within(text.parse::<Period>().unwrap()).unwrap();
                counters.engine().store().increment(&bucket, 5).unwrap();
                bucket
            })
        });
        assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
        let now = "2026-12-31T12:00:00Z".parse::<DateTime<Utc>>().unwrap();
        let counters = counters.with_clock(ManualClock::at_micros(now.timestamp_micros()));
        let control = Control::default();
        let mut pruner = Pruner::new(counters.engine(), counters.calendar(), &control);
        pruner.at_a_time = Duration::ZERO;
        let mut calls = 0;
        while pruner.last.is_none() {
            pruner.prune_when_due();
            calls += 1;
            assert!(calls < 20, "it comes to no end");
        }
        let rows = counters.engine().ledger().baselines(buckets.as_flattened()).unwrap();
        assert!(rows.iter().all(|row| row.count == 0), "{rows:?}");
        assert!(calls > 3, "{calls} calls");
        assert!(pruner.left_at.is_none());
    }
}
