use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::text::{
    canonical_i64, encode_all_into, encode_into, encoded_len, reads_like_an_integer,
};
use crate::invalid::{InputKind, Invalid};

/// Which instance of a model owns a counter.
///
/// An id is made from a key by [`ToOwnerId`], or from its text. A store and a database that cannot
/// keep an id of some kind return an error; no id is dropped or changed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum OwnerId {
    /// A number, such as a generated primary key.
    Integer(i64),
    /// A text, such as a UUID. No function of this version makes one.
    Text(OwnerText),
}

/// An owner's id that is a text: 1 to 255 characters, no NUL. No function of this version makes
/// one.
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
    #[doc(hidden)]
    pub fn new(text: &str) -> Result<Self, Invalid> {
        super::text::check_text(InputKind::OwnerId, text, Self::MAX_CHARS)?;
        Ok(Self(text.into()))
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for OwnerText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl OwnerId {
    /// The id of the owner of counters that belong to no model.
    pub(crate) const ZERO: Self = Self::Integer(0);

    /// Returns the id as an integer, for a column that holds integers, or `None` if it is not one.
    pub const fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Integer(number) => Some(*number),
            Self::Text(_) => None,
        }
    }

    /// Returns at least the number of bytes that [`push_onto`](Self::push_onto) appends.
    pub(crate) fn max_len(&self) -> usize {
        match self {
            Self::Integer(_) => LONGEST_INTEGER,
            Self::Text(text) => encoded_len(text.as_str()) + 2,
        }
    }

    /// Appends the id as a component of a name. A text that reads like an integer has its first
    /// character escaped, so the text `42` and the number 42 are two owners.
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

impl fmt::Display for OwnerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(number) => number.fmt(f),
            Self::Text(text) => text.fmt(f),
        }
    }
}

/// Reads an integer as `Display` writes it and nothing else, so that one id has one text: `07` is
/// refused.
impl FromStr for OwnerId {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        canonical_i64(text).map(Self::Integer).ok_or_else(|| {
            Invalid::malformed(InputKind::OwnerId, text, "expected a 64-bit integer such as 123")
        })
    }
}

/// A primary key, or a newtype around one, that can be the id of a counter's owner.
///
/// ```
/// # use counter_core::{Invalid, Owner, OwnerId, ToOwnerId};
/// struct PostId(i64);
///
/// impl ToOwnerId for PostId {
///     fn to_owner_id(&self) -> Result<OwnerId, Invalid> {
///         self.0.to_owner_id()
///     }
/// }
///
/// assert_eq!(Owner::new("post", PostId(42))?, Owner::new("post", 42)?);
/// # Ok::<(), Invalid>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the id of a counter's owner",
    label = "not an owner id",
    note = "i16, i32, i64 and u32 can; so can a type of your own, such as a newtype, with `impl \
         ToOwnerId`"
)]
pub trait ToOwnerId {
    /// The id of this key.
    ///
    /// # Errors
    ///
    /// [`Invalid`] if this key has no owner id, such as a number above `i64::MAX`. The integers of
    /// this crate never fail.
    fn to_owner_id(&self) -> Result<OwnerId, Invalid>;
}

impl ToOwnerId for i64 {
    fn to_owner_id(&self) -> Result<OwnerId, Invalid> {
        Ok(OwnerId::Integer(*self))
    }
}

impl ToOwnerId for i32 {
    fn to_owner_id(&self) -> Result<OwnerId, Invalid> {
        Ok(OwnerId::Integer(i64::from(*self)))
    }
}

impl ToOwnerId for i16 {
    fn to_owner_id(&self) -> Result<OwnerId, Invalid> {
        Ok(OwnerId::Integer(i64::from(*self)))
    }
}

impl ToOwnerId for u32 {
    fn to_owner_id(&self) -> Result<OwnerId, Invalid> {
        Ok(OwnerId::Integer(i64::from(*self)))
    }
}

impl ToOwnerId for OwnerId {
    fn to_owner_id(&self) -> Result<OwnerId, Invalid> {
        Ok(self.clone())
    }
}

impl<T: ToOwnerId + ?Sized> ToOwnerId for &T {
    fn to_owner_id(&self) -> Result<OwnerId, Invalid> {
        T::to_owner_id(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(id: &OwnerId) -> String {
        let mut name = String::new();
        id.push_onto(&mut name);
        assert!(name.len() <= id.max_len(), "{name}");
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
        assert_eq!((text("42").to_string(), text("42").as_i64()), ("42".to_owned(), None));
    }

    #[test]
    fn a_text_has_1_to_255_characters_and_no_nul() {
        for bad in ["", "a\0b", &"x".repeat(256)] {
            assert!(OwnerText::new(bad).is_err(), "{bad:?}");
        }
        assert_eq!(OwnerText::new(&"é".repeat(255)).unwrap().as_str().chars().count(), 255);
    }

    #[test]
    fn no_text_is_read_as_a_text_id_and_integers_come_first_in_order() {
        for other in ["abc", "07", "%342", "9223372036854775808"] {
            assert!(other.parse::<OwnerId>().is_err(), "{other}");
        }
        assert!(OwnerId::Integer(i64::MAX) < text("a"));
        assert_eq!(size_of::<OwnerId>(), 16);
    }
}
