//! The trait of models that own counters.

use counter_core::{CounterKey, Invalid, Owner, OwnerId, OwnerType, ToOwnerId};

use crate::owner_of::OwnerOf;

/// A model whose instances own counters. Derive it: `#[derive(HasCounters)]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no counters",
    label = "not a model with counters",
    note = "if `{Self}` is a model, add `#[derive(HasCounters)]` to it; an owner that is no model is \
            `Owner::new(\"type\", id)?`"
)]
pub trait HasCounters {
    /// The owner type of this model's counters.
    const OWNER_TYPE: OwnerType;

    /// The keys that the model declares, in the order of their declaration. Others are allowed too.
    const KEYS: &'static [CounterKey];

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
}
