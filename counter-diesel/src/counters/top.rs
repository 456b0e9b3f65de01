//! The models with the highest values.

use counter_core::{CounterId, CounterKey, Grain, Owner, OwnerId, OwnerType};

use crate::counters::counters::Counters;
use crate::counters::during::During;
use crate::counters::has_counters::HasCounters;
use crate::engine::buckets::{Steps, zone_needed};
use crate::engine::kept;
use crate::engine::sums::sums_of_steps;
use crate::error::Error;
use crate::owner::key_of::KeyOf;
use crate::owner::owner_of::OwnerOf;
use crate::query::owner_column::{HasOwnerColumn, NamedColumn};

impl Counters {
    /// The `n` instances of a model with the highest values of a counter, the highest first, with
    /// those values.
    ///
    /// These are the `n` with the highest values *in the table*, ordered by their exact values,
    /// which include their pending increments. Pending increments of other owners are not known
    /// here. So an owner that rose into the first `n` since the last sync is missing, and an owner
    /// whose counter has fallen or is being deleted is still among them until the next. Owners
    /// without a row, which have not been synced yet, are not found. Whether the owner's own row
    /// still exists is not checked.
    ///
    /// Two queries and one round trip to the store. `count` has no index, so that syncs are cheap.
    /// So the first query reads every counter of the model, of every key: for 100,000 posts with
    /// two counters that took 20 ms on PostgreSQL, 45 ms on SQLite and 160 ms on MariaDB. If you
    /// call this often, cache the result for some seconds, or make the index of counts from the
    /// guide on queries.
    ///
    /// ```
    /// # use counter_diesel::{Counters, Error, HasCounters};
    /// # #[derive(HasCounters)]
    /// # #[counters(keys(views))]
    /// # struct Post { id: i64 }
    /// # fn show(counters: &Counters) -> Result<(), Error> {
    /// for (post, views) in counters.top::<Post>(PostCounter::Views, 10)? {
    ///     println!("post {}: {views} views", post.id());
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn top<M: HasCounters>(
        &self,
        key: impl KeyOf<M>,
        n: usize,
    ) -> Result<Vec<(OwnerOf<M>, i64)>, Error> {
        Ok(of_model(self.top_of(&M::OWNER_TYPE, key.counter_key()?, n)?))
    }

    /// Like [`top`](Self::top), for owners whose type is only text.
    ///
    /// ```
    /// # use counter_diesel::{Counters, Error};
    /// # use counter_diesel::query::OwnerType;
    /// # fn show(counters: &Counters) -> Result<(), Error> {
    /// for (owner, views) in counters.top_of(&OwnerType::new("post")?, "views", 10)? {
    ///     println!("{owner}: {views} views");
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn top_of(
        &self,
        owner_type: &OwnerType,
        key: impl KeyOf<Owner>,
        n: usize,
    ) -> Result<Vec<(Owner, i64)>, Error> {
        let key = key.counter_key()?;
        let candidates = self.engine().ledger().top(owner_type, &key, None, n)?;
        ranked(owner_type, candidates, &key, |ids| self.engine().get_many(ids))
    }
}

impl During<'_> {
    /// The `n` instances of a model that counted the most in the span, the highest first, with
    /// what they counted: trending posts.
    ///
    /// These are the owners whose buckets, with those that were rolled up, add up to the most *in
    /// the table*. Owners without a row in the model's
    /// own table are skipped, and the next ones take their places. The result is ordered by exact
    /// values, which include pending increments. As for [`Counters::top`], pending increments of
    /// other owners are not known here. Owners without buckets in the span are left out.
    ///
    /// The model must name its table, in the same database, by `#[diesel(table_name = posts)]`. If
    /// each owner has its own zone, the span must name one by [`zone`](crate::query::Span::zone),
    /// unless the span is a [`Period`](crate::query::Period).
    ///
    /// Three queries and one round trip to the store, and two more queries each time that owners
    /// must be skipped. The first reads every bucket of the model's counters: the guide to periods
    /// has an index for it. If you call this often, cache the result for some seconds.
    ///
    /// ```
    /// # use counter_diesel::{Counters, Error, HasCounters};
    /// # use counter_diesel::query::{Grain, Span};
    /// # diesel::table! { posts (id) { id -> BigInt, } }
    /// # #[derive(HasCounters)]
    /// # #[diesel(table_name = posts)]
    /// # #[counters(keys(views(every(day))))]
    /// # struct Post { id: i64 }
    /// # #[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
    /// # fn show(counters: &Counters) -> Result<(), Error> {
    /// let week = Span::last(7, Grain::Day);
    /// for (post, views) in counters.during(week).top::<Post>(PostCounter::Views, 10)? {
    ///     println!("post {}: {views} views this week", post.id());
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get), and [`CoreError::Invalid`](crate::error::CoreError::Invalid) if the
    /// span must name a zone.
    pub fn top<M>(&self, key: impl KeyOf<M>, n: usize) -> Result<Vec<(OwnerOf<M>, i64)>, Error>
    where
        M: HasCounters + HasOwnerColumn,
        M::Column: NamedColumn,
    {
        let ((table, column), key) = (M::COLUMN.place()?, key.counter_key()?);
        let ledger = self.counters.engine().ledger();
        let counted = Declared { grains: M::grains_of(&key), has_zone: M::HAS_ZONE };
        let present = |ids: Vec<OwnerId>| ledger.present_owners(&table, &column, &ids);
        Ok(of_model(self.highest(&M::OWNER_TYPE, &key, counted, n, present)?))
    }

    /// Like [`top`](Self::top), for owners whose type is only text. Includes owners that were
    /// deleted, because their table is not known.
    ///
    /// # Errors
    ///
    /// As [`top`](Self::top).
    pub fn top_of(
        &self,
        owner_type: &OwnerType,
        key: impl KeyOf<Owner>,
        n: usize,
    ) -> Result<Vec<(Owner, i64)>, Error> {
        let key = key.counter_key()?;
        let model = self.counters.calendar().declared(owner_type);
        let counted = Declared {
            grains: model.map_or(&[][..], |model| (model.grains_of)(&key)),
            has_zone: model.is_some_and(|model| model.has_zone),
        };
        self.highest(owner_type, &key, counted, n, Ok)
    }

    fn highest(
        &self,
        owner_type: &OwnerType,
        key: &CounterKey,
        counted: Declared,
        n: usize,
        present: impl Fn(Vec<OwnerId>) -> Result<Vec<OwnerId>, Error>,
    ) -> Result<Vec<(Owner, i64)>, Error> {
        let (engine, calendar) = (self.counters.engine(), self.counters.calendar());
        let zone = (!counted.has_zone).then(|| calendar.zone());
        let mut steps = Steps::at(calendar.now(), self.span, zone).ok_or_else(zone_needed)??;
        let stored = self.stored.as_deref().unwrap_or(counted.grains);
        let (now, zone) = (steps.now, steps.zone);
        let parts = steps.choose(key, stored, |grain| {
            let floor = kept::floor(engine, owner_type, key, grain)?;
            Ok(calendar.raised(floor, grain, now, zone))
        })?;
        if steps.needs_zone(parts) {
            return Err(zone_needed().into());
        }
        let ranges = steps.ranges(parts);
        if ranges.is_empty() {
            return Ok(Vec::new());
        }
        let most = |limit| engine.ledger().top(owner_type, key, Some(&ranges), limit);
        ranked(owner_type, first_present(n, most, present)?, key, |ids| {
            let of_steps = |id| Ok((id, steps.periods(id, stored)?));
            sums_of_steps(engine, ids.iter().map(of_steps).collect::<Result<Vec<_>, Error>>()?)
        })
    }
}

