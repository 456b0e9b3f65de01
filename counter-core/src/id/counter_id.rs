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

/// The identity of one counter: an owner and a key.
///
/// It is kept in its text form, `user:123:downloads` with each component percent-encoded, because
/// that is what a store needs at every increment. The text and the id determine each other. An
/// owner id that is a text and reads like an integer has its first character encoded: see
/// [`OwnerId`].
///
/// An id may have a [`Period`], which makes it the id of a *bucket*: what the counter, its *total*,
/// counted in that period. A bucket is a counter of its own, and neither knows of the other. Its
/// text is `user:123:downloads@day:2026-11-28`.
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

    /// Returns the id of the counter's bucket of a period, also if this is the id of a bucket.
    ///
    /// ```
    /// # use counter_core::{CounterId, Invalid, Period};
    /// let views = CounterId::new("post", 42, "views")?;
    /// let november = views.within(Period::month(2026, 11)?)?;
    /// assert_eq!(november.as_str(), "post:42:views@month:2026-11");
    /// assert_eq!(november.total(), views);
    /// # Ok::<(), Invalid>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Invalid`] if the period is not within the years 1000 to 9999.
    pub fn within(&self, period: Period) -> Result<Self, Invalid> {
        period.check()?;
        let total = self.total_str();
        // The longest period is `hour:2026-11-28T14`.
        let mut text = String::with_capacity(total.len() + 19);
        text.push_str(total);
        text.push('@');
        // Writing to a String cannot fail.
        let _ = period.write_to(&mut text);
        Ok(Self { text, period: Some(period), owner_id: self.owner_id.clone(), ..*self })
    }

    /// Returns the id of the counter that this is a bucket of; of a total it is the same id.
    #[must_use]
    pub fn total(&self) -> Self {
        let text = self.total_str().to_owned();
        Self { text, period: None, owner_id: self.owner_id.clone(), ..*self }
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

    /// Returns the text form of the total: `user:123:downloads`.
    pub(crate) fn total_str(&self) -> &str {
        self.text.get(..usize::from(self.total_len)).unwrap_or_default()
    }

    /// Returns the part of the text form that names the period, `day:2026-11-28`, if there is one.
    pub(crate) fn period_str(&self) -> Option<&str> {
        self.text.get(usize::from(self.total_len) + 1..)
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
        // A colon in a key is encoded, so only a period has one more.
        if text.bytes().filter(|byte| *byte == b':').count() == 3
            && let Some((total, period)) = text.rsplit_once('@')
        {
            return Self::of_total(total)?.within(period.parse()?);
        }
        Self::of_total(text)
    }
}

impl CounterId {
    /// Reads the text form of a total.
    pub(crate) fn of_total(text: &str) -> Result<Self, Invalid> {
        let malformed = |why| Invalid::malformed(InputKind::CounterId, text, why);
        let mut parts = text.split(':');
        let (Some(owner_type), Some(owner_id), Some(key), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(malformed("expected owner_type:owner_id:key"));
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
/// writes rows, so that two of them cannot deadlock.
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

    fn within(id: &CounterId, text: &str) -> CounterId {
        id.within(day(text)).unwrap()
    }

    #[test]
    fn a_bucket_has_a_text_of_its_own_beside_that_of_its_total() {
        let bucket = within(&views(), "day:2026-11-28");
        assert_eq!(bucket.as_str(), "po%3Ast:42:vi%25ews@day:2026-11-28");
        assert_eq!(bucket.as_str().parse().as_ref(), Ok(&bucket));
        assert_eq!((bucket.owner_type(), bucket.key()), (views().owner_type(), views().key()));
        assert_eq!((bucket.period(), views().period()), (Some(day("day:2026-11-28")), None));
        assert_eq!((bucket.encoded_owner(), views().encoded_owner()), ("po%3Ast:42", "po%3Ast:42"));
        assert_eq!(bucket.period_str(), Some("day:2026-11-28"));
        assert_eq!((bucket.total_str(), bucket.total()), (views().as_str(), views()));
        assert_eq!((views().period_str(), views().total()), (None, views()));
        let other = within(&bucket, "year:2026");
        assert_eq!(other, within(&views(), "year:2026"));
    }

    #[test]
    fn a_key_may_look_like_a_period() {
        for key in ["views@day", "@day:2026-11-28", "views@day:2026-11-28", "@", "a@b"] {
            let total = CounterId::new("post", 42, key).unwrap();
            let bucket = within(&total, "hour:2026-11-28T14");
            assert_eq!((total.period(), total.key().as_ref()), (None, key));
            assert_eq!((bucket.period().is_some(), bucket.key().as_ref()), (true, key));
            for id in [total, bucket] {
                assert_eq!(id.as_str().parse().as_ref(), Ok(&id));
            }
        }
    }

    #[test]
    fn what_is_no_bucket_s_text_is_refused() {
        for text in [
            "post:42:views@",
            "post:42:views@day",
            "post:42:views@day:2026-02-31",
            "post:42:views@2026-11-28:day",
            "post:42:views:day:2026-11-28",
            "post:42:views@day:2026-11-28@day:2026-11-28",
            "post:42@day:2026-11-28",
            "post:42:@day:2026-11-28",
            "post:42:views@day:2026-11-28:claim",
            "post:42:views@month:0999-12",
        ] {
            let read = text.parse::<CounterId>();
            assert!(read.as_ref().is_err() || read.unwrap().period().is_none(), "{text}");
        }
        let outside = Period::containing(super::super::Grain::Day, chrono::NaiveDateTime::MAX);
        assert!(views().within(outside).is_err());
    }

    #[test]
    fn a_total_comes_before_its_buckets_and_these_before_the_next_key() {
        let next = CounterId::new("po:st", 42, "vi%ews2").unwrap();
        let days = ["day:2026-11-28", "day:2026-11-29", "month:2026-11"].map(day);
        let buckets = days.map(|day| views().within(day).unwrap());
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
        let bucket = within(&views(), "hour:2026-11-28T14");
        assert_eq!(bucket.text.capacity(), bucket.text.len());
        for id in [views(), longest, text, widest] {
            assert!(id.text.capacity() <= id.text.len() + 19, "{id}");
        }
        assert_eq!(size_of::<CounterId>(), 56);
    }
}
