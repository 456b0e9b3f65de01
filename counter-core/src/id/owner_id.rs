use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::text::{
    canonical_i64, check_text, encode_all_into, encode_into, encoded_len, reads_like_an_integer,
    unescape,
};
use crate::invalid::{InputKind, Invalid};

/// Which instance of a model owns a counter: an integer or a text.
///
/// An id is made from a key by [`ToOwnerId`](crate::ToOwnerId), or from its text form. The text
/// form is what a counter's name has between its colons, so that one id has one text form:
///
/// - An integer is written in decimal: `42`.
/// - A text is percent-encoded as keys are: `a:b` is `a%3Ab`. A text that reads like an integer
///   has its first character encoded, so that the text `42`, which is `%342`, and the integer 42
///   are two owners.
///
/// ```
/// # use counter_core::{Invalid, OwnerId, OwnerText};
/// let text = OwnerId::Text(OwnerText::new("42")?);
/// assert_eq!(text.to_string(), "%342");
/// assert_eq!("%342".parse(), Ok(text));
/// assert_eq!("42".parse(), Ok(OwnerId::Integer(42)));
/// # Ok::<(), Invalid>(())
/// ```
///
/// A store and a database that cannot keep an id of some kind return an error; no id is dropped or
/// changed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum OwnerId {
    /// A number, such as a generated primary key.
    Integer(i64),
    /// A text, such as a UUID.
    Text(OwnerText),
}

/// An owner's id that is a text: 1 to 255 characters, no NUL. Texts are equal if all bytes are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OwnerText(Arc<str>);

impl OwnerText {
    /// The greatest length, in Unicode scalar values.
    pub const MAX_CHARS: usize = 255;

    /// Checks a text and keeps it as an id.
    ///
    /// # Errors
    ///
    /// [`Invalid`] if the text is empty, longer than [`OwnerText::MAX_CHARS`] or contains NUL.
    pub fn new(text: impl AsRef<str>) -> Result<Self, Invalid> {
        let text = text.as_ref();
        check_text(InputKind::OwnerId, text, Self::MAX_CHARS)?;
        Ok(Self(text.into()))
    }

    /// Returns the text, not encoded.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The text itself, not encoded.
impl fmt::Display for OwnerText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl OwnerId {
    /// The id of the owner of counters that belong to no model.
    pub(crate) const ZERO: Self = Self::Integer(0);

    /// Returns the id as an integer, or `None` if it is not one.
    pub const fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Integer(number) => Some(*number),
            Self::Text(_) => None,
        }
    }

    /// Returns the id as a text, not encoded, or `None` if it is not one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Integer(_) => None,
            Self::Text(text) => Some(text.as_str()),
        }
    }

    /// Returns at least the number of bytes that [`push_onto`](Self::push_onto) appends.
    pub(crate) fn max_len(&self) -> usize {
        match self {
            Self::Integer(_) => LONGEST_INTEGER,
            Self::Text(text) => encoded_len(text.as_str()) + 2,
        }
    }

    /// Appends the text form.
    pub(crate) fn push_onto(&self, name: &mut String) {
        match self {
            Self::Integer(number) => name.push_str(itoa::Buffer::new().format(*number)),
            Self::Text(text) if reads_like_an_integer(text.as_str()) => {
                let (first, rest) = text.as_str().split_at(1);
                encode_all_into(name, first);
                name.push_str(rest);
            }
            Self::Text(text) => encode_into(name, text.as_str()),
        }
    }
}

/// The length of `i64::MIN` as text.
const LONGEST_INTEGER: usize = 20;

/// The text form, as it stands in names: [`FromStr`] reads it back. A text id itself is
/// [`OwnerId::as_text`].
impl fmt::Display for OwnerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut form = String::with_capacity(self.max_len());
        self.push_onto(&mut form);
        f.pad(&form)
    }
}

/// Reads what `Display` writes and nothing else, so that one id has one text form. An integer that
/// does not fit into 64 bits is refused, and so is a text with another encoding.
impl FromStr for OwnerId {
    type Err = Invalid;

    fn from_str(form: &str) -> Result<Self, Invalid> {
        let refused = |why| Invalid::malformed(InputKind::OwnerId, form, why);
        if reads_like_an_integer(form) {
            let number = canonical_i64(form).map(Self::Integer);
            return number.ok_or_else(|| refused("an integer must fit into 64 bits"));
        }
        let not_canonical = || refused("it is not percent-encoded as this library does it");
        let text = unescape(form).ok_or_else(not_canonical)?;
        // Without an escape it is the text itself, and would be written so.
        let has_escapes = matches!(text, Cow::Owned(_));
        let id = Self::Text(OwnerText::new(text)?);
        if !has_escapes {
            return Ok(id);
        }
        let mut again = String::with_capacity(id.max_len());
        id.push_onto(&mut again);
        if again == form { Ok(id) } else { Err(not_canonical()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(id: &OwnerId) -> String {
        let mut name = String::new();
        id.push_onto(&mut name);
        assert!(name.len() <= id.max_len(), "{name}");
        assert_eq!(id.to_string(), name);
        assert_eq!(name.parse().as_ref(), Ok(id), "{name}");
        name
    }

    fn text(text: &str) -> OwnerId {
        OwnerId::Text(OwnerText::new(text).unwrap())
    }

    #[test]
    fn a_text_that_reads_like_an_integer_is_another_owner_than_the_integer() {
        assert_eq!(written(&OwnerId::Integer(42)), "42");
        assert_eq!(written(&OwnerId::Integer(i64::MIN)), "-9223372036854775808");
        assert_eq!(written(&text("42")), "%342");
        assert_eq!(written(&text("-42")), "%2D42");
        assert_eq!(written(&text("9223372036854775808")), "%39223372036854775808");
        assert_eq!(written(&text("042")), "042");
        assert_eq!(written(&text("a:b")), "a%3Ab");
        assert_eq!(written(&text("%342")), "%25342");
        assert_eq!(text("42").as_text(), Some("42"));
        assert_eq!((text("42").as_i64(), OwnerId::Integer(42).as_text()), (None, None));
    }

    #[test]
    fn a_text_has_1_to_255_characters_and_no_nul() {
        for bad in ["", "a\0b", &"x".repeat(256)] {
            assert!(OwnerText::new(bad).is_err(), "{bad:?}");
            assert!(bad.parse::<OwnerId>().is_err(), "{bad:?}");
        }
        assert_eq!(OwnerText::new("é".repeat(255)).unwrap().as_str().chars().count(), 255);
    }

    #[test]
    fn only_what_is_written_is_read() {
        let integers = ["9223372036854775808", "-9223372036854775809", "99999999999999999999"];
        let encoded = ["%34%32", "4%32", "%61", "%3a", "a:b", "{", "%", "%2D", "%34x", "%00"];
        for other in integers.iter().chain(&encoded) {
            assert!(other.parse::<OwnerId>().is_err(), "{other}");
        }
        for taken in ["07", "-0", "+1", " 1", "1.0", "abc", "-", "%2D1"] {
            assert_eq!(taken.parse::<OwnerId>().unwrap().to_string(), taken);
        }
    }

    #[test]
    fn integers_come_before_texts_in_order() {
        assert!(OwnerId::Integer(i64::MAX) < text("a"));
        assert!(text("A") < text("a"));
        assert_eq!(size_of::<OwnerId>(), 16);
    }
}
