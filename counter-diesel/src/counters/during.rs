//! What counters counted in periods.

use std::borrow::Cow;
use std::fmt;

use chrono::{DateTime, Utc};
use counter_core::{CounterId, Grain, InputKind, Invalid, Period, Replacement, Span, Zone};

use super::counters::{Counters, id_of};
use super::load::in_rows;
use super::series::Series;
use crate::engine::buckets::Steps;
use crate::engine::calendar::Counted;
use crate::engine::counting::{counted, zone_of};
use crate::engine::floor::Floor;
use crate::engine::grains;
use crate::engine::kept::{self, RolledUntil};
use crate::engine::sums::{sums, sums_of_steps};
use crate::error::Error;
use crate::owner::counter_owner::CounterOwner;
use crate::owner::key_of::KeyOf;
use crate::sync::set::set;

impl Counters {
    /// Begins a read, or a change, of what counters counted in the periods of a span: a
    /// [`Period`](crate::query::Period), or a [`Span`] of several such as the last 30 days.
    ///
    /// ```
    /// # use counter_diesel::{Counters, Error, HasCounters};
    /// # use counter_diesel::query::{Grain, Period, Span};
    /// # #[derive(HasCounters)]
    /// # #[counters(keys(views(every(day))))]
    /// # struct Post { id: i64 }
    /// # fn show(counters: &Counters, post: &Post, posts: &[Post]) -> Result<(), Error> {
    /// let november = counters.during(Period::month(2026, 11)?).get(post, PostCounter::Views)?;
    /// let week = counters.during(Span::last(7, Grain::Day)).load(posts, [PostCounter::Views])?;
    /// # let _ = (november, week);
    /// # Ok(()) }
    /// ```
    pub fn during(&self, span: impl Into<Span>) -> During<'_> {
        During { counters: self, span: span.into(), stored: None }
    }

    /// What a counter counted in each step of a span, oldest first, 0 where it counted nothing.
    /// Each bucket is exact as [`get`](Self::get) is, and up to 2,000 of them cost as much as one
    /// [`get_many`](Self::get_many): see [`During`].
    ///
    /// ```
    /// # use counter_diesel::{Counters, HasCounters};
    /// # use counter_diesel::query::{Grain, Span};
    /// # #[derive(HasCounters)]
    /// # #[counters(keys(views(every(day))))]
    /// # struct Post { id: i64 }
    /// # fn show(counters: &Counters, post: &Post) -> Result<(), Box<dyn std::error::Error>> {
    /// let days = counters.series(post, PostCounter::Views, Span::last(30, Grain::Day))?;
    /// for (day, views) in &days {
    ///     println!("{} {views}", day.start().date());
    /// }
    /// println!("{} in all", days.sum()?);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`During::get`].
    pub fn series<O: CounterOwner>(
        &self,
        owner: O,
        key: impl KeyOf<O::Model>,
        span: impl Into<Span>,
    ) -> Result<Series, Error> {
        self.during(span).series(owner, key)
    }

    /// Returns a series of a counter for each of these owners, in their order: see
    /// [`series`](Self::series).
    ///
    /// # Errors
    ///
    /// As [`During::get`].
    pub fn load_series<O: CounterOwner>(
        &self,
        owners: impl IntoIterator<Item = O>,
        key: impl KeyOf<O::Model>,
        span: impl Into<Span>,
    ) -> Result<Vec<Series>, Error> {
        self.during(span).load_series(owners, key)
    }

    /// Returns the grains of which a counter has buckets, in the table or in the store, even if its
    /// model does not declare them. Leaves out grains into which others are rolled up. In the
    /// store, only buckets of periods about now are found.
    ///
    /// For tools that do not know the model: see [`During::stored_by`].
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn grains_in_use<O: CounterOwner>(
        &self,
        owner: O,
        key: impl KeyOf<O::Model>,
    ) -> Result<Vec<Grain>, Error> {
        let id = id_of(&owner, &key)?;
        let mut found = grains::in_use(self.engine(), &id, self.calendar().now())?;
        // Others are rolled up into these grains.
        for grain in kept::rolled_grains(self.engine(), &id)? {
            found.remove(&grain);
        }
        Ok(found.into_iter().collect())
    }
}

/// What counters counted in the periods of a span: see [`Counters::during`].
///
/// Each grain by which the model [counts the key](derive@crate::HasCounters) has its own buckets. A
/// period of another grain is the sum of the shortest grain that divides it: of days for weeks,
/// months, quarters and years; of months for quarters and years; of quarters for years; and of
/// hours for all of them, if no other grain divides it and the zone is whole hours from UTC.
///
/// Each bucket is read exactly as [`Counters::get`] reads a total, at an instant during the call.
/// A sum of several buckets is exact if none of them changes meanwhile; otherwise it can be one
/// that the counter never had, because the instants differ. Each 2,000 buckets take one exchange
/// with the store and one query.
///
/// A read of periods from before the key was counted by periods, or of periods that
/// [`Counters::prune`] removed, fails with [`Error::NotKept`], unless the span is [cut to what is
/// kept](Span::kept). A table says since when a key is kept by a grain; a process reads it again
/// after a minute.
#[derive(Clone)]
#[must_use = "it does nothing until it is asked"]
pub struct During<'a> {
    pub(super) counters: &'a Counters,
    pub(super) span: Span,
    pub(super) stored: Option<Vec<Grain>>,
}

