//! What Diesel's own attributes say. They are Diesel's to check: whatever is not understood is passed over.

use proc_macro2::Ident;
use syn::ext::IdentExt;
use syn::{Attribute, Meta, parse2};

use crate::item::{Item, Value, split};

/// The columns of `#[diesel(primary_key(...))]`; none if the attribute does not say.
pub(crate) fn primary_key(attrs: &[Attribute]) -> Vec<Ident> {
    let columns = items(attrs).find_map(|item| match item.value {
        Value::List(columns) if item.name == "primary_key" => Some(columns),
        _ => None,
    });
    split(columns.unwrap_or_default())
        .into_iter()
        .filter_map(|column| parse2::<Item>(column).ok())
        .map(|column| column.name)
        .collect()
}

/// The column of `#[diesel(column_name = ...)]`, which Diesel takes as a name or as a text.
pub(crate) fn column_name(attrs: &[Attribute]) -> Option<String> {
    items(attrs).filter(|item| item.name == "column_name").find_map(|item| match item.value {
        Value::Name(column) => Some(column.unraw().to_string()),
        Value::Text(column) => Some(column.value()),
        _ => None,
    })
}

fn items(attrs: &[Attribute]) -> impl Iterator<Item = Item> {
    attrs
        .iter()
        .filter(|attr| attr.path().is_ident("diesel"))
        .filter_map(|attr| match &attr.meta {
            Meta::List(list) => Some(split(list.tokens.clone())),
            _ => None,
        })
        .flatten()
        .filter_map(|piece| parse2(piece).ok())
}
