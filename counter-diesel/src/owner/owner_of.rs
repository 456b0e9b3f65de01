use std::fmt;
use std::marker::PhantomData;

use counter_core::{Owner, OwnerId};

/// An instance of the model `M` of which only the id is known.
///
/// Made by [`HasCounters::counter_owner`](crate::HasCounters::counter_owner), for code that counts
/// without loading the row, and by [`Counters::top`](crate::Counters::top).
pub struct OwnerOf<M: ?Sized> {
    owner: Owner,
    model: PhantomData<fn() -> M>,
}

impl<M: ?Sized> OwnerOf<M> {
    pub(crate) fn new(owner: Owner) -> Self {
        Self { owner, model: PhantomData }
    }

    pub(crate) fn owner(&self) -> &Owner {
        &self.owner
    }

    /// Returns the id of the instance.
    pub fn id(&self) -> &OwnerId {
        self.owner.id()
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
