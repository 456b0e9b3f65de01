use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::cluster::Cluster;
use super::node::Node;
use super::redirect::Redirect;
use crate::error::BoxError;
use crate::names::Slot;
use crate::redis::connection::checkout::ExchangeError;
use crate::redis::connection::packed::Packed;
use crate::redis::connection::pool::Lane;
use crate::redis::connection::reply::Reply;
use crate::redis::connection::reroute::{IfSplit, Lost, Reroute, Sent};
use crate::redis::connection::url::Address;

/// How often commands are sent to where a node says they belong. Where a move of a slot was broken
/// off, two nodes may name each other for good.
const MOST_HOPS: u32 = 8;

/// After this many hops nodes get time to agree.
const QUICK_HOPS: u32 = 3;

/// How long nodes get to agree, or the names of a command to arrive at one of them.
const SHORT_PAUSE: Duration = Duration::from_millis(5);

/// A command that is sent with less time left may get no answer, and would then be unknown instead
/// of not carried out.
const LAST_MOMENT: Duration = Duration::from_millis(20);

/// How long a node gets that can carry out nothing.
const LONG_PAUSE: Duration = Duration::from_millis(50);

/// The way to the node of a cluster that a connection leads to, and on to others.
pub(super) struct Way<'c> {
    pub(super) cluster: &'c Arc<Cluster>,
    pub(super) node: &'c Address,
    /// The slot of commands that name none.
    pub(super) slot: Slot,
}

/// Where a command is sent again.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Hop {
    to: Address,
    /// Whether the node does not have the slot yet.
    asking: bool,
}

impl Reroute for Way<'_> {
    fn follow(&self, sent: Sent<'_>, replies: &mut [Reply]) -> Result<Vec<usize>, Lost> {
        let slots = (0..).map(|index| sent.commands.slot_at(index).unwrap_or(self.slot));
        let redirect =
            |(reply, slot): (&Reply, Slot)| redirect(reply, slot, self.node, sent.if_split);
        let redirects: Vec<_> = replies.iter().zip(slots).map(redirect).collect();
        let rerouted = redirects.iter().enumerate().filter(|(_, redirect)| redirect.is_some());
        let rerouted: Vec<_> = rerouted.map(|(index, _)| index).collect();
        if !rerouted.is_empty() {
            let home = self.slot;
            Journey { cluster: self.cluster, home, sent, redirects }.go(replies)?;
        }
        Ok(rerouted)
    }

    fn is_right(&self, slots: &[Slot]) -> bool {
        slots.iter().all(|slot| self.cluster.is_owner(*slot, self.node))
    }

    fn check_undisputed(&self, slots: &[Slot]) -> Result<(), BoxError> {
        self.cluster.check_undisputed(slots, self.node)
    }

    fn note_failure(&self) {
        self.cluster.ask_nodes(self.slot, None);
    }
}

/// Commands on their way to where they belong.
struct Journey<'c> {
    cluster: &'c Arc<Cluster>,
    /// The slot of commands that name none.
    home: Slot,
    sent: Sent<'c>,
    /// Of each command, where it goes next, if it was not carried out.
    redirects: Vec<Option<Redirect>>,
}

