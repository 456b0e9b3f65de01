use heck::ToSnakeCase;
use proc_macro2::{Ident, TokenStream};
use syn::{LitStr, parse2};

use super::attr_name::AttrName;
use crate::item::{Item, Value, split};
use crate::mistakes::Mistakes;

/// A key as it was written: `views`, or `api_calls = "api-calls"`.
pub(crate) struct KeyAttr {
    pub(crate) name: Ident,
    pub(crate) text: Option<LitStr>,
}

/// Reads the keys of the option `keys`, which stands at `place`.
pub(super) fn read(value: Value, place: &TokenStream, mistakes: &mut Mistakes) -> Vec<KeyAttr> {
    let pieces = match value {
        Value::List(list) => split(list),
        _ => {
            mistakes
                .add(place, format!("write the keys in parentheses: `{}`", AttrName::Keys.form()));
            return Vec::new();
        }
    };
    if pieces.is_empty() {
        mistakes.add(place, "no key is declared: name one, or remove `keys`");
    }
    pieces.into_iter().filter_map(|piece| KeyAttr::read(piece, mistakes)).collect()
}

impl KeyAttr {
    fn read(piece: TokenStream, mistakes: &mut Mistakes) -> Option<Self> {
        let Ok(Item { name, value }) = parse2(piece.clone()) else {
            mistakes.add(&piece, advice(&piece));
            return None;
        };
        match value {
            Value::None => return Some(Self { name, text: None }),
            Value::Text(text) => {
                let text = Some(text);
                return Some(Self { name, text });
            }
            Value::Name(text) => mistakes.add(piece, format!("write `{name} = \"{text}\"`")),
            Value::List(_) | Value::Other => mistakes.add(piece, FORM),
        }
        None
    }
}

const FORM: &str = r#"write a key as `views` or `api_calls = "api-calls"`"#;

/// Returns how to write a key that does not begin with a name.
fn advice(piece: &TokenStream) -> String {
    let Ok(text) = parse2::<LitStr>(piece.clone()).map(|text| text.value()) else {
        return FORM.to_owned();
    };
    if syn::parse_str::<Ident>(&text).is_ok() {
        return format!("write `{text}`, without quotes");
    }
    match text.to_snake_case() {
        name if syn::parse_str::<Ident>(&name).is_ok() => format!("write `{name} = {text:?}`"),
        _ => format!("write a name for the key: `name = {text:?}`"),
    }
}
