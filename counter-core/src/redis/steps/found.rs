//! Words the errors for foreign values, found where this store keeps its own.

use crate::error::BoxError;
use crate::id::CounterId;
use crate::names::{Foreign, Slot};
use crate::printable::Printable;
use crate::redis::connection::{Names, ScriptAnswer, Unexpected};

/// How many bytes of a foreign value are shown.
const SHOWN_BYTES: usize = 64;

/// Returns the error of a script that found a foreign value, or whose answer cannot be read.
pub(crate) fn in_answer(
    names: &Names,
    slot: Slot,
    answer: &ScriptAnswer,
    id: Option<&CounterId>,
) -> BoxError {
    match from_script(&answer.text, names, slot, id) {
        Some(foreign) => foreign.into(),
        None => Unexpected.into(),
    }
}

/// Returns the foreign value that a script found. The script's short form of it names the
/// place (`H`igh water, `I`d, sequences `G`iven out, `M`arks, the `N`ewest reading, `K` for
/// pending, `F` for the claim), then `=` and the value or `!` and the type.
pub(crate) fn from_script(
    code: &[u8],
    names: &Names,
    slot: Slot,
    id: Option<&CounterId>,
) -> Option<Foreign> {
    let (which, kind, what) = match code {
        [which, kind, what @ ..] => (*which, *kind, what),
        _ => return None,
    };
    let (name, wanted) = match (which, id) {
        (b'H', _) => (names.high_water(slot).into_owned(), SEQUENCE),
        (b'I', _) => (names.generation().to_owned(), ID),
        (b'G', _) => (names.given_out(slot).into_owned(), SEQUENCE),
        (b'M', _) => (names.marks().to_owned(), MARKS),
        (b'N', Some(id)) => (names.prefix().newest_name(id), INSTANT),
        (b'K', Some(id)) => (names.prefix().pending_name(id), COUNT),
        (b'F', Some(id)) => (names.prefix().claim_name(id), CLAIM),
        _ => return None,
    };
    Some(match kind {
        b'=' => Foreign { name, why: holds(what, wanted) },
        _ => not_a_string(name, &String::from_utf8_lossy(what)),
    })
}

const COUNT: &str = "an integer of 64 bits as Redis writes it";
const CLAIM: &str = "a claim";
const SEQUENCE: &str = "a sequence";
const INSTANT: &str = "an instant in microseconds";
const ID: &str = "an id";
const MARKS: &str = "a sequence and marks";

/// Returns a foreign value in the place of a pending delta.
pub(crate) fn not_a_count(names: &Names, id: &CounterId, value: &[u8]) -> Foreign {
    Foreign { name: names.prefix().pending_name(id), why: holds(value, COUNT) }
}

/// Returns a foreign value in the place of a claim.
pub(crate) fn not_a_claim(names: &Names, id: &CounterId, value: &[u8]) -> Foreign {
    Foreign { name: names.prefix().claim_name(id), why: holds(value, CLAIM) }
}

/// Returns a foreign value in the place of the high water.
pub(crate) fn not_a_sequence(names: &Names, slot: Slot, value: &[u8]) -> Foreign {
    Foreign { name: names.high_water(slot).into_owned(), why: holds(value, SEQUENCE) }
}

/// Returns a foreign value in the place of the generation.
pub(crate) fn not_an_id(names: &Names, value: &[u8]) -> Foreign {
    Foreign { name: names.generation().to_owned(), why: holds(value, ID) }
}

/// Returns a foreign value among the marks.
pub(crate) fn no_marks(names: &Names, value: &[u8]) -> Foreign {
    Foreign { name: names.marks().to_owned(), why: holds(value, MARKS) }
}

/// Returns a foreign value of another type than a string.
pub(crate) fn not_a_string(name: String, of_type: &str) -> Foreign {
    Foreign { name, why: format!("it holds a {of_type}") }
}

/// Returns a foreign name under the prefix: one that this library would not write.
pub(crate) fn not_a_name(name: &[u8]) -> Foreign {
    Foreign {
        name: String::from_utf8_lossy(name).into_owned(),
        why: "it is under the prefix, but not a name that this library writes".to_owned(),
    }
}

/// Returns a field of the index that this library would not write there.
pub(crate) fn not_a_dirty_counter(name: &str, field: &[u8]) -> Foreign {
    let why = holds(field, "a counter that belongs there").replacen("holds", "has the field", 1);
    Foreign { name: name.to_owned(), why }
}

fn holds(value: &[u8], wanted: &str) -> String {
    let shown = value.get(..SHOWN_BYTES).unwrap_or(value);
    format!("it holds {:?}, which is not {wanted}", Printable(&String::from_utf8_lossy(shown)))
}
