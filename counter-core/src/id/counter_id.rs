use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use super::key::CounterKey;
use super::owner::{Owner, OwnerType};
use super::owner_id::OwnerId;
use super::period::Period;
use super::text::{decode, encode_into, encoded_len};
use super::to_owner_id::ToOwnerId;
use crate::invalid::{InputKind, Invalid};
use crate::printable::Printable;

/// What identifies one counter: an owner and a key.
///
/// It is kept in its text form, `user:123:downloads` with each component percent-encoded, because
/// that is what a store needs at every increment. The text and the id determine each other. An
/// owner id that is a text and reads like an integer has its first character encoded: see
/// [`OwnerId`].
///
/// An id may have a period, which makes it the id of one bucket of the counter. No function of this
/// version makes such an id, and its text, `user:123:downloads@day:2026-11-28`, is refused.
#[derive(Clone)]
pub struct CounterId {
    text: String,
    owner_id: OwnerId,
    /// The bucket, or `None` for the total.
    period: Option<Period>,
    /// Byte length of the encoded owner type, at most 3,060.
    owner_type_len: u16,
    /// Byte length of the encoded key, at most 1,200.
    key_len: u16,
    /// Byte length of the text without the period, at most 7,322.
    total_len: u16,
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
    /// [`Invalid`] if a part is empty, too long or contains NUL, or if the owner's id is a number
    /// above `i64::MAX`.
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
        // With two separators it is one allocation.
        let length = encoded_len(owner_type) + owner_id.max_len() + encoded_len(key) + 2;
        let mut text = String::with_capacity(length);
        encode_into(&mut text, owner_type);
        let owner_type_len = text.len() as u16;
        text.push(':');
        owner_id.push_onto(&mut text);
        text.push(':');
        let key_start = text.len();
        encode_into(&mut text, key);
        let (key_len, total_len) = ((text.len() - key_start) as u16, text.len() as u16);
        Self { text, owner_id, period: None, owner_type_len, key_len, total_len }
    }

    /// Returns the id of the counter's bucket of a period.
    #[doc(hidden)]
    pub fn within(mut self, period: Period) -> Self {
        self.text.truncate(usize::from(self.total_len));
        self.text.push_str(&format!("@{period}"));
        Self { period: Some(period), ..self }
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

    /// Returns the period, if this is the id of a bucket and not of a total.
    pub const fn period(&self) -> Option<Period> {
        self.period
    }

    /// The counter's name, decoded.
    pub fn key(&self) -> Cow<'_, str> {
        decode(self.encoded_key()).unwrap_or_default()
    }

    /// Whether this is a counter of `owner`.
    pub fn belongs_to(&self, owner: &Owner) -> bool {
        self.owner_id == *owner.id() && self.owner_type() == owner.owner_type().as_str()
    }

    /// Returns the part of the text form that names the owner: `user:123`.
    pub(crate) fn encoded_owner(&self) -> &str {
        let key = usize::from(self.key_len) + 1;
        self.text.get(..usize::from(self.total_len) - key).unwrap_or_default()
    }

    // The lengths were taken where the text was put together, so the slices exist and decode.
    fn encoded_owner_type(&self) -> &str {
        self.text.get(..usize::from(self.owner_type_len)).unwrap_or_default()
    }

    fn encoded_key(&self) -> &str {
        self.text
            .get(usize::from(self.total_len - self.key_len)..usize::from(self.total_len))
            .unwrap_or_default()
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
            let is_bucket =
                text.rsplit_once('@').is_some_and(|(_, last)| last.parse::<Period>().is_ok());
            return Err(malformed(match is_bucket {
                true => "this version has no counters of periods",
                false => "expected owner_type:owner_id:key",
            }));
        };
        let not_canonical =
            || malformed("a component is not percent-encoded as this library does it");
        OwnerType::check(&decode(owner_type).ok_or_else(not_canonical)?)?;
        let owner_id = owner_id.parse::<OwnerId>()?;
        CounterKey::check(&decode(key).ok_or_else(not_canonical)?)?;
        // Each part is as it is written, so the whole is the text form.
        let lengths = [owner_type, key, text].map(|part| part.len() as u16);
        let [owner_type_len, key_len, total_len] = lengths;
        Ok(Self {
            text: text.to_owned(),
            owner_id,
            period: None,
            owner_type_len,
            key_len,
            total_len,
        })
    }
}

