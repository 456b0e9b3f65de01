use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use super::key::CounterKey;
use super::owner::{Owner, OwnerType};
use super::owner_id::{OwnerId, ToOwnerId};
use super::text::{decode, encode_into, encoded_len};
use crate::invalid::{InputKind, Invalid};

/// What identifies one counter: an owner and a key.
///
/// It is kept in its text form, `user:123:downloads` with each component percent-encoded, because that is
/// what a store needs at every increment. The text and the id determine each other.
#[derive(Clone)]
pub struct CounterId {
    text: String,
    owner_id: OwnerId,
    /// Byte length of the encoded owner type.
    owner_type_len: usize,
    /// Byte length of the encoded key.
    key_len: usize,
}

impl CounterId {
    /// The id of the counter `key` of the model instance of this type and id.
    ///
    /// ```
    /// # use counter_core::CounterId;
    /// let id = CounterId::new("user", 123, "downloads")?;
    /// assert_eq!(id.as_str(), "user:123:downloads");
    /// assert_eq!("user:123:downloads".parse(), Ok(id));
    /// # Ok::<(), counter_core::Invalid>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Invalid`] if a part is empty, too long or contains NUL.
    pub fn new(
        owner_type: impl AsRef<str>,
        owner_id: impl ToOwnerId,
        key: impl AsRef<str>,
    ) -> Result<Self, Invalid> {
        let (owner_type, key) = (owner_type.as_ref(), key.as_ref());
        OwnerType::check(owner_type)?;
        CounterKey::check(key)?;
        Ok(Self::assemble(owner_type, owner_id.to_owner_id()?, key))
    }

    /// The id of the counter `key` of `owner`, both valid already.
    pub fn of(owner: &Owner, key: &CounterKey) -> Self {
        Self::assemble(owner.owner_type().as_str(), owner.id().clone(), key.as_str())
    }

    fn assemble(owner_type: &str, owner_id: OwnerId, key: &str) -> Self {
        // With two separators and the longest integer it is one allocation.
        let length = encoded_len(owner_type) + encoded_len(key) + 22;
        let mut text = String::with_capacity(length);
        encode_into(&mut text, owner_type);
        let owner_type_len = text.len();
        text.push(':');
        owner_id.push_onto(&mut text);
        text.push(':');
        let key_start = text.len();
        encode_into(&mut text, key);
        let key_len = text.len() - key_start;
        Self { text, owner_id, owner_type_len, key_len }
    }

    /// The text form.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The kind of model, decoded.
    pub fn owner_type(&self) -> Cow<'_, str> {
        decode(self.encoded_owner_type()).unwrap_or_default()
    }

    /// Which instance of it.
    pub const fn owner_id(&self) -> &OwnerId {
        &self.owner_id
    }

    /// The counter's name, decoded.
    pub fn key(&self) -> Cow<'_, str> {
        decode(self.encoded_key()).unwrap_or_default()
    }

    /// Whether this is a counter of `owner`.
    pub fn belongs_to(&self, owner: &Owner) -> bool {
        self.owner_id == *owner.id() && self.owner_type() == owner.owner_type().as_str()
    }

    // The lengths were taken where the text was put together, so the slices exist and decode.
    fn encoded_owner_type(&self) -> &str {
        self.text.get(..self.owner_type_len).unwrap_or_default()
    }

    fn encoded_key(&self) -> &str {
        self.text.get(self.text.len() - self.key_len..).unwrap_or_default()
    }
}

/// Accepts exactly what [`CounterId::as_str`] returns for some id, so that a counter has one name.
impl FromStr for CounterId {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let malformed = |why| Invalid::malformed(InputKind::CounterId, text, why);
        let mut parts = text.split(':');
        let (Some(owner_type), Some(owner_id), Some(key), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(malformed("expected owner_type:owner_id:key"));
        };
        let not_canonical =
            || malformed("a component is not percent-encoded as this library does it");
        let owner_type = decode(owner_type).ok_or_else(not_canonical)?;
        let key = decode(key).ok_or_else(not_canonical)?;
        Self::new(owner_type, owner_id.parse::<OwnerId>()?, key)
    }
}

impl fmt::Display for CounterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for CounterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CounterId").field(&self.text).finish()
    }
}

impl PartialEq for CounterId {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for CounterId {}

impl Hash for CounterId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

/// By owner type, owner id and key: the one order in which every sync writes rows, so that two of them
/// cannot lock each other out.
impl Ord for CounterId {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.encoded_owner_type().cmp(other.encoded_owner_type()))
            .then_with(|| self.owner_id.cmp(&other.owner_id))
            .then_with(|| self.encoded_key().cmp(other.encoded_key()))
    }
}

impl PartialOrd for CounterId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
