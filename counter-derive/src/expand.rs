use proc_macro2::TokenStream;
use quote::quote;
use syn::Path;

use crate::ast::Field;
use crate::key_enum;
use crate::valid::Model;

/// The code for a model without mistakes.
pub(crate) fn expand(model: &Model<'_>, id: &Field<'_>, root: &Path) -> TokenStream {
    let has_counters = has_counters(model, &model.owner_type, &owner_id(id, root), root);
    let owner_column = owner_column(model, root);
    let key_enum = key_enum::expand(model, root);
    quote! {
        #has_counters
        #owner_column
        #key_enum
    }
}

/// The trait's implementation.
///
/// Here and in the enum all paths are absolute, primitive types included, because everything may mean
/// something else where the struct stands. And a deprecated model is named without a warning: it is not us
/// who chose to use it.
pub(crate) fn has_counters(
    model: &Model<'_>,
    owner_type: &str,
    owner_id: &TokenStream,
    root: &Path,
) -> TokenStream {
    let name = &model.item.ident;
    let (impl_generics, type_generics, where_clause) = model.item.generics.split_for_impl();
    let keys = model.keys.iter().map(|key| &key.text);
    quote! {
        #[automatically_derived]
        #[allow(deprecated)]
        impl #impl_generics #root::HasCounters for #name #type_generics #where_clause {
            const OWNER_TYPE: #root::OwnerType = #root::OwnerType::from_static(#owner_type);

            const KEYS: &'static [#root::CounterKey] = &[
                #(#root::CounterKey::from_static(#keys)),*
            ];

            fn counter_owner_id(&self) -> ::core::result::Result<#root::OwnerId, #root::Invalid> {
                #owner_id
            }
        }
    }
}

/// Where the ids are in a query; nothing for a model that names no table.
pub(crate) fn owner_column(model: &Model<'_>, root: &Path) -> TokenStream {
    let Some(column) = &model.column else {
        return TokenStream::new();
    };
    let name = &model.item.ident;
    let (impl_generics, type_generics, where_clause) = model.item.generics.split_for_impl();
    quote! {
        #[automatically_derived]
        #[allow(deprecated)]
        impl #impl_generics #root::HasOwnerColumn for #name #type_generics #where_clause {
            type Column = #column;

            const COLUMN: #column = #column;
        }
    }
}

/// The type is named with the field's own tokens, so that the compiler points there if it is no id.
fn owner_id(id: &Field<'_>, root: &Path) -> TokenStream {
    let Field { name, ty, .. } = id;
    quote!(<#ty as #root::ToOwnerId>::to_owner_id(&self.#name))
}
