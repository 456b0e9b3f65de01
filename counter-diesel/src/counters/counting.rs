//! Increments, now or of events that happened before.

use chrono::{DateTime, TimeZone, Utc};
use counter_core::Zone;

use crate::counters::counters::Counters;
use crate::engine::counting::{count_many, count_one, countable};
use crate::engine::engine::negated;
use crate::error::Error;
use crate::owner::counter_owner::CounterOwner;
use crate::owner::key_of::KeyOf;

/// Increments that happened at another time than now, or in a zone that the call names: see
/// [`Counters::at`] and [`Counters::in_zone`].
#[derive(Debug, Clone, Copy)]
#[must_use = "it counts nothing until it is asked"]
pub struct Counting<'a> {
    pub(super) counters: &'a Counters,
    pub(super) event: Option<DateTime<Utc>>,
    pub(super) zone: Option<Zone>,
}

impl Counters {
    /// Adds to a counter: one atomic operation in the store, and no database. What is added may be
    /// negative.
    ///
    /// A key that its model [counts by periods](derive@crate::HasCounters) is counted in the bucket
    /// of each grain by the same operation: in all of them and in the total, or in none. Their
    /// periods are those of the time of the call; [`at`](Self::at) counts what happened at another.
    /// In which zone a day begins is said [there](Self::in_zone).
    ///
    /// ```
    /// # use counter_diesel::{Counters, Error, HasCounters};
    /// # #[derive(HasCounters)]
    /// # #[counters(keys(views, likes, shares))]
    /// # struct Post { id: i64 }
    /// # fn count(counters: &Counters, post: &Post) -> Result<(), Error> {
    /// counters.increment(post, PostCounter::Views, 1)?;
    /// counters.increment(Post::counter_owner(42)?, PostCounter::Views, 1)?; // no row is loaded
    /// match counters.increment(post, "reads-to-the-end", 1) { // any text is a key
    ///     Err(error) if error.is_outcome_unknown() => eprintln!("may have been counted: {error}"),
    ///     Err(error) => eprintln!("certainly not counted, so it may be tried again: {error}"),
    ///     Ok(()) => {}
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// After [`counter_core::Error::OutcomeUnknown`] (see [`Error::is_outcome_unknown`]) it may
    /// have been counted. After every other error it was not, such as [`Error::Gauge`] for a text
    /// that the model declares as a gauge.
    pub fn increment<O: CounterOwner>(
        &self,
        owner: O,
        key: impl KeyOf<O::Model>,
        by: i64,
    ) -> Result<(), Error> {
        Counting::new(self).increment(owner, key, by)
    }

    /// Subtracts from a counter. It may go below zero.
    ///
    /// # Errors
    ///
    /// As [`increment`](Self::increment), and [`counter_core::Error::NotCounted`] for `i64::MIN`.
    pub fn decrement<O: CounterOwner>(
        &self,
        owner: O,
        key: impl KeyOf<O::Model>,
        by: i64,
    ) -> Result<(), Error> {
        Counting::new(self).decrement(owner, key, by)
    }

    /// Adds to many counters, in one round trip to the store. Each is an increment of its own: some
    /// may be counted and others not.
    ///
    /// ```
    /// # use counter_diesel::{Counters, Error, HasCounters};
    /// # #[derive(HasCounters)]
    /// # #[counters(keys(views, likes, shares))]
    /// # struct Post { id: i64 }
    /// # fn count(counters: &Counters, post: &Post) -> Result<(), Error> {
    /// let increments = [(post, PostCounter::Views, 1), (post, PostCounter::Shares, 1)];
    /// if let Err(Error::Increments { outcomes }) = counters.increment_many(increments) {
    ///     for (increment, outcome) in increments.iter().zip(outcomes) {
    ///         if let Err(error) = outcome {
    ///             eprintln!("{}: {error}", increment.1);
    ///         }
    ///     }
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// If a name is invalid nothing is sent. Otherwise [`Error::Increments`] says of each what
    /// became of it, if not all were counted.
    pub fn increment_many<O, K>(
        &self,
        increments: impl IntoIterator<Item = (O, K, i64)>,
    ) -> Result<(), Error>
    where
        O: CounterOwner,
        K: KeyOf<O::Model>,
    {
        Counting::new(self).increment_many(increments)
    }

