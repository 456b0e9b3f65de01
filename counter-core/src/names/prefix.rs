use std::fmt;
use std::str::FromStr;

use super::dirty::{DIRTY_HASHES, dirty_hash_of, parse_dirty_hash};
use super::pattern::Pattern;
use super::slots::is_tag_of_slot;
#[cfg(feature = "redis")]
use super::slots::{Slot, slot_of, tag_of_slot};
use crate::id::{CounterId, check_text};
use crate::invalid::{InputKind, Invalid};

/// The start of every name in a store, such as `counter:`.
///
/// It ends with `:`, so that `c:` and `cu:` cannot share names, and holds either no brace or
/// exactly one non-empty `{tag}`, which pins all its counters to one slot of a Redis cluster. At
/// most [`Prefix::MAX_CHARS`]. Default: `counter:`.
///
/// ```
/// # use counter_core::{CounterId, Invalid, Prefix};
/// let prefix: Prefix = "shop:".parse()?;
/// let id = CounterId::new("user", 123, "downloads")?;
/// assert_eq!(prefix.pending_name(&id), "shop:user:123:downloads");
/// assert!("shop".parse::<Prefix>().is_err());
/// # Ok::<(), Invalid>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Prefix(String);

/// The end of the name of a bucket's claim.
const CLAIM: &str = ":claim";

/// The meaning of a name under a prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreName {
    /// The pending delta of a counter.
    Pending(CounterId),
    /// The claim in flight of a counter.
    Claim(CounterId),
    /// The instant of the newest reading of a gauge.
    Newest(CounterId),
    /// The newest sequence that the store has given out, or in a cluster that of one slot.
    HighWater,
    /// The random id of this store's data.
    Generation,
    /// The sequences that the store remembers giving out, or in a cluster those of one slot.
    GivenOut,
    /// The marks that the store has noted of the database it is synced into.
    Marks,
    /// One of the hashes of the index, which name counters that may hold something.
    Dirty(u8),
    /// The note that all names were scanned not long ago.
    Scanned,
}

impl Prefix {
    /// The greatest length, in Unicode scalar values.
    pub const MAX_CHARS: usize = 100;

    /// The prefix as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The slot of a cluster in which all names are, if the prefix has a tag.
    #[cfg(feature = "redis")]
    pub(crate) fn slot(&self) -> Option<Slot> {
        self.0.contains('{').then(|| slot_of(self.0.as_bytes()))
    }

    /// The name of a counter's pending delta: `counter:user:123:downloads`, or of a bucket's:
    /// `counter:{counter:user:123:downloads}:day:2026-11-28`. In a cluster both are in one slot.
    pub fn pending_name(&self, id: &CounterId) -> String {
        self.pending_parts(id).concat()
    }

    /// The name of a counter's claim in flight: `counter:{counter:user:123:downloads}`, or of a
    /// bucket's: `counter:{counter:user:123:downloads}:day:2026-11-28:claim`.
    pub fn claim_name(&self, id: &CounterId) -> String {
        self.claim_parts(id).concat()
    }

