use heck::ToSnakeCase;
use proc_macro2::{Ident, TokenStream};
use syn::{LitStr, parse2};

use super::attr_name::AttrName;
use crate::item::{Item, Value, split};
use crate::mistakes::Mistakes;

/// A key as it was written: `views`, `api_calls = "api-calls"`, or
/// `calls(name = "api-calls", every(hour, day))`.
pub(crate) struct KeyAttr {
    pub(crate) name: Ident,
    pub(crate) text: Option<LitStr>,
    /// The grains by which it is counted, as they were written.
    pub(crate) every: Vec<Ident>,
}

/// Reads the keys of the option `keys` or `gauges`, which stands at `place`.
pub(super) fn read(
    option: AttrName,
    value: Value,
    place: &TokenStream,
    mistakes: &mut Mistakes,
) -> Vec<KeyAttr> {
    let name = option.text();
    let pieces = match value {
        Value::List(list) => split(list),
        _ => {
            mistakes.add(place, format!("write the {name} in parentheses: `{}`", option.form()));
            return Vec::new();
        }
    };
    if pieces.is_empty() {
        let one = name.trim_end_matches('s');
        mistakes.add(place, format!("no {one} is declared: name one, or remove `{name}`"));
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
            Value::None => return Some(Self { name, text: None, every: Vec::new() }),
            Value::Text(text) => {
                let text = Some(text);
                return Some(Self { name, text, every: Vec::new() });
            }
            Value::List(list) => return Self::read_long(name, list, &piece, mistakes),
            Value::Name(text) => mistakes.add(piece, format!("write `{name} = \"{text}\"`")),
            Value::Other => mistakes.add(piece, FORM),
        }
        None
    }

    /// Reads the options of a key, in any order.
    fn read_long(
        name: Ident,
        list: TokenStream,
        place: &TokenStream,
        mistakes: &mut Mistakes,
    ) -> Option<Self> {
        let (mut text, mut every) = (None, None);
        let pieces = split(list);
        if pieces.is_empty() {
            mistakes.add(place, format!("write `{name}`, or say what it has: {LONG_FORM}"));
            return None;
        }
        for piece in pieces {
            match parse2::<Item>(piece.clone()) {
                Ok(Item { name, value: Value::Text(value) })
                    if name == "name" && text.is_none() =>
                {
                    text = Some(value);
                }
                Ok(Item { name, value: Value::List(grains) })
                    if name == "every" && every.is_none() =>
                {
                    every = Some(read_grains(grains, &piece, mistakes)?);
                }
                Ok(Item { name, .. }) if name == "name" && text.is_some() => {
                    mistakes.add(piece, "`name` is given twice: remove one");
                    return None;
                }
                Ok(Item { name, .. }) if name == "every" && every.is_some() => {
                    mistakes.add(piece, "`every` is given twice: put all grains into one list");
                    return None;
                }
                _ => {
                    mistakes.add(piece, format!("write what a key has as {LONG_FORM}"));
                    return None;
                }
            }
        }
        Some(Self { name, text, every: every.unwrap_or_default() })
    }
}

const FORM: &str = r#"write a key as `views`, `api_calls = "api-calls"` or `views(every(day))`"#;

const LONG_FORM: &str = r#"`calls(name = "api-calls", every(hour, day))`"#;

/// Reads the grains of a key. They are checked later.
fn read_grains(
    grains: TokenStream,
    place: &TokenStream,
    mistakes: &mut Mistakes,
) -> Option<Vec<Ident>> {
    let pieces = split(grains);
    if pieces.is_empty() {
        mistakes.add(place, "no grain is named: write `every(day)`, or remove `every`");
        return None;
    }
    let mut read = Vec::with_capacity(pieces.len());
    for piece in pieces {
        match parse2::<Item>(piece.clone()) {
            Ok(Item { name, value: Value::None }) => read.push(name),
            _ => {
                mistakes.add(piece, "write grains as names: `every(hour, day)`");
                return None;
            }
        }
    }
    Some(read)
}

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
