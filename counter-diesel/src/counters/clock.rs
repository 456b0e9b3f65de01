//! The clock from which it is known in which periods an increment falls.

use counter_core::Clock;

use crate::counters::counters::Counters;

impl Counters {
    /// Returns these counters with another clock, from which it is known in which period an
    /// increment falls: for tests. Clones that were made before keep theirs. Default: that of the
    /// operating system.
    ///
    /// ```
    /// # use counter_diesel::{Counters, Error, HasCounters};
    /// use counter_diesel::store::ManualClock;
    ///
    /// #[derive(HasCounters)]
    /// #[counters(keys(views(every(day))))]
    /// struct Post {
    ///     id: i64,
    /// }
    ///
    /// # fn count(counters: Counters, post: &Post) -> Result<(), Error> {
    /// let last_second_of_2026 = ManualClock::at_micros(1_798_761_599_000_000);
    /// let counters = counters.with_clock(last_second_of_2026.clone());
    /// counters.increment(post, PostCounter::Views, 1)?; // in total, and on 31 December
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn with_clock(self, clock: impl Clock) -> Self {
        let calendar = self.calendar().clone().with_clock(clock);
        self.with_calendar(calendar)
    }
}
