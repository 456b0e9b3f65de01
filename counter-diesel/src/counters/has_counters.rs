//! The trait of models that own counters.

use std::borrow::Cow;
use std::collections::BTreeMap;

use counter_core::{CounterKey, Grain, Invalid, Owner, OwnerId, OwnerType, Span, ToOwnerId, Zone};
use diesel::expression::Expression;
use diesel::query_source::Column;

use crate::counters::counters::Counters;
use crate::counters::series::Series;
use crate::error::Error;
use crate::owner::counter_owner::CounterOwner;
use crate::owner::key_of::KeyOf;
use crate::owner::owner_of::OwnerOf;
use crate::owner::owner_zone::OwnerZone;
use crate::query::counter_in::{CounterIn, CounterInOf};
use crate::query::counter_value::{CounterValue, CounterValueOf};
use crate::query::owner_column::{HasOwnerColumn, PrimaryKeyColumn};
use crate::query::owner_id_type::OwnerIdSqlTypeOf;

/// A model whose instances own counters. Derive it: `#[derive(HasCounters)]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no counters",
    label = "not a model with counters",
    note = "if `{Self}` is a model, add `#[derive(HasCounters)]` to it; an owner that is no model \
         is `Owner::new(\"type\", id)?`"
)]
pub trait HasCounters {
    /// The owner type of this model's counters.
    const OWNER_TYPE: OwnerType;

    /// The keys that the model declares, in the order of their declaration. Others are allowed too.
    const KEYS: &'static [CounterKey];

