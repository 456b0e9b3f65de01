use proc_macro2::Ident;
use quote::format_ident;
use syn::ext::IdentExt;

use crate::input::Input;
use crate::mistakes::Mistakes;

/// Returns the name of the enum: the given one, or the struct's name and `Counter`.
pub(super) fn check(input: &Input<'_>, mistakes: &mut Mistakes) -> Ident {
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