    /// Counts what happened at this instant, such as a line of a log or an event of a queue: in the
    /// total, and in the periods of that instant instead of the present ones.
    ///
    /// The offset of the `DateTime` does not decide which day that is: the zone does, as for every
    /// increment.
    ///
    /// Only events of the last 35 days are accepted, and none that is more than 5 minutes in the
    /// future, because of a clock that is ahead:
    /// [`oldest_event`](crate::CountersBuilder::oldest_event) and
    /// [`newest_event`](crate::CountersBuilder::newest_event) are for other bounds. So what a day
    /// counted is final after that time, for a bill, say.
    ///
    /// ```
    /// # use chrono::{DateTime, FixedOffset};
    /// # use counter_diesel::{Counters, Error, HasCounters};
    /// # #[derive(HasCounters)]
    /// # #[counters(keys(calls(every(hour, day))))]
    /// # struct Client { id: i64 }
    /// # fn count(
    /// #     counters: &Counters, client: &Client, happened_at: DateTime<FixedOffset>
    /// # ) -> Result<(), Error> {
    /// match counters.at(happened_at).increment(client, ClientCounter::Calls, 1) {
    ///     Err(Error::TooLate { oldest, .. }) => eprintln!("not counted: it is before {oldest}"),
    ///     counted => counted?,
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of the increment: [`Error::TooLate`] or [`Error::TooEarly`] beyond the bounds, and
    /// nothing is counted then, not even in the total.
    pub fn at<Tz: TimeZone>(&self, event: DateTime<Tz>) -> Counting<'_> {
        Counting::new(self).at(event)
    }

    /// Counts in the days of this zone, and so in its weeks, months, quarters and years. Hours are
    /// always those of UTC.
    ///
    /// Without this, they are those of the owner's own zone if its model [names a field for
    /// it](derive@crate::HasCounters), and otherwise those of the
    /// [configured zone](crate::CountersBuilder::zone), which is UTC by default. A count that is in
    /// a period already stays there when a zone changes.
    ///
    /// ```
    /// # use counter_diesel::{Counters, Error, HasCounters};
    /// # use counter_diesel::query::Zone;
    /// #[derive(HasCounters)]
    /// #[counters(keys(calls(every(day))), zone = time_zone)]
    /// struct Client {
    ///     id: i64,
    ///     time_zone: String,
    /// }
    ///
    /// # fn count(counters: &Counters, client: &Client) -> Result<(), Error> {
    /// counters.increment(client, ClientCounter::Calls, 1)?; // in the zone of the client
    /// let zone = "-03:00".parse::<Zone>()?;
    /// counters.in_zone(zone).increment(Client::counter_owner(7)?, ClientCounter::Calls, 1)?;
    /// # Ok(()) }
    /// ```
    pub fn in_zone(&self, zone: Zone) -> Counting<'_> {
        Counting::new(self).in_zone(zone)
    }
}

impl<'a> Counting<'a> {
    pub(crate) fn new(counters: &'a Counters) -> Self {
        Self { counters, event: None, zone: None }
    }

    /// Counts what happened at this instant: see [`Counters::at`].
    pub fn at<Tz: TimeZone>(self, event: DateTime<Tz>) -> Self {
        Self { event: Some(event.to_utc()), ..self }
    }

    /// Counts in the days of this zone: see [`Counters::in_zone`].
    pub fn in_zone(self, zone: Zone) -> Self {
        Self { zone: Some(zone), ..self }
    }

    /// Adds to a counter.
    ///
    /// # Errors
    ///
    /// As [`Counters::increment`], and [`Error::TooLate`] or [`Error::TooEarly`], after which
    /// nothing was counted.
    pub fn increment<O: CounterOwner>(
        self,
        owner: O,
        key: impl KeyOf<O::Model>,
        by: i64,
    ) -> Result<(), Error> {
        let Self { counters, event, zone } = self;
        let counted = countable(counters.calendar(), &owner, &key, zone)?;
        count_one(counters.engine(), counters.calendar(), &counted, by, event)
    }

    /// Subtracts from a counter. It may go below zero.
    ///
    /// # Errors
    ///
    /// As [`increment`](Self::increment), and [`counter_core::Error::NotCounted`] for `i64::MIN`.
    pub fn decrement<O: CounterOwner>(
        self,
        owner: O,
        key: impl KeyOf<O::Model>,
        by: i64,
    ) -> Result<(), Error> {
        let Self { counters, event, zone } = self;
        let counted = countable(counters.calendar(), &owner, &key, zone)?;
        let by = negated(&counted.id, by)?;
        count_one(counters.engine(), counters.calendar(), &counted, by, event)
    }

    /// Adds to many counters, in one round trip to the store. Each is an increment of its own, and
    /// all happen at one instant.
    ///
    /// # Errors
    ///
    /// As [`Counters::increment_many`], and [`Error::TooLate`] or [`Error::TooEarly`], after which
    /// nothing was sent.
    pub fn increment_many<O, K>(
        self,
        increments: impl IntoIterator<Item = (O, K, i64)>,
    ) -> Result<(), Error>
    where
        O: CounterOwner,
        K: KeyOf<O::Model>,
    {
        let Self { counters, event, zone } = self;
        let increments = increments.into_iter();
        let mut named = Vec::with_capacity(increments.size_hint().0);
        for (owner, key, by) in increments {
            named.push((countable(counters.calendar(), &owner, &key, zone)?, by));
        }
        count_many(counters.engine(), counters.calendar(), named, event)
    }
}
