//! Reads Diesel's own attributes. Diesel checks them, so what is not understood here is ignored.

use proc_macro2::{Ident, TokenStream};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, Meta, Path, Result, Token, parse2};

use crate::item::{Item, Value, split};

/// Returns the columns of `#[diesel(primary_key(...))]`; none if there is no such attribute.
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

/// Returns the path of `#[diesel(table_name = ...)]`.
pub(crate) fn table_name(attrs: &[Attribute]) -> Option<Path> {
    pieces(attrs).find_map(|piece| parse2(piece).ok()).map(|TableName(path)| path)
}

struct TableName(Path);

impl Parse for TableName {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let name = input.call(Ident::parse_any)?;
        if name != "table_name" {
            return Err(input.error("another option"));
        }
        input.parse::<Token![=]>()?;
        input.call(Path::parse_mod_style).map(Self)
    }
}

/// Returns whether Diesel loads a field from a column, and not from an expression or a struct.
pub(crate) fn is_column(attrs: &[Attribute]) -> bool {
    items(attrs).all(|item| item.name != "select_expression" && item.name != "embed")
}

/// Returns the column of `#[diesel(column_name = ...)]`, which Diesel accepts bare and in quotes.
pub(crate) fn column_name(attrs: &[Attribute]) -> Option<String> {
    items(attrs).filter(|item| item.name == "column_name").find_map(|item| match item.value {
        Value::Name(column) => Some(column.unraw().to_string()),
        Value::Text(column) => Some(column.value()),
        _ => None,
    })
}

fn items(attrs: &[Attribute]) -> impl Iterator<Item = Item> {
    pieces(attrs).filter_map(|piece| parse2(piece).ok())
}

fn pieces(attrs: &[Attribute]) -> impl Iterator<Item = TokenStream> {
    attrs
        .iter()
        .filter(|attr| attr.path().is_ident("diesel"))
        .filter_map(|attr| match &attr.meta {
            Meta::List(list) => Some(split(list.tokens.clone())),
            _ => None,
        })
        .flatten()
}
