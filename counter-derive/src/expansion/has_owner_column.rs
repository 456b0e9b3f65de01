use proc_macro2::TokenStream;
use quote::quote;
use syn::Path;

use crate::valid::Model;

/// Returns the column of the ids for queries; nothing for a model that names no table.
pub(super) fn expand(model: &Model<'_>, root: &Path) -> TokenStream {
    let Some(column) = &model.column else {
        return TokenStream::new();
    };
    let name = &model.item.ident;
    let (impl_generics, type_generics, where_clause) = model.item.generics.split_for_impl();
    quote! {
        #[automatically_derived]
        #[allow(deprecated)]
        impl #impl_generics #root::derive_support::HasOwnerColumn
            for #name #type_generics #where_clause
        {
            type Column = #column;

            const COLUMN: #column = #column;
        }
    }
}

/// Returns the implementation for a column that has the bytes of UUIDs; nothing for a model that
/// does not say so.
pub(super) fn expand_uuid_bytes(model: &Model<'_>, root: &Path) -> TokenStream {
    if !model.has_uuid_bytes {
        return TokenStream::new();
    }
    let name = &model.item.ident;
    let (impl_generics, type_generics, where_clause) = model.item.generics.split_for_impl();
    quote! {
        #[automatically_derived]
        #[allow(deprecated)]
        impl #impl_generics #root::derive_support::HasUuidBytes
            for #name #type_generics #where_clause
        {
        }
    }
}