/// What is known of the key by which owners are ordered.
struct Declared {
    /// The grains by which it is counted.
    grains: &'static [Grain],
    /// Whether each owner has a zone of its own.
    has_zone: bool,
}

/// Returns the first `n` owners that are present. `most` returns the highest owners, at most as
/// many as it is asked for.
fn first_present(
    n: usize,
    most: impl Fn(usize) -> Result<Vec<OwnerId>, Error>,
    present: impl Fn(Vec<OwnerId>) -> Result<Vec<OwnerId>, Error>,
) -> Result<Vec<OwnerId>, Error> {
    let mut limit = n;
    loop {
        let found = most(limit)?;
        let are_all = found.len() < limit || limit == 0;
        let mut left = present(found)?;
        if left.len() >= n || are_all {
            left.truncate(n);
            return Ok(left);
        }
        limit = limit.saturating_mul(4);
    }
}

/// Candidates with their values, ordered by value.
pub(crate) fn ranked(
    owner_type: &OwnerType,
    candidates: Vec<OwnerId>,
    key: &CounterKey,
    values_of: impl FnOnce(&[CounterId]) -> Result<Vec<i64>, Error>,
) -> Result<Vec<(Owner, i64)>, Error> {
    let owners = candidates.into_iter().map(|id| Owner::of(owner_type.clone(), id));
    let owners = owners.collect::<Vec<_>>();
    let ids = owners.iter().map(|owner| CounterId::of(owner, key)).collect::<Vec<_>>();
    let mut top = owners.into_iter().zip(values_of(&ids)?).collect::<Vec<_>>();
    top.sort_by(|(a, x), (b, y)| y.cmp(x).then_with(|| a.cmp(b)));
    Ok(top)
}

/// Turns owners that are known to be instances of a model into owners of that model.
pub(crate) fn of_model<M: HasCounters>(top: Vec<(Owner, i64)>) -> Vec<(OwnerOf<M>, i64)> {
    top.into_iter().map(|(owner, value)| (OwnerOf::new(owner), value)).collect()
}

#[cfg(test)]
mod tests {
    use counter_core::ToOwnerId as _;

    use super::*;

    #[test]
    fn owners_that_are_gone_are_passed_over_until_there_are_enough() {
        let all = (1..=50_i64).map(|id| id.to_owner_id().unwrap()).collect::<Vec<_>>();
        let first = |n, is_there: fn(i64) -> bool| {
            let most = |limit| Ok(all.iter().take(limit).cloned().collect());
            let present = |mut ids: Vec<OwnerId>| {
                ids.retain(|id| id.as_i64().is_some_and(is_there));
                Ok(ids)
            };
            let found = first_present(n, most, present).unwrap();
            found.iter().filter_map(OwnerId::as_i64).collect::<Vec<_>>()
        };
        assert_eq!(first(3, |_| true), [1, 2, 3]);
        assert_eq!(first(3, |id| id % 10 == 0), [10, 20, 30]);
        assert_eq!(first(3, |id| id == 50), [50]);
        assert!(first(3, |_| false).is_empty() && first(0, |_| true).is_empty());
    }
}