impl During<'_> {
    /// Treats the counter as counted by these grains, whatever its model declares: for tools that
    /// do not know the model, and to settle a bucket whose grain is no longer declared.
    pub fn stored_by(self, grains: impl IntoIterator<Item = Grain>) -> Self {
        Self { stored: Some(grains.into_iter().collect()), ..self }
    }

    /// What a counter counted in all periods of the span together.
    ///
    /// # Errors
    ///
    /// [`Error::NotKept`] if no stored grain adds up to the steps of the span, or if some of its
    /// periods are older than what is kept, [`Error::TooManyPeriods`] if more than
    /// [`Span::MAX_PERIODS`] of them would add up,
    /// [`CoreError::Overflow`](crate::error::CoreError::Overflow) if the sum does not fit into 64
    /// bits, [`CoreError::Invalid`](crate::error::CoreError::Invalid) if the span is impossible,
    /// [`Error::NotMigrated`] if the table of periods is missing, and what [`Counters::get`] fails
    /// with.
    pub fn get<O: CounterOwner>(&self, owner: O, key: impl KeyOf<O::Model>) -> Result<i64, Error> {
        let values = self.get_many([(owner, key)])?;
        Ok(values.first().copied().unwrap_or_default())
    }

    /// Like [`get`](Self::get), for many counters, in the order given.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn get_many<O, K>(
        &self,
        counters: impl IntoIterator<Item = (O, K)>,
    ) -> Result<Vec<i64>, Error>
    where
        O: CounterOwner,
        K: KeyOf<O::Model>,
    {
        let now = self.counters.calendar().now();
        let asked = counters.into_iter().map(|(owner, key)| self.to_read(now, &owner, &key));
        self.sums(&asked.collect::<Result<Vec<_>, Error>>()?)
    }

    /// Like [`get`](Self::get), for some counters of each of many owners, in the order of the
    /// owners and of the keys, as [`Counters::load`] returns them.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn load<O, K, const N: usize>(
        &self,
        owners: impl IntoIterator<Item = O>,
        keys: [K; N],
    ) -> Result<Vec<[i64; N]>, Error>
    where
        O: CounterOwner,
        K: KeyOf<O::Model>,
    {
        let (now, mut count, mut asked) = (self.counters.calendar().now(), 0, Vec::new());
        for owner in owners {
            count += 1;
            for key in &keys {
                asked.push(self.to_read(now, &owner, key)?);
            }
        }
        Ok(in_rows(count, &self.sums(&asked)?))
    }

    /// What a counter counted in each step of the span: see [`Counters::series`].
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn series<O: CounterOwner>(
        &self,
        owner: O,
        key: impl KeyOf<O::Model>,
    ) -> Result<Series, Error> {
        let series = self.load_series([owner], key)?;
        Ok(series.into_iter().next().unwrap_or_default())
    }

    /// Like [`series`](Self::series), for each of these owners, in their order.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn load_series<O: CounterOwner>(
        &self,
        owners: impl IntoIterator<Item = O>,
        key: impl KeyOf<O::Model>,
    ) -> Result<Vec<Series>, Error> {
        let now = self.counters.calendar().now();
        let asked = owners.into_iter().map(|owner| self.to_read(now, &owner, &key));
        let asked = asked.collect::<Result<Vec<_>, Error>>()?;
        let mut groups = Vec::new();
        for one in &asked {
            groups.extend(one.periods()?.into_iter().map(|periods| (&one.id, periods)));
        }
        let mut values = sums(self.counters.engine(), &groups)?.into_iter();
        let one = |Asked { steps, .. }: &Asked<'_>| {
            let counts = steps.steps.iter().copied().zip(values.by_ref());
            Series::new(counts.collect(), steps.ended())
        };
        Ok(asked.iter().map(one).collect())
    }

    /// Gives the bucket of a period a value, as [`Counters::set`] does it. The total, and the
    /// buckets of other periods, stay as they are.
    ///
    /// # Errors
    ///
    /// [`Error::NotStored`] if the counter is not counted by this grain, [`Error::NotKept`] if the
    /// period is older than the retention of this process keeps it or is rolled up,
    /// [`CoreError::Invalid`](crate::error::CoreError::Invalid) if the span is of several periods,
    /// and what [`Counters::set`] fails with.
    pub fn set<O: CounterOwner>(
        &self,
        owner: O,
        key: impl KeyOf<O::Model>,
        value: i64,
    ) -> Result<(), Error> {
        let now = self.counters.calendar().now();
        let bucket =
            one_period(self.own_buckets((now, &mut RolledUntil::default()), &owner, &key)?)?;
        set(self.counters.engine(), &bucket, Replacement::Set(value))
    }

    /// Sets the bucket of each period of the span to 0, one after the other, as
    /// [`Counters::reset`] does it. The total stays.
    ///
    /// # Errors
    ///
    /// [`Error::NotStored`] and [`Error::NotKept`] as [`set`](Self::set) fails with them, before
    /// anything is changed, and what [`Counters::reset`] fails with.
    pub fn reset<O: CounterOwner>(&self, owner: O, key: impl KeyOf<O::Model>) -> Result<(), Error> {
        self.replace(&owner, &key, Replacement::Set(0))
    }

    /// Removes the bucket of each period of the span and its row, one after the other, as
    /// [`Counters::delete`] does it. The total stays.
    ///
    /// # Errors
    ///
    /// As [`reset`](Self::reset).
    pub fn delete<O: CounterOwner>(
        &self,
        owner: O,
        key: impl KeyOf<O::Model>,
    ) -> Result<(), Error> {
        self.replace(&owner, &key, Replacement::Delete)
    }

    /// Returns what each of these counters counted in all of its steps.
    fn sums(&self, asked: &[Asked<'_>]) -> Result<Vec<i64>, Error> {
        let steps = asked.iter().map(|one| Ok((&one.id, one.periods()?)));
        sums_of_steps(self.counters.engine(), steps.collect::<Result<Vec<_>, Error>>()?)
    }

    fn replace<O: CounterOwner>(
        &self,
        owner: &O,
        key: &impl KeyOf<O::Model>,
        replacement: Replacement,
    ) -> Result<(), Error> {
        let engine = self.counters.engine();
        let (now, mut rolled) = (self.counters.calendar().now(), RolledUntil::default());
        let buckets = self.own_buckets((now, &mut rolled), owner, key)?;
        buckets.iter().try_for_each(|bucket| set(engine, bucket, replacement))
    }

    pub(super) fn own_buckets<O: CounterOwner>(
        &self,
        (now, rolled): (DateTime<Utc>, &mut RolledUntil),
        owner: &O,
        key: &impl KeyOf<O::Model>,
    ) -> Result<Vec<CounterId>, Error> {
        let calendar = self.counters.calendar();
        let asked = self.asked(now, owner, key)?;
        let Asked { id, stored, mut steps } = asked;
        steps.own_buckets(&id, &stored)?;
        // Otherwise what was rolled up would be counted in addition to the value that is set.
        let (grain, zone, key) = (steps.grain, steps.zone, key.counter_key()?);
        let (engine, of) = (self.counters.engine(), owner.owner()?);
        let since = rolled.of(engine, (of.owner_type().clone(), key.clone(), grain));
        let floor = Floor { since, ..Floor::default() };
        let floor = calendar.raised(floor, grain, now, zone);
        steps.cut(&key, &stored, &floor.without_longer(), grain)?;
        steps.own_buckets(&id, &stored)
    }

    /// Returns a counter and its steps at an instant, or an error if some of them are not kept.
    fn to_read<O: CounterOwner>(
        &self,
        now: DateTime<Utc>,
        owner: &O,
        key: &impl KeyOf<O::Model>,
    ) -> Result<Asked<'_>, Error> {
        let mut asked = self.asked(now, owner, key)?;
        let (of, key) = (owner.owner()?, key.counter_key()?);
        let (counters, zone) = (self.counters, asked.steps.zone);
        asked.steps.choose(&key, &asked.stored, |grain| {
            let floor = kept::floor(counters.engine(), of.owner_type(), &key, grain)?;
            Ok(counters.calendar().raised(floor, grain, now, zone))
        })?;
        Ok(asked)
    }

    /// Returns a counter, and what is asked of it at an instant.
    fn asked<O: CounterOwner>(
        &self,
        now: DateTime<Utc>,
        owner: &O,
        key: &impl KeyOf<O::Model>,
    ) -> Result<Asked<'_>, Error> {
        let calendar = self.counters.calendar();
        let Counted { id, grains, .. } = counted(calendar, owner, key, Some(Zone::UTC))?;
        let stored = self.stored.as_deref().map_or(Cow::Borrowed(grains), Cow::Borrowed);
        let steps = Steps::at(now, self.span, zone_of(calendar, owner)?);
        let Some(steps) = steps.transpose()? else {
            return Err(Error::ZoneNeeded { counter: id });
        };
        Ok(Asked { id, stored, steps })
    }
}

/// Returns the only one of these buckets.
pub(super) fn one_period(buckets: Vec<CounterId>) -> Result<CounterId, Invalid> {
    let periods = buckets.len();
    let only = buckets.into_iter().next().filter(|_| periods == 1);
    only.ok_or_else(|| {
        let (kind, text) = (InputKind::Span, format!("{periods} periods"));
        Invalid::Malformed { kind, text, why: "only one period can be set to a value" }
    })
}

/// A counter, the grains by which it is counted, and the steps that are asked of it.
struct Asked<'a> {
    id: CounterId,
    stored: Cow<'a, [Grain]>,
    steps: Steps,
}

impl Asked<'_> {
    fn periods(&self) -> Result<Vec<Vec<Period>>, Error> {
        self.steps.periods(&self.id, &self.stored)
    }
}

impl fmt::Debug for During<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { span, stored, .. } = self;
        f.debug_struct("During").field("span", span).field("stored", stored).finish_non_exhaustive()
    }
}
