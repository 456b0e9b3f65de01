use proc_macro2::Ident;
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::{GenericArgument, Path, PathArguments, Type};

use crate::input::{Field, Input};
use crate::mistakes::Mistakes;

/// The column that is the primary key if no attribute names another.
const USUAL_COLUMN: &str = "id";

/// Returns the field that is the primary key.
pub(super) fn find<'a>(input: &'a Input<'a>, mistakes: &mut Mistakes) -> Option<&'a Field<'a>> {
    let column = match input.primary_key.as_slice() {
        [] => USUAL_COLUMN.to_owned(),
        [column] => column.unraw().to_string(),
        [_, others @ ..] => {
            for other in others {
                mistakes.add(other, COMPOSITE);
            }
            return None;
        }
    };
    let id = input.fields.iter().find(|field| field.column == column);
    match id {
        Some(id) => check_type(id, input.options.has_uuid_bytes, mistakes),
        None => mistakes.add(&input.item.ident, missing(&column)),
    }
    id
}

/// Returns the column of the primary key `id`, if the struct names its table.
pub(super) fn column(input: &Input<'_>, id: &Field<'_>) -> Option<Path> {
    let mut path = input.table.clone().filter(|_| id.is_column)?;
    let column = match input.primary_key.as_slice() {
        [column] => column.clone(),
        _ => Ident::new(USUAL_COLUMN, id.name.span()),
    };
    path.segments.push(column.into());
    Some(path)
}

const COMPOSITE: &str = "the owner of a counter has one id, so a composite primary key cannot \
                         be one: give the table a single key, or write `impl HasCounters` by hand";

fn missing(column: &str) -> String {
    format!(
        "no field is the primary key `{column}`: add it, or mark the field that is with \
         `#[diesel(column_name = {column})]`, or name another column with \
         `#[diesel(primary_key(...))]` on the struct"
    )
}

/// Refuses types that are certainly no ids. Any other can be a newtype that implements `ToOwnerId`.
fn check_type(id: &Field<'_>, has_uuid_bytes: bool, mistakes: &mut Mistakes) {
    let ty = peel(id.ty);
    if let Some(inner) = inside_option(ty) {
        let (ty, inner) = (text(ty), text(inner));
        mistakes
            .add(id.ty, format!("a primary key is never null: write `{inner}` instead of `{ty}`"));
    } else if is_no_id(ty) {
        mistakes.add(
            id.ty,
            format!(
                "`{}` cannot be the id of a counter's owner: integers of up to 64 bits, texts and \
                 UUIDs can, and so can a newtype with `impl ToOwnerId`",
                text(ty)
            ),
        );
    } else if has_uuid_bytes && is_text(ty) {
        let why = "is a text already, and `id = uuid` is for bytes: remove the option";
        mistakes.add(id.ty, format!("`{}` {why}", text(ty)));
    } else if !has_uuid_bytes && is_bytes(ty) {
        let why = "has bytes, which are no id: if they are a UUID, write `#[counters(id = uuid)]`";
        mistakes.add(id.ty, format!("`{}` {why}", text(ty)));
    }
}

/// Returns the type without the groups that a `macro_rules!` macro leaves around it.
fn peel(ty: &Type) -> &Type {
    match ty {
        Type::Group(group) => peel(&group.elem),
        Type::Paren(paren) => peel(&paren.elem),
        _ => ty,
    }
}

fn inside_option(ty: &Type) -> Option<&Type> {
    let Type::Path(ty) = ty else { return None };
    first_argument(&ty.path).filter(|_| is_std(&ty.path, "option", "Option"))
}

/// Returns the first type between the angle brackets at the end of a path.
fn first_argument(path: &Path) -> Option<&Type> {
    let PathArguments::AngleBracketed(arguments) = &path.segments.last()?.arguments else {
        return None;
    };
    match arguments.args.first()? {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    }
}

fn is_no_id(ty: &Type) -> bool {
    let no_ids = ["bool", "char", "f32", "f64", "i128", "u128", "isize", "usize"];
    matches!(ty, Type::Path(ty) if no_ids.iter().any(|name| ty.path.is_ident(name)))
}

fn is_text(ty: &Type) -> bool {
    match ty {
        Type::Path(ty) => is_std(&ty.path, "string", "String") || ty.path.is_ident("str"),
        Type::Reference(reference) => is_text(peel(&reference.elem)),
        _ => false,
    }
}

/// Returns whether a type is written as bytes: `Vec<u8>`, `[u8; 16]`, `&[u8]`.
fn is_bytes(ty: &Type) -> bool {
    let is_byte = |ty: &Type| matches!(ty, Type::Path(ty) if ty.path.is_ident("u8"));
    match ty {
        Type::Array(array) => is_byte(&array.elem),
        Type::Slice(slice) => is_byte(&slice.elem),
        Type::Reference(reference) => is_bytes(peel(&reference.elem)),
        Type::Path(path) => {
            is_std(&path.path, "vec", "Vec") && first_argument(&path.path).is_some_and(is_byte)
        }
        _ => false,
    }
}

/// Returns whether a path is written as the standard library's type: `Option`,
/// `std::option::Option`.
///
/// Users who have a type of that name can write `self::Option`.
fn is_std(path: &Path, module: &str, name: &str) -> bool {
    let segments: Vec<_> = path.segments.iter().map(|segment| &segment.ident).collect();
    match segments.as_slice() {
        [last] => *last == name,
        [root, middle, last] => {
            ["std", "core", "alloc"].iter().any(|std| *root == std)
                && *middle == module
                && *last == name
        }
        _ => false,
    }
}

/// Returns a type as people write it.
fn text(ty: &Type) -> String {
    let text = ty.to_token_stream().to_string();
    text.replace(" < ", "<").replace(" >", ">").replace("& ", "&").replace(" :: ", "::")
}
