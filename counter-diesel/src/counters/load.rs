//! The exact values for a page of models.

use counter_core::CounterId;

use crate::counters::counters::Counters;
use crate::error::Error;
use crate::owner::counter_owner::CounterOwner;
use crate::owner::key_of::KeyOf;

impl Counters {
    /// The values of some counters of each of many owners, in the order of the owners and of the
    /// keys: of the models on a page, after the query that loaded them.
    ///
    /// One round trip to the store and one query, for any number of owners on a page (the store is
    /// asked in turns for more than 4,000 counters); up to three more of each where a sync applies
    /// something in between. 0 where there is nothing.
    ///
    /// ```
    /// # use counter_diesel::{Counters, Error, HasCounters};
    /// # #[derive(HasCounters)]
    /// # #[counters(keys(views, likes))]
    /// # struct Post { id: i64 }
    /// # fn show(counters: &Counters, posts: Vec<Post>) -> Result<(), Error> {
    /// let values = counters.load(&posts, [PostCounter::Views, PostCounter::Likes])?;
    /// for (post, [views, likes]) in posts.iter().zip(values) {
    ///     println!("post {}: {views} views, {likes} likes", post.id);
    /// }
    /// # Ok(()) }
    /// ```
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
        let owners = owners.into_iter().collect::<Vec<_>>();
        Ok(in_rows(owners.len(), &self.engine().get_many(ids_of(&owners, &keys)?)?))
    }
}

/// The counters of these keys, owner by owner.
pub(crate) fn ids_of<O, K>(owners: &[O], keys: &[K]) -> Result<Vec<CounterId>, Error>
where
    O: CounterOwner,
    K: KeyOf<O::Model>,
{
    let keys = keys.iter().map(KeyOf::counter_key).collect::<Result<Vec<_>, _>>()?;
    let mut ids = Vec::new();
    for owner in owners {
        let owner = owner.owner()?;
        ids.extend(keys.iter().map(|key| CounterId::of(&owner, key)));
    }
    Ok(ids)
}

/// Values of which `N`, which may be none, belong to each of so many owners.
pub(crate) fn in_rows<const N: usize>(owners: usize, values: &[i64]) -> Vec<[i64; N]> {
    let mut rows = vec![[0; N]; owners];
    rows.as_flattened_mut().iter_mut().zip(values).for_each(|(place, value)| *place = *value);
    rows
}
