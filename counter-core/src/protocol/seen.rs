use super::claim::ClaimSeq;

/// The state that a look saw of a counter. By it a step knows later whether the value that was read
/// then still holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Seen {
    /// The newest sequence that the store had given out.
    pub high_water: ClaimSeq,
    /// The counter's pending delta.
    pub pending: i64,
}

impl Seen {
    /// Returns whether a counter whose value was read to be `by`, when it was seen like this, may
    /// lose `by` when it is seen like `now`.
    ///
    /// It may if nothing was claimed or replaced since, and if what was counted since has the sign
    /// of `by`. Then its value is `by` and what was counted since, so it does not get another sign.
    /// Of two that want to move one value, the second would make it negative, both would then move
    /// that back, and three of them would move more every time.
    pub fn allows(self, now: Self, by: i64) -> bool {
        let counted = now.pending.cmp(&self.pending);
        now.high_water == self.high_water && (counted.is_eq() || counted == by.cmp(&0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_may_be_moved_while_it_is_what_was_read_or_further_from_0() {
        let at = |high_water, pending| Seen { high_water: ClaimSeq::new(high_water), pending };
        for (pending, plus, minus) in
            [(3, true, true), (4, true, false), (2, false, true), (i64::MIN, false, true)]
        {
            assert_eq!(at(7, 3).allows(at(7, pending), 5), plus, "{pending}");
            assert_eq!(at(7, 3).allows(at(7, pending), -5), minus, "{pending}");
        }
        assert!(!at(7, 3).allows(at(8, 3), 5), "something was claimed");
        assert!(at(7, 3).allows(at(7, 3), 0) && !at(7, 3).allows(at(7, 4), 0));
    }
}