impl Journey<'_> {
    fn go(mut self, replies: &mut [Reply]) -> Result<(), Lost> {
        let mut hops = 0;
        while self.redirects.iter().any(Option::is_some) && !self.sent.deadline.left().is_zero() {
            let mut redirects = self.redirects.iter().flatten();
            // Names that arrive one after the other are waited for, however often.
            hops = match redirects.clone().any(|it| *it == Redirect::TryAgain) {
                true => 0,
                false => hops + u32::from(redirects.any(Redirect::names_a_node)),
            };
            if hops > MOST_HOPS {
                break;
            }
            self.pause(hops);
            if self.sent.deadline.left() < LAST_MOMENT {
                break;
            }
            for (hop, indices) in self.hops() {
                self.take(&hop, &indices, replies)?;
            }
        }
        Ok(())
    }

    /// Sends some of the commands to a node.
    fn take(&mut self, hop: &Hop, indices: &[usize], replies: &mut [Reply]) -> Result<(), Lost> {
        match self.send(hop, indices) {
            Ok(answers) => {
                for (index, answer) in indices.iter().zip(answers) {
                    let slot = self.slot_of(*index);
                    let next = redirect(&answer, slot, &hop.to, self.sent.if_split);
                    put(&mut self.redirects, *index, next);
                    put(replies, *index, answer);
                }
                Ok(())
            }
            // The node is away, and may have a successor.
            Err(ExchangeError::NotSent(_)) => {
                for index in indices {
                    put(&mut self.redirects, *index, Some(Redirect::Down));
                }
                Ok(())
            }
            Err(ExchangeError::Interrupted(why)) => {
                Err(Lost { first: indices.first().copied().unwrap_or(0), why })
            }
        }
    }

    fn slot_of(&self, index: usize) -> Slot {
        self.sent.commands.slot_at(index).unwrap_or(self.home)
    }

    fn pause(&self, hops: u32) {
        let redirects = || self.redirects.iter().flatten();
        let down = self.redirects.iter().position(|it| *it == Some(Redirect::Down));
        let pause = if let Some(index) = down {
            self.cluster.ask_nodes(self.slot_of(index), Some(self.sent.deadline));
            LONG_PAUSE
        } else if hops > QUICK_HOPS || redirects().any(|it| *it == Redirect::TryAgain) {
            SHORT_PAUSE
        } else {
            return;
        };
        thread::sleep(pause.min(self.sent.deadline.left()));
    }

    /// Returns where commands go, each with its number.
    fn hops(&self) -> Vec<(Hop, Vec<usize>)> {
        let mut hops: Vec<(Hop, Vec<usize>)> = Vec::new();
        for (index, redirect) in self.redirects.iter().enumerate() {
            let slot = self.slot_of(index);
            let Some(hop) = redirect.as_ref().and_then(|redirect| self.hop(redirect, slot)) else {
                continue;
            };
            match hops.iter_mut().find(|(other, _)| *other == hop) {
                Some((_, indices)) => indices.push(index),
                None => hops.push((hop, vec![index])),
            }
        }
        hops
    }

    fn hop(&self, redirect: &Redirect, slot: Slot) -> Option<Hop> {
        Some(match redirect {
            Redirect::Moved(to) => {
                self.cluster.note_moved(slot, to);
                Hop { to: to.clone(), asking: false }
            }
            Redirect::Ask(to) => Hop { to: to.clone(), asking: true },
            Redirect::TryAgain | Redirect::Down => {
                let owner = self.cluster.owner(slot, self.sent.deadline).ok()?;
                Hop { to: owner.address.clone(), asking: false }
            }
        })
    }

    fn send(&self, hop: &Hop, indices: &[usize]) -> Result<Vec<Reply>, ExchangeError> {
        let node = self.cluster.node(&hop.to).map_err(ExchangeError::NotSent)?;
        let sent = self.send_to(&node, hop, indices);
        let slot = indices.first().map_or(self.home, |index| self.slot_of(*index));
        sent.inspect_err(|_| self.cluster.ask_nodes(slot, None))
    }

    fn send_to(
        &self,
        node: &Node,
        hop: &Hop,
        indices: &[usize],
    ) -> Result<Vec<Reply>, ExchangeError> {
        let checkout = self.cluster.check_out(node, Lane::SentOn, self.sent.deadline);
        let mut checkout = checkout.map_err(ExchangeError::NotSent)?;
        let mut packed = Packed::default();
        if let Some(load) = self.sent.load {
            packed.copy(load.bytes());
        }
        for index in indices {
            if hop.asking {
                packed.command(1, |args| {
                    args.text("ASKING");
                });
            }
            packed.copy(self.sent.commands.command_at(*index));
        }
        let answers = checkout.ask_all(&packed, self.sent.deadline)?.into_iter();
        let answers = answers.skip(self.sent.load.iter().len());
        let every = 1 + usize::from(hop.asking);
        Ok(answers.skip(every - 1).step_by(every).collect())
    }
}

fn redirect(reply: &Reply, slot: Slot, from: &Address, if_split: IfSplit) -> Option<Redirect> {
    let Reply::Refused(refused) = reply else { return None };
    let is_followed =
        |redirect: &Redirect| *redirect != Redirect::TryAgain || if_split == IfSplit::Wait;
    Redirect::of(refused, slot, from).filter(is_followed)
}

fn put<T>(places: &mut [T], index: usize, value: T) {
    if let Some(place) = places.get_mut(index) {
        *place = value;
    }
}
