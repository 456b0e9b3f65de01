use heck::ToSnakeCase;
use quote::ToTokens;
use syn::ext::IdentExt;

use super::text;
use crate::input::Input;
use crate::mistakes::Mistakes;

/// The owner type of counters without a model.
const RESERVED: &str = "global";

/// Returns the owner type: the given one, or the struct's name in snake case.
pub(super) fn check(input: &Input<'_>, mistakes: &mut Mistakes) -> String {
    let given = input.options.owner_type.as_ref();
    let (text, place, way_out): (_, &dyn ToTokens, _) = match given {
        Some(given) => (given.value(), given, "choose another"),
        None => (
            input.item.ident.unraw().to_string().to_snake_case(),
            &input.item.ident,
            "add `#[counters(owner_type = \"...\")]`",
        ),
    };
    if let Some(flaw) = text::flaw(&text, text::OWNER_TYPE_CHARS) {
        mistakes.add(place, format!("the owner type {flaw}: {way_out}"));
    } else if text == RESERVED {
        mistakes.add(
            place,
            format!(
                "the owner type `{RESERVED}` is reserved for counters without a model: {way_out}"
            ),
        );
    }
    text
}
