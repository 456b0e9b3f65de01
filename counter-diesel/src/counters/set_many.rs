//! Sets of many counters.

use counter_core::{CounterId, Period, Replacement};

use crate::counters::counters::{Counters, id_of};
use crate::counters::during::{During, one_period};
use crate::engine::kept::RolledUntil;
use crate::error::Error;
use crate::owner::counter_owner::CounterOwner;
use crate::owner::key_of::KeyOf;
use crate::sync::set_many::set_many;

impl Counters {
    /// Sets many counters, each to its value, as [`set`](Self::set) sets one: 200 at a time, by one
    /// script in Redis and in one transaction. In a cluster there is one script for each slot.
    ///
    /// Returns an outcome for each, in the order given. If a counter is named twice, the last value
    /// stays. After `Ok` the store holds the new value. If the database fails, that is logged, and
    /// the next sync updates the table. To import history, see [`set_periods`](Self::set_periods).
    ///
    /// ```
    /// # use counter_diesel::{Counters, Error, HasCounters};
    /// # #[derive(HasCounters)]
    /// # #[counters(keys(views))]
    /// # struct Post { id: i64 }
    /// # fn import(counters: &Counters, views: Vec<(Post, i64)>) -> Result<(), Error> {
    /// let sets = views.iter().map(|(post, views)| (post, PostCounter::Views, *views));
    /// for ((post, _), set) in views.iter().zip(counters.set_many(sets)?) {
    ///     if let Err(error) = set {
    ///         eprintln!("post {}: {error}", post.id);
    ///     }
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// If the database is away when it should take 200 of them, or has a row of them locked, the
    /// rest is left to the next sync, too. If none of 400 in a row could be set, as while Redis is
    /// away, the rest is not tried, and is *not counted*. So the call does not wait for each 200.
    ///
    /// # Errors
    ///
    /// If a name is invalid, or the database is found to be another one at the beginning, nothing
    /// is set. Otherwise each outcome may be an error, as [`increment`](Self::increment) returns
    /// it, or [`Error::OtherDatabase`] if that is found later.
    pub fn set_many<O, K>(
        &self,
        sets: impl IntoIterator<Item = (O, K, i64)>,
    ) -> Result<Vec<Result<(), Error>>, Error>
    where
        O: CounterOwner,
        K: KeyOf<O::Model>,
    {
        let named = |(owner, key, value)| Ok((id_of(&owner, &key)?, Replacement::Set(value)));
        let sets = sets.into_iter().map(named).collect::<Result<Vec<_>, Error>>()?;
        set_many(self.engine(), &sets)
    }

    /// Sets the buckets of periods, each to its value, such as history from another system: see
    /// [`set_many`](Self::set_many). The totals stay as they are. Reads refuse history from before
    /// the key was declared until [`set_kept`](Self::set_kept) says that it is kept.
    ///
    /// ```
    /// # use counter_diesel::{Counters, Error, HasCounters};
    /// # use counter_diesel::query::{Grain, Period};
    /// # use chrono::NaiveDateTime;
    /// # #[derive(HasCounters)]
    /// # #[counters(keys(views(every(month))))]
    /// # struct Post { id: i64 }
    /// # fn import(counters: &Counters, rows: &[(Post, NaiveDateTime, i64)]) -> Result<(), Error> {
    /// // Any instant of a month names it.
    /// let sets = rows.iter().map(|(post, at, views)| {
    ///     (post, PostCounter::Views, Period::containing(Grain::Month, *at), *views)
    /// });
    /// let failed = counters.set_periods(sets)?.into_iter().filter(Result::is_err).count();
    /// # let _ = failed;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`set_many`](Self::set_many). Before anything is set: [`Error::NotStored`] if a counter
    /// is not counted by the grain of its period, and [`Error::NotKept`] if the period is older
    /// than the retention of this process keeps it, or is rolled up, because what was rolled up
    /// would be counted in addition.
    pub fn set_periods<O, K>(
        &self,
        sets: impl IntoIterator<Item = (O, K, Period, i64)>,
    ) -> Result<Vec<Result<(), Error>>, Error>
    where
        O: CounterOwner,
        K: KeyOf<O::Model>,
    {
        let (now, mut rolled) = (self.calendar().now(), RolledUntil::default());
        let bucket = |(owner, key, period, value): (O, K, Period, i64)| {
            let during = self.during(period);
            let bucket = one_period(during.own_buckets((now, &mut rolled), &owner, &key)?)?;
            Ok((bucket, Replacement::Set(value)))
        };
        let sets = sets.into_iter().map(bucket).collect::<Result<Vec<_>, Error>>()?;
        set_many(self.engine(), &sets)
    }
}

impl During<'_> {
    /// Sets the bucket of a period for each of many counters: see [`Counters::set_many`]. Totals,
    /// and buckets of other periods, stay as they are.
    ///
    /// # Errors
    ///
    /// As [`Counters::set_many`]. [`Error::NotStored`] if one is not counted by the grain of the
    /// period, and [`CoreError::Invalid`](crate::error::CoreError::Invalid) if the span is of
    /// several periods, before anything is set.
    pub fn set_many<O, K>(
        &self,
        sets: impl IntoIterator<Item = (O, K, i64)>,
    ) -> Result<Vec<Result<(), Error>>, Error>
    where
        O: CounterOwner,
        K: KeyOf<O::Model>,
    {
        let (now, mut rolled) = (self.counters.calendar().now(), RolledUntil::default());
        let bucket = |(owner, key, value)| {
            let buckets = self.own_buckets((now, &mut rolled), &owner, &key)?;
            let bucket: CounterId = one_period(buckets)?;
            Ok((bucket, Replacement::Set(value)))
        };
        let sets = sets.into_iter().map(bucket).collect::<Result<Vec<_>, Error>>()?;
        set_many(self.counters.engine(), &sets)
    }
}
