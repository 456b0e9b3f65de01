use super::claim::ClaimSeq;

/// A number that the database gives to the store of one process, so that no two stores give out the
/// same sequence: a store with a number gives out only sequences that leave it as a remainder.
///
/// ```
/// # use counter_core::{ClaimSeq, StoreNumber};
/// let number = StoreNumber::new(7).ok_or("too great")?;
/// let seq = number.first_from(ClaimSeq::new(5000)).ok_or("too great")?;
/// assert_eq!(seq, ClaimSeq::new(5127));
/// assert!(number.gives_out(seq) && !number.gives_out(ClaimSeq::new(5000)));
/// # Ok::<(), &str>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StoreNumber(u16);

impl StoreNumber {
    /// How many numbers there are: from 0 to one less than this.
    pub const COUNT: u16 = 1024;

    /// Returns the number, or `None` if it is too great.
    pub const fn new(number: u16) -> Option<Self> {
        if number < Self::COUNT { Some(Self(number)) } else { None }
    }

    /// Returns the number as an integer.
    pub const fn get(self) -> u16 {
        self.0
    }

    /// Returns whether a sequence is one that a store with this number gives out.
    pub fn gives_out(self, seq: ClaimSeq) -> bool {
        seq.get().rem_euclid(i64::from(Self::COUNT)) == i64::from(self.0)
    }

    /// Returns the first sequence of this number that is not below `seq`, or `None` if it does not
    /// fit into 64 bits.
    pub fn first_from(self, seq: ClaimSeq) -> Option<ClaimSeq> {
        let behind = seq.get().rem_euclid(i64::from(Self::COUNT));
        let ahead = (i64::from(self.0) - behind).rem_euclid(i64::from(Self::COUNT));
        seq.get().checked_add(ahead).map(ClaimSeq::new)
    }
}
