use proc_macro2::TokenStream;
use quote::quote;
use syn::Path;
use syn::ext::IdentExt;

use crate::valid::Model;

/// Returns the enum of a model's keys; nothing for a model that declares none.
///
/// Parameters begin with two underscores, because Rust would read a parameter as a pattern if the
/// user has a constant of that name.
pub(super) fn expand(model: &Model<'_>, root: &Path) -> TokenStream {
    if model.keys.is_empty() {
        return TokenStream::new();
    }
    [definition(model), inherent(model), display(model), from_str(model, root), key_of(model, root)]
        .into_iter()
        .collect()
}

fn definition(model: &Model<'_>) -> TokenStream {
    let (vis, name) = (&model.item.vis, &model.key_enum);
    let doc = format!("The counters that `{}` declares.", model.item.ident.unraw());
    let variants = model.keys.iter().map(|key| {
        let doc = format!("The counter `{}`.", key.text.escape_debug());
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

fn inherent(model: &Model<'_>) -> TokenStream {
    let (vis, name) = (&model.item.vis, &model.key_enum);
    let variants = model.keys.iter().map(|key| &key.variant);
    let arms = model.keys.iter().map(|key| {
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

fn display(model: &Model<'_>) -> TokenStream {
    let name = &model.key_enum;
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
fn from_str(model: &Model<'_>, root: &Path) -> TokenStream {
    let name = &model.key_enum;
    let arms = model.keys.iter().map(|key| {
        let (variant, text) = (&key.variant, &key.text);
        quote!(#text => ::core::result::Result::Ok(Self::#variant))
    });
    let texts: Vec<_> = model.keys.iter().map(|key| format!("{:?}", key.text)).collect();
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

/// Returns `KeyOf`. The keys are constants, so that using one costs no check.
fn key_of(model: &Model<'_>, root: &Path) -> TokenStream {
    let (name, owner) = (&model.key_enum, &model.item.ident);
    let (impl_generics, type_generics, where_clause) = model.item.generics.split_for_impl();
    let arms = model.keys.iter().map(|key| {
        let (variant, text) = (&key.variant, &key.text);
        quote!(Self::#variant => const { #root::CounterKey::from_static(#text) })
    });
    quote! {
        #[automatically_derived]
        #[allow(deprecated)]
        impl #impl_generics #root::derive_support::KeyOf<#owner #type_generics>
            for #name #where_clause
        {
            fn counter_key(
                &self,
            ) -> ::core::result::Result<#root::CounterKey, #root::derive_support::Invalid> {
                ::core::result::Result::Ok(match self {
                    #(#arms),*
                })
            }
        }
    }
}
