use proc_macro2::{Ident, TokenStream};
use quote::ToTokens;
use syn::{LitStr, Result, parse2};

/// The name of an enum as it was written.
pub(crate) enum EnumName {
    /// `PostKey`, as Diesel's own attributes write names.
    Bare(Ident),
    /// `"PostKey"`
    Quoted(LitStr),
}

impl EnumName {
    /// Returns the name. Fails if no enum can have it, such as a keyword or several words.
    pub(crate) fn ident(&self) -> Result<Ident> {
        match self {
            Self::Bare(name) => parse2(name.to_token_stream()),
            Self::Quoted(text) => text.parse(),
        }
    }
}

impl ToTokens for EnumName {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        match self {
            Self::Bare(name) => name.to_tokens(tokens),
            Self::Quoted(text) => text.to_tokens(tokens),
        }
    }
}
