use heck::ToUpperCamelCase;
use proc_macro2::Ident;
use quote::{ToTokens, format_ident};
use syn::ext::IdentExt;

use super::text;
use crate::ast::Input;
use crate::attr;
use crate::mistakes::Mistakes;

/// A declared key.
pub(crate) struct Key {
    pub(crate) text: String,
    pub(crate) variant: Ident,
}

/// The keys that can stand, each once.
pub(super) fn check(keys: &[attr::Key], mistakes: &mut Mistakes) -> Vec<Key> {
    let mut valid = Vec::new();
    for key in keys {
        if let Some(key) = check_key(key, &valid, mistakes) {
            valid.push(key);
        }
    }
    valid
}

fn check_key(key: &attr::Key, before: &[Key], mistakes: &mut Mistakes) -> Option<Key> {
    let (text, place): (_, &dyn ToTokens) = match &key.text {
        Some(text) => (text.value(), text),
        None => (key.name.unraw().to_string(), &key.name),
    };
    if let Some(flaw) = flaw(&text, before) {
        mistakes.add(place, flaw);
        return None;
    }
    match variant(&key.name, before) {
        Ok(variant) => Some(Key { text, variant }),
        Err(why) => {
            mistakes.add(&key.name, format!("{why}: write `another_name = {text:?}`"));
            None
        }
    }
}

/// What is wrong with a key's text.
fn flaw(text: &str, before: &[Key]) -> Option<String> {
    if let Some(flaw) = text::flaw(text, text::KEY_CHARS) {
        return Some(format!("the key {flaw}: choose another"));
    }
    before
        .iter()
        .any(|other| other.text == text)
        .then(|| format!("the key {text:?} is declared twice: remove one"))
}

/// The variant of the key `name`, or why there can be none. `_1` and `self` leave nothing to name it.
fn variant(name: &Ident, before: &[Key]) -> Result<Ident, String> {
    let camel = name.unraw().to_string().to_upper_camel_case();
    let mut variant = syn::parse_str::<Ident>(&camel)
        .map_err(|_| format!("`{name}` makes no name for a variant"))?;
    variant.set_span(name.span());
    match before.iter().any(|other| other.variant == variant) {
        true => Err(format!("another key has the variant `{variant}` already")),
        false => Ok(variant),
    }
}

/// The name of the enum.
pub(super) fn enum_name(input: &Input<'_>, mistakes: &mut Mistakes) -> Ident {
    let model = &input.item.ident;
    let usual = format_ident!("{}Counter", model);
    let Some(given) = &input.options.key_enum else {
        return usual;
    };
    if input.options.keys.is_none() {
        mistakes.add(
            given,
            "there are no keys to make an enum of: add `keys(...)`, or remove `key_enum`",
        );
    }
    let flaw = match given.ident() {
        Ok(name) if name.unraw() != model.unraw() => return name,
        Ok(_) => "the struct itself has this name",
        Err(_) => "not a name that an enum can have",
    };
    mistakes.add(given, format!("{flaw}: write one such as `{usual}`"));
    usual
}
