use proc_macro2::Ident;
use syn::{DeriveInput, Path};

use super::shape::{self, Shape};
use super::valid_key::{self, ValidKey};
use super::{enum_name, owner_type, primary_key, zone};
use crate::input::{Field, Input};
use crate::mistakes::Mistakes;

/// A checked model. If there were mistakes, it holds the valid parts, for the fallback.
pub(crate) struct Model<'a> {
    pub(crate) item: &'a DeriveInput,
    pub(crate) owner_type: String,
    /// The field that is the primary key; `None` only if a mistake about it was reported.
    pub(crate) id: Option<&'a Field<'a>>,
    /// Whether the primary key has the bytes of a UUID.
    pub(crate) has_uuid_bytes: bool,
    /// The column of the primary key, if it is known.
    pub(crate) column: Option<Path>,
    pub(crate) key_enum: Ident,
    pub(crate) keys: Vec<ValidKey>,
    pub(crate) gauge_enum: Ident,
    pub(crate) gauges: Vec<ValidKey>,
    /// The field that holds the owner's time zone, if the model names one.
    pub(crate) zone: Option<&'a Field<'a>>,
}

/// Checks everything, and goes on after a mistake.
pub(crate) fn check<'a>(input: &'a Input<'a>, mistakes: &mut Mistakes) -> Model<'a> {
    let id = match shape::check(input.item, mistakes) {
        Shape::Struct => primary_key::find(input, mistakes),
        Shape::Other => None,
    };
    shape::check_generics(input.item, mistakes);
    let owner_type = owner_type::check(input, mistakes);
    let key_enum = enum_name::of_keys(input, mistakes);
    let keys = valid_key::check(input.options.keys.as_deref().unwrap_or_default(), &[], mistakes);
    let gauges = input.options.gauges.as_deref().unwrap_or_default();
    let gauges = valid_key::check(gauges, &keys, mistakes);
    Model {
        item: input.item,
        owner_type,
        id,
        has_uuid_bytes: input.options.has_uuid_bytes,
        column: id.and_then(|id| primary_key::column(input, id)),
        key_enum,
        keys,
        gauge_enum: enum_name::of_gauges(input, mistakes),
        gauges,
        zone: zone::find(input, mistakes),
    }
}
