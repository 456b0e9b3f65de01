use heck::ToUpperCamelCase;
use proc_macro2::Ident;
use quote::ToTokens;
use syn::ext::IdentExt;

use super::{grain, text};
use crate::attr::KeyAttr;
use crate::mistakes::Mistakes;

/// A declared key.
pub(crate) struct ValidKey {
    pub(crate) text: String,
    pub(crate) variant: Ident,
    /// The variants of `Grain` by which it is counted.
    pub(crate) grains: Vec<Ident>,
}

/// Returns the valid keys, each once and none of the others, which have an enum of their own.
pub(super) fn check(
    keys: &[KeyAttr],
    others: &[ValidKey],
    mistakes: &mut Mistakes,
) -> Vec<ValidKey> {
    let mut valid = Vec::new();
    for key in keys {
        if let Some(key) = check_key(key, &valid, others, mistakes) {
            valid.push(key);
        }
    }
    valid
}

fn check_key(
    key: &KeyAttr,
    before: &[ValidKey],
    others: &[ValidKey],
    mistakes: &mut Mistakes,
) -> Option<ValidKey> {
    let (text, place): (_, &dyn ToTokens) = match &key.text {
        Some(text) => (text.value(), text),
        None => (key.name.unraw().to_string(), &key.name),
    };
    if others.iter().any(|other| other.text == text) {
        mistakes.add(place, format!("{text:?} is a key and a gauge: remove one, or rename it"));
        return None;
    }
    if let Some(flaw) = flaw(&text, before) {
        mistakes.add(place, flaw);
        return None;
    }
    let grains = grain::check(&key.every, mistakes)?;
    match variant(&key.name, before) {
        Ok(variant) => Some(ValidKey { text, variant, grains }),
        Err(why) => {
            mistakes.add(&key.name, format!("{why}: write `another_name = {text:?}`"));
            None
        }
    }
}

/// Returns what is wrong with a key's text.
fn flaw(text: &str, before: &[ValidKey]) -> Option<String> {
    if let Some(flaw) = text::flaw(text, text::KEY_CHARS) {
        return Some(format!("the key {flaw}: choose another"));
    }
    before
        .iter()
        .any(|other| other.text == text)
        .then(|| format!("the key {text:?} is declared twice: remove one"))
}

/// Returns the variant of the key `name`, or why there can be none: `_1` and `self` make no name.
fn variant(name: &Ident, before: &[ValidKey]) -> Result<Ident, String> {
    let camel = name.unraw().to_string().to_upper_camel_case();
    let mut variant = syn::parse_str::<Ident>(&camel)
        .map_err(|_| format!("`{name}` makes no name for a variant"))?;
    variant.set_span(name.span());
    match before.iter().any(|other| other.variant == variant) {
        true => Err(format!("another key has the variant `{variant}` already")),
        false => Ok(variant),
    }
}