/// The text form for people, as [`Printable`]: a text with characters that are not seen is escaped,
/// and does not parse. The text form itself is [`CounterId::as_str`].
impl fmt::Display for CounterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Printable(&self.text).fmt(f)
    }
}

impl fmt::Debug for CounterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CounterId").field(&Printable(&self.text)).finish()
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

/// By owner type, owner id, key and period, the total first: the one order in which every sync
/// writes rows, so that two of them cannot lock each other out.
impl Ord for CounterId {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.encoded_owner_type().cmp(other.encoded_owner_type()))
            .then_with(|| self.owner_id.cmp(&other.owner_id))
            .then_with(|| self.encoded_key().cmp(other.encoded_key()))
            .then_with(|| self.period.cmp(&other.period))
    }
}

impl PartialOrd for CounterId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::super::owner_id::OwnerText;
    use super::*;

    fn views() -> CounterId {
        CounterId::new("po:st", 42, "vi%ews").unwrap()
    }

    fn day(text: &str) -> Period {
        text.parse().unwrap()
    }

    #[test]
    fn a_bucket_has_a_text_of_its_own_that_is_refused() {
        let bucket = views().within(day("day:2026-11-28"));
        assert_eq!(bucket.as_str(), "po%3Ast:42:vi%25ews@day:2026-11-28");
        assert_eq!((bucket.owner_type(), bucket.key()), (views().owner_type(), views().key()));
        assert_eq!((bucket.period(), views().period()), (Some(day("day:2026-11-28")), None));
        assert_eq!((bucket.encoded_owner(), views().encoded_owner()), ("po%3Ast:42", "po%3Ast:42"));
        let refused = bucket.as_str().parse::<CounterId>().unwrap_err().to_string();
        assert!(refused.contains("no counters of periods"), "{refused}");
    }

    #[test]
    fn no_name_in_a_store_is_a_bucket_of_ours() {
        let prefix = crate::names::Prefix::default();
        let bucket = views().within(day("day:2026-11-28"));
        for name in [prefix.pending_name(&bucket), prefix.claim_name(&bucket)] {
            assert_eq!(prefix.parse_name(&name), None, "{name}");
        }
    }

    #[test]
    fn a_total_comes_before_its_buckets_and_these_before_the_next_key() {
        let next = CounterId::new("po:st", 42, "vi%ews2").unwrap();
        let days = ["day:2026-11-28", "day:2026-11-29", "month:2026-11"].map(day);
        let buckets = days.map(|day| views().within(day));
        let mut sorted = vec![views()];
        sorted.extend(buckets);
        sorted.push(next);
        assert!(sorted.is_sorted());
        assert_eq!(sorted.iter().collect::<HashSet<_>>().len(), sorted.len());
        assert_ne!(views(), sorted[1]);
    }

    #[test]
    fn a_text_owner_is_another_one_than_the_integer_that_it_reads_like() {
        let text = OwnerId::Text(OwnerText::new("42").unwrap());
        let id = CounterId::new("post", text.clone(), "views").unwrap();
        assert_eq!((id.as_str(), id.owner_id()), ("post:%342:views", &text));
        assert_ne!(id, CounterId::new("post", 42, "views").unwrap());
        assert_eq!(id.as_str().parse().as_ref(), Ok(&id));
        assert_eq!(CounterId::new("post", "42", "views").as_ref(), Ok(&id));
    }

    #[test]
    fn an_id_is_made_with_one_allocation_that_is_not_enlarged() {
        let longest = CounterId::new("é:".repeat(127), i64::MIN, "{}".repeat(50)).unwrap();
        let text = CounterId::new("post", "{}".repeat(127), "views").unwrap();
        let widest = "\u{9f}".repeat(255);
        let widest = CounterId::new(&widest, &widest, "\u{9f}".repeat(100)).unwrap();
        assert_eq!(widest.as_str().parse().as_ref(), Ok(&widest));
        for id in [views(), longest, text, widest] {
            assert!(id.text.capacity() <= id.text.len() + 19, "{id}");
        }
        assert_eq!(size_of::<CounterId>(), 56);
    }
}