    /// The parts of [`pending_name`](Self::pending_name), some of them empty.
    pub(crate) fn pending_parts<'a>(&'a self, id: &'a CounterId) -> [&'a str; 6] {
        match id.period_str() {
            None => [self.as_str(), id.as_str(), "", "", "", ""],
            Some(period) => [self.as_str(), "{", self.as_str(), id.total_str(), "}:", period],
        }
    }

    /// The parts of [`claim_name`](Self::claim_name), some of them empty.
    pub(crate) fn claim_parts<'a>(&'a self, id: &'a CounterId) -> [&'a str; 7] {
        let [prefix, total] = [self.as_str(), id.total_str()];
        match id.period_str() {
            None => [prefix, "{", prefix, total, "}", "", ""],
            Some(period) => [prefix, "{", prefix, total, "}:", period, CLAIM],
        }
    }

    /// The name of the instant of the newest reading of a gauge, whose total this is:
    /// `counter:{counter:shop:1:stock}:newest`.
    pub fn newest_name(&self, total: &CounterId) -> String {
        self.newest_parts(total).concat()
    }

    /// The parts of [`newest_name`](Self::newest_name).
    pub(crate) fn newest_parts<'a>(&'a self, total: &'a CounterId) -> [&'a str; 6] {
        [self.as_str(), "{", self.as_str(), total.total_str(), "}", NEWEST]
    }

    /// The name of the high water: `counter:{seq}`.
    pub fn high_water_name(&self) -> String {
        format!("{}{{seq}}", self.0)
    }

    /// The name of the store's generation: `counter:{id}`.
    pub fn generation_name(&self) -> String {
        format!("{}{{id}}", self.0)
    }

    /// The name of the sequences that the store remembers giving out: `counter:{given}`.
    pub fn given_out_name(&self) -> String {
        format!("{}{{given}}", self.0)
    }

    /// The name of the marks of the database that the store is synced into: `counter:{marks}`.
    pub fn marks_name(&self) -> String {
        format!("{}{{marks}}", self.0)
    }

    /// The name of the high water of one slot, where each has its own: `counter:{seq:1234}`.
    #[cfg(feature = "redis")]
    pub(crate) fn high_water_name_in(&self, slot: Slot) -> String {
        format!("{}{{{}}}", self.0, tag_of_slot(slot))
    }

    /// The name of the sequences given out in one slot: `counter:{seq:1234}:given`.
    #[cfg(feature = "redis")]
    pub(crate) fn given_out_name_in(&self, slot: Slot) -> String {
        self.high_water_name_in(slot) + GIVEN
    }

    /// The name of the marks where they have to be in the slot of the generation:
    /// `counter:{id}:marks`.
    #[cfg(feature = "redis")]
    pub(crate) fn marks_name_beside_generation(&self) -> String {
        self.generation_name() + MARKS
    }

    /// The name of the hash of the index that names a counter: `counter:{dirty:7}`.
    pub fn dirty_name(&self, id: &CounterId) -> String {
        self.dirty_hash_name(dirty_hash_of(id))
    }

    /// The names of all hashes of the index, in the order of their numbers.
    pub fn dirty_names(&self) -> Vec<String> {
        (0..DIRTY_HASHES).map(|hash| self.dirty_hash_name(hash)).collect()
    }

    fn dirty_hash_name(&self, hash: u8) -> String {
        format!("{}{{dirty:{hash}}}", self.0)
    }

    /// The name of the note that all names were scanned not long ago: `counter:{scanned}`.
    pub fn scanned_name(&self) -> String {
        format!("{}{{scanned}}", self.0)
    }

    /// The globs that together find the names of all counters that match: pending deltas, then
    /// claims and all of buckets. One glob finds all of it where every counter matches.
    pub fn globs(&self, pattern: &Pattern) -> Vec<String> {
        let prefix = Pattern::escape(&self.0);
        if pattern.is_all() {
            vec![format!("{prefix}*")]
        } else {
            vec![format!("{prefix}{pattern}"), format!("{prefix}{{{prefix}{pattern}}}*")]
        }
    }

    /// Returns the meaning of a name, or `None` if this library would not write it.
    pub fn parse_name(&self, name: &str) -> Option<StoreName> {
        let rest = name.strip_prefix(self.as_str())?;
        let Some(braced) = rest.strip_prefix('{') else {
            return CounterId::of_total(rest).ok().map(StoreName::Pending);
        };
        // Braces in an id are encoded, and those of the prefix come before it.
        match braced.rsplit_once('}')? {
            ("seq", "") => Some(StoreName::HighWater),
            ("id", "") => Some(StoreName::Generation),
            ("given", "") => Some(StoreName::GivenOut),
            ("marks", "") => Some(StoreName::Marks),
            ("scanned", "") => Some(StoreName::Scanned),
            ("id", MARKS) => Some(StoreName::Marks),
            (tag, "") if is_tag_of_slot(tag) => Some(StoreName::HighWater),
            (tag, GIVEN) if is_tag_of_slot(tag) => Some(StoreName::GivenOut),
            (inner, "") => {
                let hash = inner.strip_prefix("dirty:").and_then(parse_dirty_hash);
                let claim = || self.parse_total(inner).map(StoreName::Claim);
                hash.map(StoreName::Dirty).or_else(claim)
            }
            (inner, NEWEST) => self.parse_total(inner).map(StoreName::Newest),
            (inner, rest) => {
                let rest = rest.strip_prefix(':')?;
                let (period, name_of): (_, fn(CounterId) -> StoreName) =
                    match rest.strip_suffix(CLAIM) {
                        Some(period) => (period, StoreName::Claim),
                        None => (rest, StoreName::Pending),
                    };
                let total = self.parse_total(inner)?;
                Some(name_of(total.within(period.parse().ok()?).ok()?))
            }
        }
    }

    /// Returns the total whose pending delta has this name.
    fn parse_total(&self, name: &str) -> Option<CounterId> {
        CounterId::of_total(name.strip_prefix(self.as_str())?).ok()
    }
}

/// The end of names that must be in one slot with another one.
const GIVEN: &str = ":given";
const MARKS: &str = ":marks";
const NEWEST: &str = ":newest";

