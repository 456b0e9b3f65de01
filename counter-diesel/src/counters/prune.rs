//! Buckets of periods that are not kept any more.

use crate::counters::counters::Counters;
use crate::error::Error;
use crate::sync::prune::{PruneOptions, Pruned, prune};

impl Counters {
    /// Removes the buckets of a grain whose period ended long ago and that have rows, from the
    /// table and from the store. Totals and buckets of other grains stay.
    ///
    /// It takes two calls, at least an hour apart: the first sets each bucket to 0, one after the
    /// other and as exactly as [`set`](Self::set) does, and a later one removes the rows. So call
    /// it each day or each hour. Syncs, increments and reads may run meanwhile, and the call may
    /// die anywhere: the next one goes on. Nothing is added up into longer periods, so declare
    /// `month` beside `day` if months must stay.
    ///
    /// A period that was removed is [not kept](Self::kept) from then on: a read of it is
    /// [`Error::NotKept`], in other processes within a minute. An event that is counted
    /// [late](Self::at) makes it anew, and the next call removes it again, so a shorter time than
    /// [`oldest_event`](crate::CountersBuilder::oldest_event) accepts events is refused.
    ///
    /// Nothing is set where the database takes no writes. What cannot be set or removed is in
    /// [`failed`](Pruned::failed); the others go on, and after 16 failures in a row the call ends.
    ///
    /// All rows of buckets are looked through, a thousand at a time. Each that is set to 0 costs a
    /// script in the store and a transaction: some 400 were set in a second on two cores.
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
    /// [`Error::TooYoung`] if events that are still accepted may be counted in what would go,
    /// [`Error::OtherDatabase`] if it is not the database that the store is synced into, and if the
    /// store or the database cannot be asked, or refuses every write. What was done before an
    /// error stays done.
    pub fn prune(&self, options: &PruneOptions) -> Result<Pruned, Error> {
        let calendar = self.calendar();
        prune(self.engine(), calendar.now(), calendar.oldest_event(), options)
    }
}
