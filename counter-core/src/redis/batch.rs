//! Cuts the work of a step by nodes, into windows and chunks. The results keep the order of the
//! items.

use super::connection::{Checkout, Deadline, Names, Packed, Reply, Unexpected};
use super::server::Server;
use crate::error::{BoxError, Error, StoreStep};
use crate::id::CounterId;
use crate::names::Slot;
use crate::protocol::Claim;
use crate::store::PartSeq;

/// How a step over many items is taken.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Batch {
    pub(crate) step: StoreStep,
    /// The number of items in one command. The server does nothing else while it carries that out.
    pub(crate) chunk: usize,
    /// The number of commands that are sent before their replies are read.
    pub(crate) window: usize,
    pub(crate) if_lost: IfLost,
}

/// The consequence of a lost connection.
#[derive(Debug, Clone, Copy)]
pub(crate) enum IfLost {
    Fail,
    /// The whole step is taken once more, because that does no harm.
    Repeat {
        until: Deadline,
    },
}

impl IfLost {
    const fn until(self) -> Deadline {
        match self {
            Self::Fail => Deadline::NEVER,
            Self::Repeat { until } => until,
        }
    }

    /// Returns what holds for the next of so many nodes.
    fn share(self, nodes: usize) -> Self {
        match self {
            Self::Fail => Self::Fail,
            Self::Repeat { until } => Self::Repeat { until: until.share(nodes) },
        }
    }
}

/// Something whose names are in one slot.
pub(crate) trait InSlot {
    fn slot(&self, names: &Names) -> Slot;
}

impl InSlot for CounterId {
    fn slot(&self, names: &Names) -> Slot {
        names.slot_of(self)
    }
}

impl InSlot for Claim {
    fn slot(&self, names: &Names) -> Slot {
        names.slot_of(&self.id)
    }
}

/// A name.
impl InSlot for String {
    fn slot(&self, names: &Names) -> Slot {
        names.slot_of_name(self)
    }
}

impl InSlot for PartSeq {
    fn slot(&self, _names: &Names) -> Slot {
        self.part
    }
}

/// A slot itself.
impl InSlot for Slot {
    fn slot(&self, _names: &Names) -> Slot {
        *self
    }
}

/// Items that one command is about. In a cluster the names of all are in one slot.
pub(crate) struct Chunk<'a, T> {
    pub(crate) slot: Slot,
    pub(crate) items: &'a [T],
}

/// The chunks whose commands are sent together.
pub(crate) struct Window<'a, T> {
    pub(crate) chunks: &'a [Chunk<'a, T>],
    /// Until when their node must have answered, if there is a limit on the whole step. A node that
    /// is frozen leaves time to the others.
    pub(crate) until: Deadline,
}

impl<'a, T> Window<'a, T> {
    /// Returns a command for each chunk, which `write` must add.
    pub(crate) fn pack(&self, mut write: impl FnMut(&mut Packed, &'a Chunk<'a, T>)) -> Packed {
        let mut commands = Packed::default();
        for chunk in self.chunks {
            write(commands.at(chunk.slot), chunk);
        }
        commands
    }

    /// Returns each chunk with the reply to its command.
    pub(crate) fn with(
        &self,
        replies: Vec<Reply>,
    ) -> impl Iterator<Item = (&'a Chunk<'a, T>, Reply)> {
        self.chunks.iter().zip(replies)
    }
}

/// The most commands of a window, where each is about few items.
const MOST_COMMANDS: usize = 1000;

/// Takes a step over many items. Calls `exchange` for one window after another to add a result for
/// each item.
///
/// # Errors
///
/// [`Error::Store`] if one window fails. The step may have been taken for some of the items.
pub(crate) fn in_chunks<T, R, F>(
    server: &Server,
    batch: Batch,
    items: &[T],
    exchange: F,
) -> Result<Vec<R>, Error>
where
    T: InSlot + Clone,
    F: FnMut(&mut Checkout<'_>, &Window<'_, T>, &mut Vec<R>) -> Result<(), BoxError>,
{
    in_chunks_or(server, server.names(), batch, items, exchange, |error, _| Err(error))
}

