use std::borrow::Cow;

use counter_core::{CounterKey, Grain, Invalid, Owner};

use super::owner_zone::OwnerZone;

/// An owner of counters: a model (`&post`), a model's id
/// ([`HasCounters::counter_owner`](crate::HasCounters::counter_owner)), or an [`Owner`] whose type
/// is only text.
///
/// ```
/// # use counter_diesel::{Counters, Error, HasCounters, Owner};
/// # #[derive(HasCounters)]
/// # #[counters(keys(views))]
/// # struct Post { id: i64 }
/// # fn read(counters: &Counters, post: &Post) -> Result<(), Error> {
/// counters.get(post, PostCounter::Views)?;
/// counters.get(Post::counter_owner(42)?, PostCounter::Views)?;
/// counters.get(Owner::new("post", 42)?, "views")?;
/// counters.get(Owner::global(), "sign-ups")?;
/// # Ok(()) }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not own counters",
    label = "not an owner of counters",
    note = "pass a reference to a model with `#[derive(HasCounters)]`, \
         `Model::counter_owner(id)?`, or `Owner::new(\"type\", id)?`"
)]
pub trait CounterOwner {
    /// The model, which decides what is a key of it; [`Owner`] itself where that is not known.
    type Model: ?Sized;

    /// The owner.
    ///
    /// # Errors
    ///
    /// [`Invalid`] if the model's key cannot be an owner id.
    fn owner(&self) -> Result<Cow<'_, Owner>, Invalid>;

    /// The keys that the model declares.
    fn declared_keys() -> &'static [CounterKey] {
        &[]
    }

    /// The grains by which the model counts a key.
    fn grains_of(_key: &CounterKey) -> &'static [Grain] {
        &[]
    }

    /// The gauges that the model declares.
    fn declared_gauges() -> &'static [CounterKey] {
        &[]
    }

    /// The grains by which the model keeps the readings of a gauge.
    fn gauge_grains_of(_gauge: &CounterKey) -> &'static [Grain] {
        &[]
    }

    /// The zone in which the owner's days begin, and so its weeks, months, quarters and years.
    /// Default: the configured one, unless a model of this type that the builder knows has zones.
    ///
    /// # Errors
    ///
    /// [`Invalid`] if the owner has a zone of its own, and it is a text that is none.
    fn zone(&self) -> Result<OwnerZone, Invalid> {
        Ok(OwnerZone::Undeclared)
    }
}

impl CounterOwner for Owner {
    type Model = Owner;

    fn owner(&self) -> Result<Cow<'_, Owner>, Invalid> {
        Ok(Cow::Borrowed(self))
    }
}

impl CounterOwner for &Owner {
    type Model = Owner;

    fn owner(&self) -> Result<Cow<'_, Owner>, Invalid> {
        Ok(Cow::Borrowed(self))
    }
}
