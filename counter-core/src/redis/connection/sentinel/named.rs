use crate::redis::connection::url::Address;

/// The master that a sentinel names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) address: Address,
    /// Rises with each failover. `None` if this user may not ask for it.
    pub(super) epoch: Option<u64>,
    /// Whether this sentinel is putting another in its place.
    pub(super) is_being_replaced: bool,
    /// The number of sentinels that this one knows, itself included.
    pub(crate) known_sentinels: Option<u64>,
}

/// The master as it is known before the sentinels are asked.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) master: Named,
    /// Whether the master does not answer, or is none.
    pub(super) is_doubted: bool,
}

/// The weight of one sentinel's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Worth {
    /// It is believed without a second opinion.
    Enough,
    /// The others are asked too, because the sentinel may have been cut off from them.
    NotAlone,
    /// It is older than what is known.
    Nothing,
}

impl Named {
    /// Returns whether this is a later master than the one that is followed, as far as epochs say.
    /// A sentinel that was cut off names an earlier master, and one may name the same master by a
    /// name where another one names it by an address: neither has a newer epoch. One that says no
    /// epoch may have.
    pub(super) fn may_come_after(&self, followed: &Self) -> bool {
        let is_open = self.epoch.is_none() || followed.epoch.is_none();
        self.is_newer_than(followed) || (is_open && self.address != followed.address)
    }

    /// Returns whether the other one is the same master, without a failover in between.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.address == other.address && !self.is_newer_than(other) && !other.is_newer_than(self)
    }

    /// Returns whether a failover has certainly happened since the other one was named.
    pub(super) fn is_newer_than(&self, other: &Self) -> bool {
        self.epoch.zip(other.epoch).is_some_and(|(this, other)| this > other)
    }
}

impl Known {
    /// Returns what an answer is worth where this is known, or nothing is.
    pub(super) fn worth(known: Option<&Self>, named: &Named) -> Worth {
        match known {
            None => Worth::Enough,
            Some(Self { master, .. }) if master.is_newer_than(named) => Worth::Nothing,
            Some(Self { is_doubted: true, .. }) => Worth::NotAlone,
            Some(Self { master, .. })
                if master.address == named.address || named.is_newer_than(master) =>
            {
                Worth::Enough
            }
            Some(_) => Worth::NotAlone,
        }
    }

    /// Returns whether one answer is better than another. Of two without a newer epoch it is the
    /// one that names the master that is followed, unless that is doubted.
    pub(super) fn prefers(known: Option<&Self>, this: &Named, other: &Named) -> bool {
        let rank = |named: &Named| {
            let is_kept = known
                .is_some_and(|known| (known.master.address == named.address) != known.is_doubted);
            (named.epoch, is_kept)
        };
        rank(this) > rank(other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(port: u16, epoch: Option<u64>) -> Named {
        let address = Address::new("h", port);
        Named { address, epoch, is_being_replaced: false, known_sentinels: None }
    }

    fn known(is_doubted: bool) -> Known {
        Known { master: named(1, Some(5)), is_doubted }
    }

    #[test]
    fn a_newer_epoch_is_a_later_master_and_an_older_or_an_equal_one_is_not() {
        let followed = named(1, Some(5));
        for (other, is_later) in [
            (named(1, Some(5)), false),
            (named(1, Some(6)), true),
            (named(2, Some(4)), false),
            (named(2, Some(5)), false),
            (named(2, Some(6)), true),
            (named(2, None), true),
            (named(1, None), false),
        ] {
            assert_eq!(other.may_come_after(&followed), is_later, "{other:?}");
        }
        assert!(named(2, Some(0)).may_come_after(&named(1, None)));
    }

    #[test]
    fn a_sentinel_is_believed_alone_if_it_confirms_the_master_or_its_epoch_is_newer() {
        for (port, epoch, worth, doubted) in [
            (1, Some(5), Worth::Enough, Worth::NotAlone),
            (2, Some(6), Worth::Enough, Worth::NotAlone),
            (1, Some(4), Worth::Nothing, Worth::Nothing),
            (2, Some(4), Worth::Nothing, Worth::Nothing),
            (2, Some(5), Worth::NotAlone, Worth::NotAlone),
            (2, None, Worth::NotAlone, Worth::NotAlone),
            (1, None, Worth::Enough, Worth::NotAlone),
        ] {
            let named = named(port, epoch);
            assert_eq!(Known::worth(Some(&known(false)), &named), worth, "{named:?}");
            assert_eq!(Known::worth(Some(&known(true)), &named), doubted, "{named:?}");
            assert_eq!(Known::worth(None, &named), Worth::Enough);
        }
    }

    #[test]
    fn of_equal_epochs_the_one_that_is_followed_is_preferred_unless_it_is_doubted() {
        for epoch in [Some(5), None] {
            let (this, other) = (named(1, epoch), named(2, epoch));
            assert!(Known::prefers(Some(&known(false)), &this, &other));
            assert!(!Known::prefers(Some(&known(false)), &other, &this));
            assert!(Known::prefers(Some(&known(true)), &other, &this));
            assert!(!Known::prefers(Some(&known(true)), &this, &other));
            assert!(!Known::prefers(None, &this, &other));
        }
        let (newer, older) = (named(2, Some(6)), named(1, Some(5)));
        for is_doubted in [false, true] {
            assert!(Known::prefers(Some(&known(is_doubted)), &newer, &older));
            assert!(!Known::prefers(Some(&known(is_doubted)), &older, &newer));
        }
    }

    #[test]
    fn a_master_that_comes_back_after_a_failover_is_another_one() {
        assert!(named(1, Some(5)).is_same(&named(1, Some(5))));
        assert!(named(1, None).is_same(&named(1, Some(5))));
        assert!(!named(1, Some(6)).is_same(&named(1, Some(5))));
        assert!(!named(2, Some(5)).is_same(&named(1, Some(5))));
    }
}