/// `counter:`
impl Default for Prefix {
    fn default() -> Self {
        Self("counter:".to_owned())
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Prefix {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        check_text(InputKind::Prefix, text, Self::MAX_CHARS)?;
        if !text.ends_with(':') {
            return Err(Invalid::malformed(InputKind::Prefix, text, "it must end with a colon"));
        }
        if !has_sound_braces(text) {
            let why = "braces may only form one non-empty {tag}";
            return Err(Invalid::malformed(InputKind::Prefix, text, why));
        }
        Ok(Self(text.to_owned()))
    }
}

fn has_sound_braces(prefix: &str) -> bool {
    let is_brace = |c| c == '{' || c == '}';
    match prefix.split(is_brace).collect::<Vec<_>>().as_slice() {
        [_] => true,
        [before, tag, _] => !tag.is_empty() && prefix.get(before.len()..).is_some_and(opens_first),
        _ => false,
    }
}

fn opens_first(from_first_brace: &str) -> bool {
    from_first_brace.starts_with('{') && from_first_brace.contains('}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_wire_format() {
        let prefix = Prefix::default();
        let id = CounterId::new("user", 123, "downloads").unwrap();
        assert_eq!(prefix.pending_name(&id), "counter:user:123:downloads");
        assert_eq!(prefix.claim_name(&id), "counter:{counter:user:123:downloads}");
        let bucket = id.within("day:2026-11-28".parse().unwrap()).unwrap();
        let name = "counter:{counter:user:123:downloads}:day:2026-11-28";
        assert_eq!(prefix.pending_name(&bucket), name);
        assert_eq!(prefix.claim_name(&bucket), format!("{name}:claim"));
        assert_eq!(prefix.newest_name(&id), "counter:{counter:user:123:downloads}:newest");
        assert_eq!(prefix.high_water_name(), "counter:{seq}");
        assert_eq!(prefix.generation_name(), "counter:{id}");
        assert_eq!(prefix.given_out_name(), "counter:{given}");
        assert_eq!(prefix.marks_name(), "counter:{marks}");
        assert_eq!(prefix.dirty_name(&id), "counter:{dirty:29}");
        assert_eq!(prefix.scanned_name(), "counter:{scanned}");
    }

    #[test]
    fn names_that_this_library_would_not_write_are_not_its_own() {
        let prefix = Prefix::default();
        for name in [
            "counter:x",
            "counter:user:9223372036854775808:d",
            "counter:user:%61:d",
            "counter:user:1:%64",
            "counter:user:1:d:e",
            "counter:{user:1:d}",
            "counter:{counter:user:1:d",
            "counter:{other:user:1:d}",
            "counter:{}",
            "counter:{dirty:64}",
            "counter:{dirty:07}",
            "counter:{dirty:}",
            "counter:{dirty}",
            "counter:{seq:}",
            "counter:{seq:00}",
            "counter:{seq:147952}",
            "counter:{seq:0}:marks",
            "counter:{id}:given",
            "counter:{id}:",
            "counter:",
            "other:user:1:d",
            "counter::1:d",
            "counter:user:1:d@day:2026-11-28",
            "counter:user:1:d:day:2026-11-28",
            "counter:{counter:user:1:d@day:2026-11-28}",
            "counter:{counter:user:1:d}day:2026-11-28",
            "counter:{counter:user:1:d}:",
            "counter:{counter:user:1:d}:claim",
            "counter:{counter:user:1:d}:newest:claim",
            "counter:{user:1:d}:newest",
            "counter:{seq}:newest",
            "counter:{counter:user:1:d}:day:2026-02-31",
            "counter:{counter:user:1:d}:week:2026-W54",
            "counter:{counter:user:1:d}:month:2026-1",
            "counter:{counter:user:1:d}:2026-11-28:day",
            "counter:{counter:user:1:d}:hour:2026-11-28T14:00",
            "counter:{counter:user:1:d}:day:2026-11-28:claim:claim",
            "counter:{counter:user:1:d}:day:2026-11-28:Claim",
            "counter:{counter:user:1:d}:day:2026-11-28}",
            "counter:{user:1:d}:day:2026-11-28",
            "counter:{other:user:1:d}:day:2026-11-28",
            "counter:{counter:user:1:%64}:day:2026-11-28",
            "counter:{seq}:day:2026-11-28",
            "counter:{dirty:7}:day:2026-11-28",
        ] {
            assert_eq!(prefix.parse_name(name), None, "{name}");
        }
    }

    #[cfg(feature = "redis")]
    #[test]
    fn what_each_slot_has_is_in_that_slot_and_known_by_its_name() {
        let prefix = Prefix::default();
        let id = CounterId::new("user", 123, "downloads").unwrap();
        let slot = slot_of(prefix.pending_name(&id).as_bytes());
        let (high_water, given_out) =
            (prefix.high_water_name_in(slot), prefix.given_out_name_in(slot));
        for name in [&prefix.claim_name(&id), &high_water, &given_out] {
            assert_eq!(slot_of(name.as_bytes()), slot, "{name}");
        }
        assert_eq!(prefix.parse_name(&high_water), Some(StoreName::HighWater));
        assert_eq!(prefix.parse_name(&given_out), Some(StoreName::GivenOut));
        let marks = prefix.marks_name_beside_generation();
        assert_eq!(slot_of(marks.as_bytes()), slot_of(prefix.generation_name().as_bytes()));
        assert_eq!(prefix.parse_name(&marks), Some(StoreName::Marks));
        assert_eq!(
            (high_water.as_str(), marks.as_str()),
            ("counter:{seq:13371}", "counter:{id}:marks")
        );
    }

    #[test]
    fn globs_escape_the_prefix_and_find_claims_too() {
        let prefix: Prefix = "a*b:".parse().unwrap();
        assert_eq!(prefix.globs(&Pattern::all()), ["a\\*b:*"]);
        let users = "user:*".parse().unwrap();
        assert_eq!(prefix.globs(&users), ["a\\*b:user:*", "a\\*b:{a\\*b:user:*}*"]);
    }
}
