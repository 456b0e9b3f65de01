use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};
use syn::ext::IdentExt;
use syn::{Path, Visibility};

use crate::valid::{Model, ValidKey};

/// An enum of what a model declares.
struct KeyEnum<'a> {
    vis: &'a Visibility,
    name: &'a Ident,
    keys: &'a [ValidKey],
    /// What a variant is: `counter` or `gauge`.
    kind: &'static str,
    /// The trait that it implements for the model.
    key_of: &'static str,
}

/// Returns the enums of a model's keys and of its gauges; none for a model that declares none.
///
/// Parameters begin with two underscores, because Rust would read a parameter as a pattern if the
/// user has a constant of that name.
pub(super) fn expand(model: &Model<'_>, root: &Path) -> TokenStream {
    let vis = &model.item.vis;
    let (name, keys) = (&model.key_enum, &model.keys);
    let of_keys = KeyEnum { vis, name, keys, kind: "counter", key_of: "KeyOf" };
    let (name, keys) = (&model.gauge_enum, &model.gauges);
    let of_gauges = KeyEnum { vis, name, keys, kind: "gauge", key_of: "GaugeOf" };
    let enums = [of_keys, of_gauges].into_iter().filter(|all| !all.keys.is_empty());
    enums
        .flat_map(|all| {
            let model_name = model.item.ident.unraw().to_string();
            [
                definition(&all, &model_name),
                inherent(&all),
                display(&all),
                from_str(&all, root),
                key_of(model, &all, root),
            ]
        })
        .collect()
}

fn definition(all: &KeyEnum<'_>, model: &str) -> TokenStream {
    let KeyEnum { vis, name, keys, kind, .. } = all;
    let doc = format!("The {kind}s that `{model}` declares.");
    let variants = keys.iter().map(|key| {
        let doc = format!("The {kind} `{}`.", key.text.escape_debug());
        let variant = &key.variant;
        quote!(#[doc = #doc] #variant)
    });
    quote! {
        #[doc = #doc]
        #[derive(
            ::core::fmt::Debug,
            ::core::clone::Clone,
            ::core::marker::Copy,
            ::core::cmp::PartialEq,
            ::core::cmp::Eq,
            ::core::cmp::PartialOrd,
            ::core::cmp::Ord,
            ::core::hash::Hash,
        )]
        #vis enum #name {
            #(#variants),*
        }
    }
}

fn inherent(all: &KeyEnum<'_>) -> TokenStream {
    let KeyEnum { vis, name, keys, .. } = all;
    let variants = keys.iter().map(|key| &key.variant);
    let arms = keys.iter().map(|key| {
        let (variant, text) = (&key.variant, &key.text);
        quote!(Self::#variant => #text)
    });
    quote! {
        #[automatically_derived]
        impl #name {
            /// All of them, in the order of their declaration.
            #vis const ALL: &'static [Self] = &[#(Self::#variants),*];

            /// The key as text.
            #vis const fn as_str(self) -> &'static ::core::primitive::str {
                match self {
                    #(#arms),*
                }
            }
        }
    }
}

fn display(all: &KeyEnum<'_>) -> TokenStream {
    let name = all.name;
    quote! {
        #[automatically_derived]
        impl ::core::fmt::Display for #name {
            fn fmt(&self, __formatter: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                ::core::fmt::Formatter::pad(__formatter, Self::as_str(*self))
            }
        }
    }
}

/// Returns `FromStr`. It writes out the type of the error, because `Self::Err` is ambiguous beside
/// a key `err`.
fn from_str(all: &KeyEnum<'_>, root: &Path) -> TokenStream {
    let KeyEnum { name, keys, .. } = all;
    let arms = keys.iter().map(|key| {
        let (variant, text) = (&key.variant, &key.text);
        quote!(#text => ::core::result::Result::Ok(Self::#variant))
    });
    let texts: Vec<_> = keys.iter().map(|key| format!("{:?}", key.text)).collect();
    let expected = format!("expected one of {}", texts.join(", "));
    quote! {
        #[automatically_derived]
        impl ::core::str::FromStr for #name {
            type Err = #root::derive_support::Invalid;

            fn from_str(
                __text: &::core::primitive::str,
            ) -> ::core::result::Result<Self, #root::derive_support::Invalid> {
                match __text {
                    #(#arms,)*
                    _ => ::core::result::Result::Err(
                        #root::derive_support::undeclared_key(__text, #expected),
                    ),
                }
            }
        }
    }
}

/// Returns `KeyOf` or `GaugeOf`. The keys are constants, so that using one costs no check.
fn key_of(model: &Model<'_>, all: &KeyEnum<'_>, root: &Path) -> TokenStream {
    let KeyEnum { name, keys, kind, key_of, .. } = all;
    let owner = &model.item.ident;
    let (key_of, key) = (format_ident!("{key_of}"), format_ident!("{}_key", kind));
    let (impl_generics, type_generics, where_clause) = model.item.generics.split_for_impl();
    let arms = keys.iter().map(|key| {
        let (variant, text) = (&key.variant, &key.text);
        quote!(Self::#variant => const { #root::CounterKey::from_static(#text) })
    });
    quote! {
        #[automatically_derived]
        #[allow(deprecated)]
        impl #impl_generics #root::derive_support::#key_of<#owner #type_generics>
            for #name #where_clause
        {
            fn #key(
                &self,
            ) -> ::core::result::Result<#root::CounterKey, #root::derive_support::Invalid> {
                ::core::result::Result::Ok(match self {
                    #(#arms),*
                })
            }
        }
    }
}
