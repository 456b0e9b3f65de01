use proc_macro2::Ident;
use quote::format_ident;
use syn::ext::IdentExt;

use crate::attr::EnumName;
use crate::input::Input;
use crate::mistakes::Mistakes;

/// Returns the name of the enum of keys: the given one, or the struct's name and `Counter`.
pub(super) fn of_keys(input: &Input<'_>, mistakes: &mut Mistakes) -> Ident {
    let usual = format_ident!("{}Counter", input.item.ident);
    let Some(given) = &input.options.key_enum else { return usual };
    if input.options.keys.is_none() {
        mistakes.add(
            given,
            "there are no keys to make an enum of: add `keys(...)`, or remove `key_enum`",
        );
    }
    check(input, given, usual, mistakes)
}

/// Returns the name of the enum of gauges: the given one, or the struct's name and `Gauge`.
pub(super) fn of_gauges(input: &Input<'_>, mistakes: &mut Mistakes) -> Ident {
    let usual = format_ident!("{}Gauge", input.item.ident);
    let Some(given) = &input.options.gauge_enum else { return usual };
    if input.options.gauges.is_none() {
        mistakes.add(
            given,
            "there are no gauges to make an enum of: add `gauges(...)`, or remove `gauge_enum`",
        );
    }
    check(input, given, usual, mistakes)
}

fn check(input: &Input<'_>, given: &EnumName, usual: Ident, mistakes: &mut Mistakes) -> Ident {
    let model = &input.item.ident;
    let flaw = match given.ident() {
        Ok(name) if name.unraw() != model.unraw() => return name,
        Ok(_) => "the struct itself has this name",
        Err(_) => "not a name that an enum can have",
    };
    mistakes.add(given, format!("{flaw}: write one such as `{usual}`"));
    usual
}
