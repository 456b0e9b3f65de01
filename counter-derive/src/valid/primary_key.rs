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
        Some(id) => check_type(id, mistakes),
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
                         be one: give the table a single integer key, or write `impl HasCounters` \
                         by hand";

fn missing(column: &str) -> String {
    format!(
        "no field is the primary key `{column}`: add it, or mark the field that is with \
         `#[diesel(column_name = {column})]`, or name another column with \
         `#[diesel(primary_key(...))]` on the struct"
    )
}

/// Refuses types that are certainly no ids. Any other can be a newtype that implements `ToOwnerId`.
fn check_type(id: &Field<'_>, mistakes: &mut Mistakes) {
    let ty = peel(id.ty);
    if let Some(inner) = inside_option(ty) {
        let (ty, inner) = (text(ty), text(inner));
        mistakes
            .add(id.ty, format!("a primary key is never null: write `{inner}` instead of `{ty}`"));
    } else if is_no_id(ty) {
        mistakes.add(
            id.ty,
            format!(
                "`{}` cannot be the id of a counter's owner: i16, i32, i64 and u32 can, and so can \
                 a newtype with `impl ToOwnerId`",
                text(ty)
            ),
        );
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
    let PathArguments::AngleBracketed(arguments) = &ty.path.segments.last()?.arguments else {
        return None;
    };
    match arguments.args.first()? {
        GenericArgument::Type(inner) if is_std(&ty.path, "option", "Option") => Some(inner),
        _ => None,
    }
}

fn is_no_id(ty: &Type) -> bool {
    match ty {
        Type::Path(ty) => {
            is_std(&ty.path, "string", "String")
                || ["bool", "char", "f32", "f64"].iter().any(|name| ty.path.is_ident(name))
        }
        Type::Reference(reference) => match peel(&reference.elem) {
            Type::Path(ty) => ty.path.is_ident("str"),
            _ => false,
        },
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
