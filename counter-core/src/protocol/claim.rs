use std::fmt;
use std::str::FromStr;

use crate::id::{CounterId, canonical_i64};
use crate::invalid::{InputKind, Invalid};

/// A delta, a set or a delete that one sync took out of the store's pending counts, under its
/// sequence.
///
/// It stays in the store until a database has committed it, and only a caller that presents exactly
/// this claim can remove it from there.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Claim {
    /// The counter that it belongs to.
    pub id: CounterId,
    /// Its number.
    pub seq: ClaimSeq,
    /// The operation on the row.
    pub op: ClaimOp,
}

impl Claim {
    /// The text form that a store keeps, `sequence:op:value`.
    ///
    /// ```
    /// # use counter_core::{Claim, ClaimOp, ClaimSeq, CounterId};
    /// let id = CounterId::new("user", 123, "downloads")?;
    /// let seq = ClaimSeq::new(1_700_000_000_000_000);
    /// let claim = Claim { id: id.clone(), seq, op: ClaimOp::Add(5) };
    /// assert_eq!(claim.text(), "1700000000000000:add:5");
    /// assert_eq!(Claim::from_text(id, "1700000000000000:add:5"), Ok(claim));
    /// # Ok::<(), counter_core::Invalid>(())
    /// ```
    pub fn text(&self) -> String {
        let (op, value) = self.op.parts();
        let mut text = String::with_capacity(48);
        text.push_str(itoa::Buffer::new().format(self.seq.0));
        text.push(':');
        text.push_str(op);
        text.push(':');
        text.push_str(itoa::Buffer::new().format(value));
        text
    }

    /// The claim of `id` whose [`text`](Self::text) this is.
    ///
    /// # Errors
    ///
    /// [`Invalid::Malformed`] if no claim has this text.
    pub fn from_text(id: CounterId, text: &str) -> Result<Self, Invalid> {
        let parsed = text.split_once(':').and_then(|(seq, op)| {
            let seq = canonical_i64(seq).filter(|seq| (1..=ClaimSeq::GREATEST.0).contains(seq))?;
            Some((ClaimSeq(seq), op.parse().ok()?))
        });
        let (seq, op) = parsed.ok_or_else(|| {
            Invalid::malformed(
                InputKind::Claim,
                text,
                "expected sequence:add:n, sequence:set:n or sequence:del:0",
            )
        })?;
        Ok(Self { id, seq, op })
    }
}

/// The number of a claim: microseconds of the store's clock, but always above the store's high
/// water.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ClaimSeq(i64);

impl ClaimSeq {
    /// Below every sequence that a store gives out: no claim yet.
    pub const ZERO: Self = Self(0);

    /// The greatest one: no store gives out a greater one before the year 2255, and up to here a
    /// script counts in ones. A row that took a greater one would take no other claim after it.
    pub(crate) const GREATEST: Self = Self(9_007_199_254_740_991);

    /// The sequence of this number.
    pub const fn new(number: i64) -> Self {
        Self(number)
    }

    /// The number, as it stands in the column `claim_seq`.
    pub const fn get(self) -> i64 {
        self.0
    }
}

impl fmt::Display for ClaimSeq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The operation of a claim on the row of its counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ClaimOp {
    /// Adds to the count.
    Add(i64),
    /// Replaces the count.
    Set(i64),
    /// Removes the row.
    Delete,
}

impl ClaimOp {
    /// Its name and its value in the text form.
    const fn parts(self) -> (&'static str, i64) {
        match self {
            Self::Add(by) => ("add", by),
            Self::Set(to) => ("set", to),
            Self::Delete => ("del", 0),
        }
    }
}

impl fmt::Display for ClaimOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (op, value) = self.parts();
        write!(f, "{op}:{value}")
    }
}

impl FromStr for ClaimOp {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let parsed = text.split_once(':').and_then(|(op, value)| {
            let value = canonical_i64(value)?;
            match (op, value) {
                ("add", by) => Some(Self::Add(by)),
                ("set", to) => Some(Self::Set(to)),
                ("del", 0) => Some(Self::Delete),
                _ => None,
            }
        });
        parsed.ok_or_else(|| {
            Invalid::malformed(InputKind::Claim, text, "expected add:n, set:n or del:0")
        })
    }
}