/// Does the same for items of these names. If it fails for those of one node of a cluster,
/// `if_failed` returns their results, or the error that ends the step.
pub(crate) fn in_chunks_or<T, R, F>(
    server: &Server,
    names: &Names,
    batch: Batch,
    items: &[T],
    exchange: F,
    if_failed: impl FnMut(Error, &[T]) -> Result<Vec<R>, Error>,
) -> Result<Vec<R>, Error>
where
    T: InSlot + Clone,
    F: FnMut(&mut Checkout<'_>, &Window<'_, T>, &mut Vec<R>) -> Result<(), BoxError>,
{
    let mut in_order = Vec::with_capacity(items.len());
    in_order.resize_with(items.len(), || None);
    by_node(server, names, batch, items, exchange, if_failed, |places, results| {
        if results.len() != places.len() {
            return Err(Error::Store { step: batch.step, source: Unexpected.into() });
        }
        for (index, result) in places.iter().zip(results) {
            if let Some(place) = in_order.get_mut(*index) {
                *place = Some(result);
            }
        }
        Ok(())
    })?;
    Ok(in_order.into_iter().flatten().collect())
}

/// Takes a step that has no result for each item, or several. They come in any order.
pub(crate) fn in_any_order<T, R, F>(
    server: &Server,
    batch: Batch,
    items: &[T],
    exchange: F,
) -> Result<Vec<R>, Error>
where
    T: InSlot + Clone,
    F: FnMut(&mut Checkout<'_>, &Window<'_, T>, &mut Vec<R>) -> Result<(), BoxError>,
{
    in_any_order_or(server, batch, items, exchange, |error, _| Err(error))
}

/// Does the same. If it fails for the items of one node of a cluster, `if_failed` returns their
/// results, or the error that ends the step.
pub(crate) fn in_any_order_or<T, R, F>(
    server: &Server,
    batch: Batch,
    items: &[T],
    exchange: F,
    if_failed: impl FnMut(Error, &[T]) -> Result<Vec<R>, Error>,
) -> Result<Vec<R>, Error>
where
    T: InSlot + Clone,
    F: FnMut(&mut Checkout<'_>, &Window<'_, T>, &mut Vec<R>) -> Result<(), BoxError>,
{
    let mut all = Vec::new();
    by_node(server, server.names(), batch, items, exchange, if_failed, |_, results| {
        all.extend(results);
        Ok(())
    })?;
    Ok(all)
}

/// Takes a step at one node after another, and gives its results to `take_results`, with the places
/// of the items that they are about.
fn by_node<T, R, F>(
    server: &Server,
    names: &Names,
    batch: Batch,
    items: &[T],
    mut exchange: F,
    mut if_failed: impl FnMut(Error, &[T]) -> Result<Vec<R>, Error>,
    mut take_results: impl FnMut(&[usize], Vec<R>) -> Result<(), Error>,
) -> Result<(), Error>
where
    T: InSlot + Clone,
    F: FnMut(&mut Checkout<'_>, &Window<'_, T>, &mut Vec<R>) -> Result<(), BoxError>,
{
    if !names.are_spread() {
        let slot = names.home();
        let chunks = items.chunks(batch.chunk).map(|items| Chunk { slot, items });
        let results = take(server, batch, slot, &chunks.collect::<Vec<_>>(), &mut exchange)?;
        return take_results(&(0..items.len()).collect::<Vec<_>>(), results);
    }
    // A chunk holds few items where slots hold few, so more of them fill a window.
    let window = (batch.chunk * batch.window).min(MOST_COMMANDS);
    let nodes = server.by_owner(items.iter().map(|item| item.slot(names)));
    let mut nodes_left = nodes.len();
    for node in nodes {
        let of_node = node.iter().filter_map(|(_, index)| items.get(*index).cloned());
        let of_node = of_node.collect::<Vec<_>>();
        let (slots, places) = node.into_iter().unzip::<_, _, Vec<_>, Vec<_>>();
        let chunks = chunks_by_slot(&of_node, &slots, batch.chunk);
        let slot = slots.first().copied().unwrap_or_default();
        let batch = Batch { window, if_lost: batch.if_lost.share(nodes_left), ..batch };
        nodes_left -= 1;
        let results = take(server, batch, slot, &chunks, &mut exchange);
        take_results(&places, results.or_else(|error| if_failed(error, &of_node))?)?;
    }
    Ok(())
}

