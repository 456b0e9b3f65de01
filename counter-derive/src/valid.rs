//! From what was written to a model that can be expanded, or to everything that is wrong with it.

use heck::ToSnakeCase;
use proc_macro2::Ident;
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::{Data, DeriveInput, Fields, GenericParam, Path};

use crate::ast::{Field, Input};
use crate::mistakes::Mistakes;

mod id;
mod keys;
mod text;

pub(crate) use keys::Key;

/// A model. Where there were mistakes it holds what is right nevertheless, for the fallback.
pub(crate) struct Model<'a> {
    pub(crate) item: &'a DeriveInput,
    pub(crate) owner_type: String,
    /// The field that is the primary key; `None` only if that is among the mistakes.
    pub(crate) id: Option<&'a Field<'a>>,
    /// The column of the primary key, where it is known.
    pub(crate) column: Option<Path>,
    pub(crate) key_enum: Ident,
    pub(crate) keys: Vec<Key>,
}

/// Checks everything, whatever is found on the way.
pub(crate) fn model<'a>(input: &'a Input<'a>, mistakes: &mut Mistakes) -> Model<'a> {
    let id = match check_shape(input.item, mistakes) {
        Shape::Struct => id::find(input, mistakes),
        Shape::Other => None,
    };
    check_generics(input.item, mistakes);
    Model {
        item: input.item,
        owner_type: owner_type(input, mistakes),
        id,
        column: id.and_then(|id| id::column(input, id)),
        key_enum: keys::enum_name(input, mistakes),
        keys: keys::check(input.options.keys.as_deref().unwrap_or_default(), mistakes),
    }
}

enum Shape {
    /// With named fields, among which an id can be looked for.
    Struct,
    Other,
}

fn check_shape(item: &DeriveInput, mistakes: &mut Mistakes) -> Shape {
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
const NOT_A_STRUCT: &str = "only a struct can have counters: derive `HasCounters` for the one that Diesel \
                            loads a row into";

fn check_generics(item: &DeriveInput, mistakes: &mut Mistakes) {
    for param in &item.generics.params {
        let name = match param {
            GenericParam::Lifetime(_) => continue,
            GenericParam::Type(param) => &param.ident,
            GenericParam::Const(param) => &param.ident,
        };
        mistakes.add(
            param,
            format!(
                "a model with counters cannot be generic: remove `{name}`, or write `impl HasCounters` \
                 for each type that takes its place"
            ),
        );
    }
}

/// The type of a model that belongs to no model.
const RESERVED: &str = "global";

fn owner_type(input: &Input<'_>, mistakes: &mut Mistakes) -> String {
    let given = input.options.owner_type.as_ref();
    let (text, place, way_out): (_, &dyn ToTokens, _) = match given {
        Some(given) => (given.value(), given, "choose another"),
        None => (
            input.item.ident.unraw().to_string().to_snake_case(),
            &input.item.ident,
            "add `#[counters(owner_type = \"...\")]`",
        ),
    };
    if let Some(flaw) = text::flaw(&text, text::OWNER_TYPE_CHARS) {
        mistakes.add(place, format!("the owner type {flaw}: {way_out}"));
    } else if text == RESERVED {
        mistakes.add(
            place,
            format!(
                "the owner type `{RESERVED}` is reserved for counters without a model: {way_out}"
            ),
        );
    }
    text
}
