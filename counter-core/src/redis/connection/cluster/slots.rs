use std::ops::RangeInclusive;
use std::sync::Arc;

use crate::error::BoxError;
use crate::names::{SLOTS, Slot};
use crate::redis::connection::packed::Packed;
use crate::redis::connection::reply::{Reply, Unexpected};
use crate::redis::connection::url::Address;

/// The cluster as one node knows it, from its answer to CLUSTER SLOTS.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Slots {
    /// The masters, by the slots that they have.
    pub(super) ranges: Vec<Range>,
    /// All nodes that have slots, and their replicas.
    pub(super) members: Vec<Address>,
}

/// Slots that follow each other, and the master that has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) slots: RangeInclusive<Slot>,
    pub(super) owner: Arc<Address>,
}

impl Slots {
    /// Returns the question, which servers since Redis 3 answer.
    pub(super) fn question() -> Packed {
        let mut question = Packed::default();
        question.command(2, |args| {
            args.text("CLUSTER").text("SLOTS");
        });
        question
    }

    /// Returns the master that has a slot, if the node knows one.
    pub(super) fn owner(&self, slot: Slot) -> Option<&Arc<Address>> {
        self.ranges.iter().find(|it| it.slots.contains(&slot)).map(|it| &it.owner)
    }

    /// Reads the answer of the node at the address `asked`.
    pub(super) fn read(reply: Reply, asked: &Address) -> Result<Self, BoxError> {
        let mut slots = Self::default();
        for range in reply.into_array()? {
            let mut parts = range.into_array()?.into_iter();
            let mut number = || -> Result<Slot, BoxError> {
                let slot = Slot::try_from(parts.next().ok_or(Unexpected)?.into_number()?)?;
                if slot < SLOTS { Ok(slot) } else { Err(Unexpected.into()) }
            };
            let range = number()?..=number()?;
            for (position, node) in parts.enumerate() {
                let Some(address) = read_node(node, asked)? else { continue };
                if position == 0 {
                    let (slots_of_it, owner) = (range.clone(), Arc::new(address.clone()));
                    slots.ranges.push(Range { slots: slots_of_it, owner });
                }
                if !slots.members.contains(&address) {
                    slots.members.push(address);
                }
            }
        }
        Ok(slots)
    }
}

/// Reads a node: its address, its port, its id and what else a server says of it. `None` if it is
/// not to be named.
fn read_node(node: Reply, asked: &Address) -> Result<Option<Address>, BoxError> {
    let mut parts = node.into_array()?.into_iter();
    let host = parts.next().ok_or(Unexpected)?.into_text()?.unwrap_or_default();
    let port = parts.next().ok_or(Unexpected)?.into_number()?;
    let port = u16::try_from(port)?;
    Ok(match String::from_utf8(host)?.as_str() {
        "?" => None,
        "" => Some(Address::new(&asked.host, port)),
        host => Some(Address::new(host, port)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(host: Option<&str>, port: i64) -> Reply {
        let host = host.map_or(Reply::Nil, |host| Reply::Text(host.as_bytes().to_vec()));
        let id = Reply::Text(b"09dbe9720cda62f7865eabc5fd8857c5d2678366".to_vec());
        Reply::Array(vec![host, Reply::Int(port), id, Reply::Array(Vec::new())])
    }

    fn range(from: i64, to: i64, nodes: Vec<Reply>) -> Reply {
        let slots = [from, to].into_iter().map(Reply::Int);
        Reply::Array(slots.chain(nodes).collect())
    }

    #[test]
    fn the_owner_of_a_slot_is_the_first_node_of_its_range_and_all_nodes_are_members() {
        let asked = Address::new("own", 7000);
        let answer = || {
            Reply::Array(vec![
                range(0, 5460, vec![node(Some(""), 7000), node(Some("b"), 7001)]),
                range(5461, 5461, vec![node(Some("c"), 7002)]),
                range(5462, 16383, vec![node(None, 7003), node(Some("?"), 7004)]),
            ])
        };
        let owner = |slot| {
            let slots = Slots::read(answer(), &asked).unwrap();
            slots.owner(slot).map(|owner| (**owner).clone())
        };
        assert_eq!(owner(5460), Some(asked.clone()));
        assert_eq!(owner(5461), Some(Address::new("c", 7002)));
        assert_eq!(owner(5462), Some(Address::new("own", 7003)));
        let members = Slots::read(answer(), &asked).unwrap().members;
        let members = members.iter().map(|member| member.port).collect::<Vec<_>>();
        assert_eq!(members, [7000, 7001, 7002, 7003]);
    }

    #[test]
    fn an_answer_of_any_form_is_an_answer_or_an_error() {
        let asked = Address::new("own", 7000);
        let read = |reply| Slots::read(reply, &asked);
        assert_eq!(read(Reply::Array(Vec::new())).unwrap(), Slots::default());
        assert_eq!(read(Reply::Array(vec![range(2, 9, Vec::new())])).unwrap(), Slots::default());
        assert!(read(Reply::Nil).is_err());
        assert!(read(Reply::Array(vec![Reply::Int(1)])).is_err());
        assert!(read(Reply::Array(vec![Reply::Array(vec![Reply::Int(1)])])).is_err());
        assert!(read(Reply::Array(vec![range(0, 9, vec![node(Some("h"), 65536)])])).is_err());
        assert!(read(Reply::Array(vec![range(0, 16_384, Vec::new())])).is_err());
        assert!(read(Reply::Array(vec![range(-1, 9, Vec::new())])).is_err());
    }
}
