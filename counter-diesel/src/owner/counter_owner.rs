use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use counter_core::{CounterKey, Invalid, Owner, OwnerId};

use crate::counters::has_counters::HasCounters;

/// What counters can be asked of: a model (`&post`), a model's id ([`HasCounters::counter_owner`]), or an
/// [`Owner`] whose type is only text.
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
    note = "pass a reference to a model with `#[derive(HasCounters)]`, `Model::counter_owner(id)?`, \
            or `Owner::new(\"type\", id)?`"
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

impl<M: HasCounters + ?Sized> CounterOwner for &M {
    type Model = M;

    fn owner(&self) -> Result<Cow<'_, Owner>, Invalid> {
        Ok(Cow::Owned(Owner::of(M::OWNER_TYPE, self.counter_owner_id()?)))
    }

    fn declared_keys() -> &'static [CounterKey] {
        M::KEYS
    }
}

/// An instance of the model `M` of which only the id is known.
///
/// Made by [`HasCounters::counter_owner`], for code that counts without loading the row, and by
/// [`Counters::top`](crate::Counters::top).
pub struct OwnerOf<M: ?Sized> {
    owner: Owner,
    model: PhantomData<fn() -> M>,
}

impl<M: HasCounters> OwnerOf<M> {
    pub(crate) fn new(owner: Owner) -> Self {
        Self { owner, model: PhantomData }
    }

    /// Which instance it is.
    pub fn id(&self) -> &OwnerId {
        self.owner.id()
    }
}

impl<M: HasCounters> CounterOwner for OwnerOf<M> {
    type Model = M;

    fn owner(&self) -> Result<Cow<'_, Owner>, Invalid> {
        Ok(Cow::Borrowed(&self.owner))
    }

    fn declared_keys() -> &'static [CounterKey] {
        M::KEYS
    }
}

impl<M: HasCounters> CounterOwner for &OwnerOf<M> {
    type Model = M;

    fn owner(&self) -> Result<Cow<'_, Owner>, Invalid> {
        Ok(Cow::Borrowed(&self.owner))
    }

    fn declared_keys() -> &'static [CounterKey] {
        M::KEYS
    }
}

// Written out, because derives would ask the same of `M`.
impl<M: ?Sized> Clone for OwnerOf<M> {
    fn clone(&self) -> Self {
        Self { owner: self.owner.clone(), model: PhantomData }
    }
}

impl<M: ?Sized> fmt::Debug for OwnerOf<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OwnerOf").field(&self.owner).finish()
    }
}
