//! The models with the highest values.

use counter_core::{CounterId, CounterKey, Owner, OwnerId, OwnerType};

use crate::counters::counters::Counters;
use crate::counters::has_counters::HasCounters;
use crate::error::Error;
use crate::owner::key_of::KeyOf;
use crate::owner::owner_of::OwnerOf;

impl Counters {
    /// The `n` instances of a model with the highest values of a counter, the highest first, with
    /// those values.
    ///
    /// They are the `n` with the highest values *in the table*, put in order by their exact values:
    /// what is pending for them is counted in. What is pending for others is not known here. So an
    /// owner is missed that rose into the first `n` since the last sync, and one whose counter has
    /// fallen, or is being deleted, is still among them until the next. Owners without a row, which
    /// have not been synced yet, are not found at all; neither is it asked whether an owner's own
    /// row is still there.
    ///
    /// Two queries and one round trip to the store. `count` carries no index, so that syncs are
    /// cheap; the first query therefore reads every counter of the model, of whatever key: for
    /// 100,000 posts with two counters that took 20 ms on PostgreSQL, 45 ms on SQLite and 160 ms on
    /// MariaDB. Where it is asked often, keep the answer for some seconds.
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
        let candidates = self.engine().ledger().top(owner_type, &key, n)?;
        ranked(owner_type, candidates, &key, |ids| self.engine().get_many(ids))
    }
}

/// Candidates with their values, in the order of these.
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
