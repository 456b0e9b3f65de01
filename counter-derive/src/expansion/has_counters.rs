use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::Path;

use crate::input::Field;
use crate::valid::{Model, ValidKey};

/// Returns the implementation of `HasCounters`.
pub(super) fn expand(
    model: &Model<'_>,
    owner_type: &str,
    owner_id: &TokenStream,
    root: &Path,
) -> TokenStream {
    let name = &model.item.ident;
    let (impl_generics, type_generics, where_clause) = model.item.generics.split_for_impl();
    let keys = model.keys.iter().map(|key| &key.text);
    let gauges = gauges(model, root);
    let grains_of = grains_of("grains_of", &model.keys, root);
    let zone = zone(model, root);
    quote! {
        #[automatically_derived]
        #[allow(deprecated)]
        impl #impl_generics #root::HasCounters for #name #type_generics #where_clause {
            const OWNER_TYPE: #root::derive_support::OwnerType =
                #root::derive_support::OwnerType::from_static(#owner_type);

            const KEYS: &'static [#root::CounterKey] = &[
                #(#root::CounterKey::from_static(#keys)),*
            ];

            fn counter_owner_id(
                &self,
            ) -> ::core::result::Result<#root::OwnerId, #root::derive_support::Invalid> {
                #owner_id
            }

            #grains_of

            #gauges

            #zone
        }
    }
}

/// Returns what the trait says of the zone; nothing if the model names no field for it.
fn zone(model: &Model<'_>, root: &Path) -> TokenStream {
    let Some(Field { name, ty, .. }) = model.zone else { return TokenStream::new() };
    quote! {
        const HAS_ZONE: ::core::primitive::bool = true;

        fn counter_zone(
            &self,
        ) -> ::core::result::Result<
            ::core::option::Option<#root::derive_support::Zone>,
            #root::derive_support::Invalid,
        > {
            <#ty as #root::derive_support::ToZone>::to_zone(&self.#name)
        }
    }
}

/// Returns what the trait says of gauges; nothing if the model declares none.
fn gauges(model: &Model<'_>, root: &Path) -> TokenStream {
    if model.gauges.is_empty() {
        return TokenStream::new();
    }
    let gauges = model.gauges.iter().map(|gauge| &gauge.text);
    let grains_of = grains_of("gauge_grains_of", &model.gauges, root);
    quote! {
        const GAUGES: &'static [#root::CounterKey] = &[
            #(#root::CounterKey::from_static(#gauges)),*
        ];

        #grains_of
    }
}

/// Returns the function of this name for the grains of a key; nothing if no key has any.
fn grains_of(name: &str, keys: &[ValidKey], root: &Path) -> TokenStream {
    let name = format_ident!("{name}");
    let with_grains = keys.iter().filter(|key| !key.grains.is_empty());
    let arms = with_grains.map(|key| {
        let (text, grains) = (&key.text, &key.grains);
        quote!(#text => &[#(#root::derive_support::Grain::#grains),*])
    });
    let arms = arms.collect::<Vec<_>>();
    if arms.is_empty() {
        return TokenStream::new();
    }
    quote! {
        fn #name(__key: &#root::CounterKey) -> &'static [#root::derive_support::Grain] {
            match #root::CounterKey::as_str(__key) {
                #(#arms,)*
                _ => &[],
            }
        }
    }
}

/// Returns the expression for the owner's id.
///
/// It names the type by the field's own tokens, so that the compiler points there if it is no id.
pub(super) fn owner_id(model: &Model<'_>, id: &Field<'_>, root: &Path) -> TokenStream {
    let Field { name, ty, .. } = id;
    if model.has_uuid_bytes {
        quote!(#root::derive_support::uuid_of::<#ty>(&self.#name))
    } else {
        quote!(<#ty as #root::ToOwnerId>::to_owner_id(&self.#name))
    }
}
