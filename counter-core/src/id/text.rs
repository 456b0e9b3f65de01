//! Which texts may be a component of a name, and their percent-encoding, by which each comes back
//! unchanged.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::invalid::{InputKind, Invalid};

/// The rule for every text that ends up in a column: not empty, no NUL, at most `limit` characters.
pub(crate) fn check_text(kind: InputKind, text: &str, limit: usize) -> Result<(), Invalid> {
    match flaw_of(text, limit) {
        None => Ok(()),
        Some(Flaw::Empty) => Err(Invalid::Empty { kind }),
        Some(Flaw::Nul) => Err(Invalid::Nul { kind }),
        Some(Flaw::TooLong { chars }) => Err(Invalid::TooLong { kind, chars, limit }),
    }
}

#[derive(Clone, Copy)]
pub(crate) enum Flaw {
    Empty,
    Nul,
    TooLong { chars: usize },
}

/// Checks a text in a constant, where an error that owns memory cannot exist.
pub(crate) const fn flaw_of(text: &str, limit: usize) -> Option<Flaw> {
    if text.is_empty() {
        return Some(Flaw::Empty);
    }
    let mut chars = 0;
    let mut rest = text.as_bytes();
    while let [byte, tail @ ..] = rest {
        if *byte == 0 {
            return Some(Flaw::Nul);
        }
        // Every byte of UTF-8 but a continuation byte begins a character.
        if *byte & 0b1100_0000 != 0b1000_0000 {
            chars += 1;
        }
        rest = tail;
    }
    if chars > limit { Some(Flaw::TooLong { chars }) } else { None }
}

/// Whether a character would be misread inside a name: the separators, the hash tag's braces, the
/// escape itself, and what a terminal or a log would not show.
fn is_escaped(c: char) -> bool {
    matches!(c, '%' | ':' | '{' | '}') || c.is_control()
}

/// How long `component` is when it is encoded, in bytes.
pub(crate) fn encoded_len(component: &str) -> usize {
    let escaped = component.chars().filter(|c| is_escaped(*c));
    component.len() + 2 * escaped.map(char::len_utf8).sum::<usize>()
}

/// Appends `component` to `name`, each byte of an escaped character as `%XX` with capital digits.
pub(crate) fn encode_into(name: &mut String, component: &str) {
    let mut rest = component;
    while let Some(at) = rest.find(is_escaped) {
        let (plain, tail) = rest.split_at(at);
        name.push_str(plain);
        let escaped = tail.chars().next().map_or(0, char::len_utf8);
        let (special, tail) = tail.split_at(escaped);
        encode_all_into(name, special);
        rest = tail;
    }
    name.push_str(rest);
}

/// Appends `component` to `name` with every byte escaped.
pub(crate) fn encode_all_into(name: &mut String, component: &str) {
    for byte in component.bytes() {
        // Writing to a String cannot fail.
        let _ = write!(name, "%{byte:02X}");
    }
}

/// The component that `encoded` stands for, or `None` if it is not how [`encode_into`] would write
/// it.
pub(crate) fn decode(encoded: &str) -> Option<Cow<'_, str>> {
    let component = unescape(encoded)?;
    let is_canonical = match &component {
        Cow::Borrowed(_) => true,
        Cow::Owned(component) => {
            let mut again = String::with_capacity(encoded.len());
            encode_into(&mut again, component);
            again == encoded
        }
    };
    is_canonical.then_some(component)
}

/// Returns what `encoded` stands for, whichever characters of it are escaped. The caller must check
/// that it is what would be written.
pub(super) fn unescape(encoded: &str) -> Option<Cow<'_, str>> {
    if !encoded.contains(is_escaped) {
        return Some(Cow::Borrowed(encoded));
    }
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.as_bytes();
    while let [byte, tail @ ..] = rest {
        rest = tail;
        bytes.push(match (byte, tail) {
            (b'%', [high, low, after @ ..]) => {
                rest = after;
                hex_digit(*high)? << 4 | hex_digit(*low)?
            }
            (b'%', _) => return None,
            _ => *byte,
        });
    }
    String::from_utf8(bytes).ok().map(Cow::Owned)
}

/// Capital digits only: `%3a` and `%3A` must not be two names of one counter.
fn hex_digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// The number that `text` stands for, or `None` if it is not how this library and Redis write it:
/// `007`, `+7`, `-0` and anything outside 64 signed bits are not.
pub(crate) fn canonical_i64(text: &str) -> Option<i64> {
    if reads_like_an_integer(text) { text.parse().ok() } else { None }
}

/// Returns whether `text` is how an integer of any size is written.
pub(crate) fn reads_like_an_integer(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let leading_zero = digits.starts_with('0') && text != "0";
    let only_digits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    only_digits && !leading_zero
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encode(component: &str) -> String {
        let mut name = String::new();
        encode_into(&mut name, component);
        name
    }

    #[test]
    fn separators_braces_and_control_characters_are_escaped() {
        let component = "a:b{c}%\n\u{85}é";
        assert_eq!(encode(component), "a%3Ab%7Bc%7D%25%0A%C2%85é");
        assert_eq!(encoded_len(component), encode(component).len());
    }

    #[test]
    fn only_what_encoding_writes_decodes() {
        assert_eq!(decode("a%3Ab").as_deref(), Some("a:b"));
        for other in ["%64", "%3a", "%", "%3", "a:b", "{", "%C3", "%C2%85%", "\n", "%ZZ"] {
            assert_eq!(decode(other), None, "{other:?}");
        }
    }

    #[test]
    fn only_canonical_integers_are_numbers() {
        assert_eq!(canonical_i64("0"), Some(0));
        assert_eq!(canonical_i64("-12"), Some(-12));
        assert_eq!(canonical_i64("9223372036854775807"), Some(i64::MAX));
        assert_eq!(canonical_i64("-9223372036854775808"), Some(i64::MIN));
        for other in
            ["", "-", "-0", "00", "007", "+1", " 1", "1 ", "1.0", "abc", "9223372036854775808"]
        {
            assert_eq!(canonical_i64(other), None, "{other:?}");
        }
    }
}