    /// The grains by which a key is counted, as the model declares them: `views(every(day))`. For
    /// those an increment of the counter counts in buckets of periods too. Default: none.
    fn grains_of(_key: &CounterKey) -> &'static [Grain] {
        &[]
    }

    /// The gauges that the model declares, in the order of their declaration. Default: none.
    const GAUGES: &'static [CounterKey] = &[];

    /// The grains by which a gauge's readings are kept, as the model declares them:
    /// `gauges(stock(every(day)))`. Default: none.
    fn gauge_grains_of(_gauge: &CounterKey) -> &'static [Grain] {
        &[]
    }

    /// Whether instances have a zone of their own, in which their days begin: `#[counters(zone =
    /// time_zone)]`. Then an instance of which only the id is known is counted by days only [in a
    /// zone](Counters::in_zone) that the call names.
    const HAS_ZONE: bool = false;

    /// The zone of this instance, if it has one of its own. Where it has none, the configured one
    /// applies. A model that implements this has [`HAS_ZONE`](Self::HAS_ZONE).
    ///
    /// # Errors
    ///
    /// [`Invalid`] if the field is a text that is no zone. It is never taken for UTC.
    fn counter_zone(&self) -> Result<Option<Zone>, Invalid> {
        Ok(None)
    }

    /// The id under which this instance owns its counters: its primary key.
    ///
    /// # Errors
    ///
    /// [`Invalid`] if the key's type has values that are not owner ids, and this is one.
    fn counter_owner_id(&self) -> Result<OwnerId, Invalid>;

    /// The instance of this model with the given id, which need not be loaded, nor exist.
    ///
    /// # Errors
    ///
    /// As [`counter_owner_id`](Self::counter_owner_id).
    fn counter_owner(id: impl ToOwnerId) -> Result<OwnerOf<Self>, Invalid>
    where
        Self: Sized,
    {
        Ok(OwnerOf::new(Owner::of(Self::OWNER_TYPE, id.to_owner_id()?)))
    }

    /// The value of a counter of this model's row at hand, in a query: what the last sync wrote,
    /// without what the store still holds, in the table `model_counters` unless
    /// [`in_table`](CounterValue::in_table) names another. See [`CounterValue`].
    fn counter_value(key: impl KeyOf<Self>) -> CounterValueOf<Self>
    where
        Self: HasOwnerColumn + Sized,
        Self::Column: Column,
        <Self::Column as Expression>::SqlType: OwnerIdSqlTypeOf<Self>,
    {
        let id = PrimaryKeyColumn(Self::COLUMN);
        CounterValue::of_model(Self::OWNER_TYPE, Self::KEYS, id, key.counter_key())
    }

    /// Like [`counter_value`](Self::counter_value), for the instance whose id this expression
    /// gives: a foreign key, such as `comments::post_id`, so that no join is needed, or a column of
    /// an alias. It is what the last sync wrote, and 0 if the id is null.
    fn counter_value_of<Id>(id: Id, key: impl KeyOf<Self>) -> CounterValue<Id>
    where
        Self: Sized,
        Id: Expression,
        Id::SqlType: OwnerIdSqlTypeOf<Self>,
    {
        CounterValue::of_model(Self::OWNER_TYPE, Self::KEYS, id, key.counter_key())
    }

    /// What a counter of this model's row at hand counted in the periods of a span, in a query:
    /// what the last sync wrote, in the table `model_counters_periods` unless
    /// [`in_table`](CounterIn::in_table) names another. See [`CounterIn`].
    fn counter_in(key: impl KeyOf<Self>, span: impl Into<Span>) -> CounterInOf<Self>
    where
        Self: HasOwnerColumn + Sized,
        Self::Column: Column,
        <Self::Column as Expression>::SqlType: OwnerIdSqlTypeOf<Self>,
    {
        Self::counter_in_of(PrimaryKeyColumn(Self::COLUMN), key, span)
    }

    /// Like [`counter_in`](Self::counter_in), of the instance whose id this expression gives: see
    /// [`counter_value_of`](Self::counter_value_of).
    fn counter_in_of<Id>(id: Id, key: impl KeyOf<Self>, span: impl Into<Span>) -> CounterIn<Id>
    where
        Self: Sized,
        Id: Expression,
        Id::SqlType: OwnerIdSqlTypeOf<Self>,
    {
        let zone = (!Self::HAS_ZONE).then_some(Zone::UTC);
        let (key, span) = (key.counter_key(), span.into());
        CounterIn::of(Self::OWNER_TYPE, id, key, Self::grains_of, zone, span)
    }

    /// Adds to a counter of this instance: [`Counters::increment`].
    ///
    /// # Errors
    ///
    /// As [`Counters::increment`].
    fn increment_counter(
        &self,
        counters: &Counters,
        key: impl KeyOf<Self>,
        by: i64,
    ) -> Result<(), Error>
    where
        Self: Sized,
    {
        counters.increment(self, key, by)
    }

    /// Adds to many counters of this instance in one round trip: [`Counters::increment_many`].
    ///
    /// # Errors
    ///
    /// As [`Counters::increment_many`].
    fn increment_counters<K: KeyOf<Self>>(
        &self,
        counters: &Counters,
        increments: impl IntoIterator<Item = (K, i64)>,
    ) -> Result<(), Error>
    where
        Self: Sized,
    {
        counters.increment_many(increments.into_iter().map(|(key, by)| (self, key, by)))
    }

    /// Subtracts from a counter of this instance: [`Counters::decrement`].
    ///
    /// # Errors
    ///
    /// As [`Counters::decrement`].
    fn decrement_counter(
        &self,
        counters: &Counters,
        key: impl KeyOf<Self>,
        by: i64,
    ) -> Result<(), Error>
    where
        Self: Sized,
    {
        counters.decrement(self, key, by)
    }

    /// The value of a counter of this instance: [`Counters::get`].
    ///
    /// # Errors
    ///
    /// As [`Counters::get`].
    fn counter(&self, counters: &Counters, key: impl KeyOf<Self>) -> Result<i64, Error>
    where
        Self: Sized,
    {
        counters.get(self, key)
    }

    /// The values of some counters of this instance in one look and one query:
    /// [`Counters::get_many`].
    ///
    /// # Errors
    ///
    /// As [`Counters::get_many`].
    fn counters<K: KeyOf<Self>, const N: usize>(
        &self,
        counters: &Counters,
        keys: [K; N],
    ) -> Result<[i64; N], Error>
    where
        Self: Sized,
    {
        let mut values = [0; N];
        let read = counters.get_many(keys.into_iter().map(|key| (self, key)))?;
        values.iter_mut().zip(read).for_each(|(value, read)| *value = read);
        Ok(values)
    }

    /// What a counter of this instance counted in the periods of a span:
    /// [`During::get`](crate::During::get).
    ///
    /// # Errors
    ///
    /// As [`During::get`](crate::During::get).
    fn counter_during(
        &self,
        counters: &Counters,
        key: impl KeyOf<Self>,
        span: impl Into<Span>,
    ) -> Result<i64, Error>
    where
        Self: Sized,
    {
        counters.during(span).get(self, key)
    }

    /// What a counter of this instance counted in each step of a span: [`Counters::series`].
    ///
    /// # Errors
    ///
    /// As [`Counters::series`].
    fn counter_series(
        &self,
        counters: &Counters,
        key: impl KeyOf<Self>,
        span: impl Into<Span>,
    ) -> Result<Series, Error>
    where
        Self: Sized,
    {
        counters.series(self, key, span)
    }

    /// All counters of this instance, by key: [`Counters::all`].
    ///
    /// # Errors
    ///
    /// As [`Counters::all`].
    fn all_counters(&self, counters: &Counters) -> Result<BTreeMap<String, i64>, Error>
    where
        Self: Sized,
    {
        counters.all(self)
    }

    /// Gives a counter of this instance a value: [`Counters::set`].
    ///
    /// # Errors
    ///
    /// As [`Counters::set`].
    fn set_counter(
        &self,
        counters: &Counters,
        key: impl KeyOf<Self>,
        value: i64,
    ) -> Result<(), Error>
    where
        Self: Sized,
    {
        counters.set(self, key, value)
    }

    /// Sets a counter of this instance to 0: [`Counters::reset`].
    ///
    /// # Errors
    ///
    /// As [`Counters::reset`].
    fn reset_counter(&self, counters: &Counters, key: impl KeyOf<Self>) -> Result<(), Error>
    where
        Self: Sized,
    {
        counters.reset(self, key)
    }

    /// Removes a counter of this instance: [`Counters::delete`].
    ///
    /// # Errors
    ///
    /// As [`Counters::delete`].
    fn delete_counter(&self, counters: &Counters, key: impl KeyOf<Self>) -> Result<(), Error>
    where
        Self: Sized,
    {
        counters.delete(self, key)
    }
}

