use crate::id::CounterId;
use crate::redis::connection::names::Names;
use crate::store::Foreign;

/// How much of a value that is not ours is shown.
const SHOWN_BYTES: usize = 64;

/// What a script found where something of ours should be, in its own short form: which name it is
/// (`H`igh water, `I`d, `K` for pending, `F` for the claim), then `=` and the value or `!` and the type.
pub(crate) fn from_script(code: &[u8], names: &Names, id: Option<&CounterId>) -> Option<Foreign> {
    let (which, kind, what) = match code {
        [which, kind, what @ ..] => (*which, *kind, what),
        _ => return None,
    };
    let (name, wanted) = match (which, id) {
        (b'H', _) => (names.high_water().to_owned(), "a sequence"),
        (b'I', _) => (names.generation().to_owned(), "an id"),
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

/// A value in the place of a pending delta that is none.
pub(crate) fn not_a_count(names: &Names, id: &CounterId, value: &[u8]) -> Foreign {
    Foreign { name: names.prefix().pending_name(id), why: holds(value, COUNT) }
}

/// A value in the place of a claim that is none.
pub(crate) fn not_a_claim(names: &Names, id: &CounterId, value: &[u8]) -> Foreign {
    Foreign { name: names.prefix().claim_name(id), why: holds(value, CLAIM) }
}

/// A value in the place of the high water that is none.
pub(crate) fn not_a_sequence(names: &Names, value: &[u8]) -> Foreign {
    Foreign { name: names.high_water().to_owned(), why: holds(value, "a sequence") }
}

/// A value in the place of the store's identity that is none.
pub(crate) fn not_an_id(names: &Names, value: &[u8]) -> Foreign {
    Foreign { name: names.generation().to_owned(), why: holds(value, "an id") }
}

/// Something of another type than a string, in a place of that name.
pub(crate) fn not_a_string(name: String, of_type: &str) -> Foreign {
    Foreign { name, why: format!("it holds a {of_type}") }
}

/// A name under the prefix that this library would not write.
pub(crate) fn not_a_name(name: &[u8]) -> Foreign {
    Foreign {
        name: String::from_utf8_lossy(name).into_owned(),
        why: "it is under the prefix, but not a name that this library writes".to_owned(),
    }
}

fn holds(value: &[u8], wanted: &str) -> String {
    let shown = value.get(..SHOWN_BYTES).unwrap_or(value);
    format!("it holds {:?}, which is not {wanted}", String::from_utf8_lossy(shown))
}
