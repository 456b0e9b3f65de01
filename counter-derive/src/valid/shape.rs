use syn::{Data, DeriveInput, Fields, GenericParam};

use crate::mistakes::Mistakes;

/// The item that the derive is on.
pub(super) enum Shape {
    /// A struct with named fields, one of which can be the id.
    Struct,
    Other,
}

/// Reports an item that is no struct with named fields.
pub(super) fn check(item: &DeriveInput, mistakes: &mut Mistakes) -> Shape {
    match &item.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(_) => return Shape::Struct,
            Fields::Unnamed(fields) => mistakes.add(fields, NAMELESS),
            Fields::Unit => mistakes.add(&item.ident, NAMELESS),
        },
        Data::Enum(data) => mistakes.add(data.enum_token, NOT_A_STRUCT),
        Data::Union(data) => mistakes.add(data.union_token, NOT_A_STRUCT),
    }
    Shape::Other
}

const NAMELESS: &str = "a model needs named fields, one of which is its primary key: \
                        write `{ id: i64, ... }`";
const NOT_A_STRUCT: &str = "only a struct can have counters: derive `HasCounters` for the one that \
                            Diesel loads a row into";

/// Reports type and const parameters.
pub(super) fn check_generics(item: &DeriveInput, mistakes: &mut Mistakes) {
    for param in &item.generics.params {
        let name = match param {
            GenericParam::Lifetime(_) => continue,
            GenericParam::Type(param) => &param.ident,
            GenericParam::Const(param) => &param.ident,
        };
        mistakes.add(
            param,
            format!(
                "a model with counters cannot be generic: remove `{name}`, or write `impl \
                 HasCounters` for each type that takes its place"
            ),
        );
    }
}
