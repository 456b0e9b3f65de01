use std::collections::HashSet;
use std::sync::Arc;

use super::slots::Slots;
use crate::names::{SLOTS, Slot};
use crate::redis::connection::url::Address;

/// Which node has which slot, as far as is known.
#[derive(Default)]
pub(super) struct Table {
    /// Empty before anything is known.
    owners: Vec<Option<Arc<Address>>>,
    /// The only slot whose changes count, where all names of a store are in one.
    followed: Option<Slot>,
    /// Rises with each change of an owner that counts.
    era: u32,
    /// The slots whose owners were named in answers to commands while the nodes were asked. Those
    /// owners are newer than what the nodes answer.
    named: HashSet<Slot>,
}

impl Table {
    pub(super) fn new(followed: Option<Slot>) -> Self {
        Self { followed, ..Self::default() }
    }

    pub(super) fn owner(&self, slot: Slot) -> Option<&Arc<Address>> {
        self.owners.get(usize::from(slot))?.as_ref()
    }

    pub(super) fn era(&self) -> u32 {
        self.era
    }

    /// Returns the nodes that have slots, each once, in the order of their first slots.
    pub(super) fn masters(&self) -> Vec<Arc<Address>> {
        self.first_slots().into_iter().map(|(_, master)| master).collect()
    }

    /// Returns the first slot of each node that has any, and the node, in their order.
    pub(super) fn first_slots(&self) -> Vec<(Slot, Arc<Address>)> {
        let mut first_slots: Vec<(Slot, Arc<Address>)> = Vec::new();
        let mut last = None;
        for (slot, owner) in (0..).zip(&self.owners) {
            let Some(owner) = owner else { continue };
            if last != Some(owner) && first_slots.iter().all(|(_, known)| known != owner) {
                first_slots.push((slot, Arc::clone(owner)));
            }
            last = Some(owner);
        }
        first_slots
    }

    /// Notes that the nodes are about to be asked.
    pub(super) fn begin_question(&mut self) {
        self.named.clear();
    }

    /// Notes that a node has named the owner of a slot in its answer to a command.
    pub(super) fn follow(&mut self, slot: Slot, owner: &Address) {
        self.named.insert(slot);
        let owner = match self.owners.iter().flatten().find(|known| ***known == *owner) {
            Some(known) => Arc::clone(known),
            None => Arc::new(owner.clone()),
        };
        if self.set(slot, owner) {
            self.count_change();
        }
    }

    /// Takes what a node has answered. What it does not know stays as it is.
    pub(super) fn take(&mut self, slots: &Slots) {
        let mut has_changed = false;
        for range in &slots.ranges {
            for slot in range.slots.clone() {
                if !self.named.contains(&slot) {
                    has_changed |= self.set(slot, Arc::clone(&range.owner));
                }
            }
        }
        if has_changed {
            self.count_change();
        }
    }

    /// Returns whether that is a change which counts.
    fn set(&mut self, slot: Slot, owner: Arc<Address>) -> bool {
        if self.owners.is_empty() {
            self.owners = vec![None; usize::from(SLOTS)];
        }
        let Some(place) = self.owners.get_mut(usize::from(slot)) else { return false };
        let is_another = place.as_ref() != Some(&owner);
        *place = Some(owner);
        is_another && self.followed.is_none_or(|followed| followed == slot)
    }

    fn count_change(&mut self) {
        self.era = (self.era + 1) & ERAS;
    }
}

/// The number of the last era, after which the first comes again.
const ERAS: u32 = (1 << 18) - 1;

#[cfg(test)]
mod tests {
    use super::super::slots::Range;
    use super::*;

    fn node(port: u16) -> Address {
        Address::new("h", port)
    }

    fn answer(owners: &[(Slot, Slot, u16)]) -> Slots {
        let range = |(from, to, port): &(Slot, Slot, u16)| Range {
            slots: *from..=*to,
            owner: Arc::new(node(*port)),
        };
        Slots { ranges: owners.iter().map(range).collect(), members: Vec::new() }
    }

    fn port_of(table: &Table, slot: Slot) -> Option<u16> {
        table.owner(slot).map(|owner| owner.port)
    }

    #[test]
    fn an_owner_that_is_named_again_is_the_same_one() {
        let mut table = Table::default();
        for (port, era) in [(1, 1), (1, 1), (2, 2), (1, 3)] {
            table.follow(7, &node(port));
            assert_eq!(table.era(), era);
        }
    }

    #[test]
    fn where_one_slot_is_followed_no_other_counts() {
        let mut table = Table::new(Some(7));
        table.take(&answer(&[(0, 9, 1)]));
        assert_eq!(table.era(), 1);
        table.take(&answer(&[(0, 6, 2), (8, 9, 2)]));
        assert_eq!(table.era(), 1);
        table.follow(7, &node(2));
        assert_eq!(table.era(), 2);
    }

    #[test]
    fn what_is_unknown_stays_and_what_a_command_was_answered_is_newer() {
        let mut table = Table::default();
        assert_eq!(port_of(&table, 0), None);
        table.take(&answer(&[(0, 99, 1), (100, 16_383, 2)]));
        table.begin_question();
        table.follow(5, &node(3));
        table.take(&answer(&[(0, 9, 2)]));
        let ports = [0, 5, 9, 10, 16_383].map(|slot| port_of(&table, slot));
        assert_eq!(ports, [2, 3, 2, 1, 2].map(Some));
        let masters = table.masters();
        assert_eq!(masters.iter().map(|it| it.port).collect::<Vec<_>>(), [2, 3, 1]);
        table.begin_question();
        table.take(&answer(&[(5, 5, 2)]));
        assert_eq!(port_of(&table, 5), Some(2));
    }
}