fn take<T, R, F>(
    server: &Server,
    batch: Batch,
    slot: Slot,
    chunks: &[Chunk<'_, T>],
    exchange: &mut F,
) -> Result<Vec<R>, Error>
where
    F: FnMut(&mut Checkout<'_>, &Window<'_, T>, &mut Vec<R>) -> Result<(), BoxError>,
{
    let until = batch.if_lost.until();
    let mut take = |checkout: &mut Checkout<'_>| {
        let mut results = Vec::new();
        for chunks in chunks.chunks(batch.window) {
            exchange(checkout, &Window { chunks, until }, &mut results)?;
        }
        Ok(results)
    };
    match batch.if_lost {
        IfLost::Fail => server.step(batch.step, slot, take),
        IfLost::Repeat { until } => server.repeatable_step(batch.step, slot, until, &mut take),
    }
}

/// Cuts items, whose slots are in order, into chunks of one slot and of at most this size.
fn chunks_by_slot<'a, T>(items: &'a [T], slots: &[Slot], size: usize) -> Vec<Chunk<'a, T>> {
    let (mut chunks, mut rest) = (Vec::new(), items);
    for of_slot in slots.chunk_by(|a, b| a == b) {
        let (items, after) = rest.split_at_checked(of_slot.len()).unwrap_or((rest, &[]));
        let slot = of_slot.first().copied().unwrap_or_default();
        chunks.extend(items.chunks(size).map(|items| Chunk { slot, items }));
        rest = after;
    }
    chunks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(commands: &mut Packed, chunk: &Chunk<'_, i64>) {
        commands.command(chunk.items.len(), |args| {
            chunk.items.iter().for_each(|item| {
                args.int(*item);
            });
        });
    }

    #[test]
    fn a_window_has_a_command_for_each_chunk_and_joins_it_with_its_reply() {
        let chunks = chunks_by_slot(&[1, 2, 3, 4, 5], &[7, 7, 7, 7, 7], 2);
        let window = Window { chunks: &chunks, until: Deadline::NEVER };
        let commands = window.pack(write);
        assert_eq!(commands.commands(), 3);
        assert_eq!(commands.command_at(2), b"*1\r\n$1\r\n5\r\n");
        let replies = (0..3).map(Reply::Int).collect();
        let joined = window.with(replies);
        let joined = joined.map(|(chunk, reply)| (chunk.items, reply.into_number().ok()));
        assert!(joined.eq([(&[1, 2][..], Some(0)), (&[3, 4], Some(1)), (&[5], Some(2))]));
    }

    #[test]
    fn a_chunk_is_of_one_slot_and_its_command_too() {
        let chunks = chunks_by_slot(&[1, 2, 3, 4, 5, 6], &[3, 3, 3, 4, 9, 9], 2);
        let shape = chunks.iter().map(|chunk| (chunk.slot, chunk.items)).collect::<Vec<_>>();
        assert_eq!(shape, [(3, &[1, 2][..]), (3, &[3]), (4, &[4]), (9, &[5, 6])]);
        let commands = Window { chunks: &chunks, until: Deadline::NEVER }.pack(write);
        let slots = (0..4).map(|index| commands.slot_at(index));
        assert!(slots.eq([3, 3, 4, 9].map(Some)));
    }
}
