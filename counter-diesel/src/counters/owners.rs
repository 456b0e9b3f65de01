//! Owners that go, move or merge.

use std::ops::ControlFlow;

use counter_core::{CounterKey, InputKind, Invalid, Owner, OwnerType};

use super::counters::Counters;
use crate::engine::counting::{Declared, declared};
use crate::error::Error;
use crate::owner::counter_owner::CounterOwner;
use crate::sync::owners::merged::Merged;
use crate::sync::owners::{delete_all, merge};

impl Counters {
    /// Deletes every counter of an owner: those that have rows, those that the model declares, and
    /// all others of which the store holds anything, claimed or not; buckets of periods too.
    /// Returns how many counters there were, each bucket being one.
    ///
    /// Each is deleted as [`delete`](Self::delete) does it, one after the other. An increment that
    /// comes during the call may survive it, as a new counter: to be sure that nothing is left,
    /// delete the owner first, so that it is not counted any more.
    ///
    /// Scans the names in the store, as a sync does that looks at everything.
    ///
    /// ```
    /// # use counter_diesel::{Counters, Error, HasCounters};
    /// # #[derive(HasCounters)]
    /// # #[counters(keys(views))]
    /// # struct Post { id: i64 }
    /// # fn forget(counters: &Counters) -> Result<(), Error> {
    /// let deleted = counters.delete_all(Post::counter_owner(42)?)?;
    /// println!("{deleted} counters deleted");
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// The first error of a delete, after all others were tried, or until 16 in a row have failed.
    /// Call it again then: what is deleted already does no harm.
    pub fn delete_all<O: CounterOwner>(&self, owner: O) -> Result<u64, Error> {
        delete_all::delete_all(self.engine(), &*owner.owner()?, O::declared_keys())
    }

    /// Moves all counters of an owner to another one, whose counters of the same keys grow by as
    /// much, and removes the rows of the first.
    ///
    /// Both may be counted, read, set and synced meanwhile. Each step is one instant at which a
    /// counter of `from` loses what its counterpart gains: no increment is lost or counted twice,
    /// whatever dies or is not answered. So the call can be repeated: it then moves what was
    /// counted for `from` since. Several calls may run at once, also in opposite directions: a
    /// value is moved only if the counter was not moved, claimed or set since it was read. Stores
    /// in the memory of several processes do not know of each other, so there one process at a time
    /// may merge. What one read returns for the two together can be off while a sync applies one of
    /// them; what the table comes to have is not.
    ///
    /// Keys are those of `from`, declared or not; `into` need not declare them. A key that both
    /// have is added up, and so are their buckets of the same period.
    ///
    /// A counter of `from` that is counted all the time is moved five times and then
    /// [left](Merged::left). Both sides are then synced, so that what was moved is in the table
    /// when this returns, or is among those [not synced](Merged::unsynced).
    ///
    /// Gauges do not add up, so they stay as they are, with all their readings, and are among those
    /// that [failed](Merged::failed) with
    /// [`NotMergeable`](crate::error::GaugeProblem::NotMergeable): record what is right for `into`,
    /// and delete those of `from`. A key is known as a gauge by the model of either owner, or by a
    /// note that each process makes that records a gauge with grains. A key that no known model
    /// declares is one, too, if a reading was recorded in the last 8 days.
    ///
    /// Rows of `from` that have been 0 for an hour are removed. Younger ones
    /// [stay](Merged::rows_left) for the same call later, because a read may be under way that
    /// would be wrong without them.
    ///
    /// ```
    /// # use counter_diesel::{Counters, Error, HasCounters};
    /// # #[derive(HasCounters)]
    /// # #[counters(keys(views))]
    /// # struct Post { id: i64 }
    /// # fn merge(counters: &Counters) -> Result<(), Error> {
    /// let merged = counters.merge(Post::counter_owner(1)?, Post::counter_owner(2)?)?;
    /// if !merged.is_complete() {
    ///     eprintln!("merge again: {merged:?}");
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`CoreError::Invalid`](crate::error::CoreError::Invalid) if the two are one owner,
    /// [`Error::OtherDatabase`] if the database is not the one that the store is synced into, and
    /// what a read or a sync fails with. What was moved before an error stays moved, and the same
    /// call goes on. What concerns one counter alone is in [`Merged::failed`]: a sum that does not
    /// fit into 64 bits, or something else in the counter's place. Nothing of it is changed then.
    pub fn merge<F: CounterOwner, I: CounterOwner>(
        &self,
        from: F,
        into: I,
    ) -> Result<Merged, Error> {
        let (from, into) = (from.owner()?, into.owner()?);
        if from == into {
            return Err(itself(InputKind::OwnerId, from.to_string()).into());
        }
        let calendar = self.calendar();
        let declared_as = |key: &CounterKey| match declared::<F>(calendar, from.owner_type(), key) {
            Declared::Nothing => declared::<I>(calendar, into.owner_type(), key),
            declared => declared,
        };
        merge::merge(self.engine(), &from, &into, &declared_as)
    }

    /// Moves the counters of all owners of a type to the owners with the same ids of another type,
    /// as [`merge`](Self::merge) does for one: for a model that gets another name.
    ///
    /// Works in batches of a thousand counters, syncs each, and keeps little in memory. It can be
    /// interrupted and called again, and old processes may go on counting under the old name: call
    /// it again once they are gone. The guide `docs/renaming.md` has the order of steps.
    ///
    /// Gauges get their new name with all readings, those of 0 too. If both names have a reading of
    /// a period, the one that was recorded last stays; of the totals, the newest reading stays.
    /// Which keys are gauges is known as for a merge: name the model to the builder if you can.
    ///
    /// ```
    /// # use counter_diesel::{Counters, Error};
    /// # use counter_diesel::query::OwnerType;
    /// # fn rename(counters: &Counters) -> Result<(), Error> {
    /// let (old, new) = (OwnerType::new("blog_post")?, OwnerType::new("article")?);
    /// let merged = counters.rename_owner_type(&old, &new)?;
    /// println!("{} counters moved", merged.moved);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`merge`](Self::merge).
    pub fn rename_owner_type(&self, from: &OwnerType, into: &OwnerType) -> Result<Merged, Error> {
        self.rename_owner_type_observed(from, into, &mut |_| ControlFlow::Continue(()))
    }

    /// Like [`rename_owner_type`](Self::rename_owner_type), but calls `observer` after each batch.
    /// Returning [`ControlFlow::Break`] ends it; calling it again goes on.
    ///
    /// # Errors
    ///
    /// As [`merge`](Self::merge).
    pub fn rename_owner_type_observed(
        &self,
        from: &OwnerType,
        into: &OwnerType,
        observer: &mut dyn FnMut(&Merged) -> ControlFlow<()>,
    ) -> Result<Merged, Error> {
        if from == into {
            return Err(itself(InputKind::OwnerType, from.to_string()).into());
        }
        let calendar = self.calendar();
        let declared_as = |key: &CounterKey| match declared::<Owner>(calendar, from, key) {
            Declared::Nothing => declared::<Owner>(calendar, into, key),
            declared => declared,
        };
        merge::rename(self.engine(), from, into, &declared_as, observer)
    }
}

fn itself(kind: InputKind, text: String) -> Invalid {
    Invalid::Malformed { kind, text, why: "it cannot be merged into itself" }
}
