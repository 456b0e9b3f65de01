use proc_macro2::{Ident, TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::{LitStr, Result, Token, parenthesized, token};

/// An entry of an attribute's list: a name and what follows it.
pub(crate) struct Item {
    pub(crate) name: Ident,
    pub(crate) value: Value,
}

pub(crate) enum Value {
    /// `name`
    None,
    /// `name(...)`
    List(TokenStream),
    /// `name = "text"`
    Text(LitStr),
    /// `name = name`
    Name(Ident),
    /// Anything else.
    Other,
}

/// Splits a list at its commas.
///
/// Entries are parsed one by one, so that a mistake in one does not hide the others. A comma
/// between angle brackets splits too. Our attribute has none, and no option that is read from
/// Diesel's attributes looks like such a piece.
pub(crate) fn split(list: TokenStream) -> Vec<TokenStream> {
    let mut pieces = vec![TokenStream::new()];
    for token in list {
        match (&token, pieces.last_mut()) {
            (TokenTree::Punct(punct), _) if punct.as_char() == ',' => {
                pieces.push(TokenStream::new());
            }
            (_, Some(piece)) => piece.extend([token]),
            (_, None) => {}
        }
    }
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

/// Fails only if the entry does not begin with a name. Keywords are names here: `keys(type)`.
impl Parse for Item {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let name = input.call(Ident::parse_any)?;
        let value = match value(input) {
            Ok(value) if input.is_empty() => value,
            _ => Value::Other,
        };
        // The rest belongs to `Other`. A parser must consume all of its input.
        input.parse::<TokenStream>()?;
        Ok(Self { name, value })
    }
}

fn value(input: ParseStream<'_>) -> Result<Value> {
    if input.is_empty() {
        return Ok(Value::None);
    }
    if input.peek(token::Paren) {
        let list;
        parenthesized!(list in input);
        return list.parse().map(Value::List);
    }
    input.parse::<Token![=]>()?;
    if input.peek(LitStr) {
        return input.parse().map(Value::Text);
    }
    input.call(Ident::parse_any).map(Value::Name)
}
