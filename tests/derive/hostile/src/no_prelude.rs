//! No prelude, and hence no `Ok`, no `Result`, no derives by their short names.

#![no_implicit_prelude]
#![allow(clippy::absolute_paths, reason = "all that is left")]

use ::counter_diesel::HasCounters;

/// A model with an id that is a newtype.
#[derive(HasCounters)]
#[counters(keys(views, r#type))]
#[allow(dead_code)]
pub(crate) struct Post<'a> {
    id: Id,
    title: &'a str,
}

pub(crate) struct Id;

impl ::counter_diesel::ToOwnerId for Id {
    fn to_owner_id(
        &self,
    ) -> ::core::result::Result<::counter_diesel::OwnerId, ::counter_diesel::error::Invalid> {
        ::counter_diesel::ToOwnerId::to_owner_id(&0_i64)
    }
}
