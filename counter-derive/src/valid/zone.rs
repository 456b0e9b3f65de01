use crate::input::{Field, Input};
use crate::mistakes::Mistakes;

/// Returns the field that holds the owner's time zone, if the model names one.
pub(super) fn find<'a>(input: &'a Input<'a>, mistakes: &mut Mistakes) -> Option<&'a Field<'a>> {
    let name = input.options.zone.as_ref()?;
    let field = input.fields.iter().find(|field| field.name == name);
    if field.is_none() {
        let message = format!(
            "no field is named `{name}`: add it, or name the field that holds the time zone"
        );
        mistakes.add(name, message);
    }
    field
}