impl<M: HasCounters + ?Sized> CounterOwner for &M {
    type Model = M;

    fn owner(&self) -> Result<Cow<'_, Owner>, Invalid> {
        Ok(Cow::Owned(Owner::of(M::OWNER_TYPE, self.counter_owner_id()?)))
    }

    fn declared_keys() -> &'static [CounterKey] {
        M::KEYS
    }

    fn grains_of(key: &CounterKey) -> &'static [Grain] {
        M::grains_of(key)
    }

    fn declared_gauges() -> &'static [CounterKey] {
        M::GAUGES
    }

    fn gauge_grains_of(gauge: &CounterKey) -> &'static [Grain] {
        M::gauge_grains_of(gauge)
    }

    fn zone(&self) -> Result<OwnerZone, Invalid> {
        let without = if M::HAS_ZONE { OwnerZone::Configured } else { OwnerZone::Undeclared };
        Ok(M::counter_zone(self)?.map_or(without, OwnerZone::Own))
    }
}

impl<M: HasCounters> CounterOwner for OwnerOf<M> {
    type Model = M;

    fn owner(&self) -> Result<Cow<'_, Owner>, Invalid> {
        Ok(Cow::Borrowed(OwnerOf::owner(self)))
    }

    fn declared_keys() -> &'static [CounterKey] {
        M::KEYS
    }

    fn grains_of(key: &CounterKey) -> &'static [Grain] {
        M::grains_of(key)
    }

    fn declared_gauges() -> &'static [CounterKey] {
        M::GAUGES
    }

    fn gauge_grains_of(gauge: &CounterKey) -> &'static [Grain] {
        M::gauge_grains_of(gauge)
    }

    fn zone(&self) -> Result<OwnerZone, Invalid> {
        Ok(zone_by_id::<M>())
    }
}

impl<M: HasCounters> CounterOwner for &OwnerOf<M> {
    type Model = M;

    fn owner(&self) -> Result<Cow<'_, Owner>, Invalid> {
        Ok(Cow::Borrowed(OwnerOf::owner(self)))
    }

    fn declared_keys() -> &'static [CounterKey] {
        M::KEYS
    }

    fn grains_of(key: &CounterKey) -> &'static [Grain] {
        M::grains_of(key)
    }

    fn declared_gauges() -> &'static [CounterKey] {
        M::GAUGES
    }

    fn gauge_grains_of(gauge: &CounterKey) -> &'static [Grain] {
        M::gauge_grains_of(gauge)
    }

    fn zone(&self) -> Result<OwnerZone, Invalid> {
        Ok(zone_by_id::<M>())
    }
}

/// Returns the zone of an instance of which only the id is known.
fn zone_by_id<M: HasCounters>() -> OwnerZone {
    if M::HAS_ZONE { OwnerZone::Unknown } else { OwnerZone::Undeclared }
}
