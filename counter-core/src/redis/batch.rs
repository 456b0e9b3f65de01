//! Cuts the work of a step into windows and chunks. The results keep the order of the items.

use super::connection::{Checkout, Deadline, Packed, Reply};
use super::server::Server;
use crate::error::{BoxError, Error, StoreStep};

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

/// What happens if the connection is lost.
#[derive(Debug, Clone, Copy)]
pub(crate) enum IfLost {
    Fail,
    /// The whole step is taken once more, because that does no harm.
    Repeat {
        until: Deadline,
    },
}

/// The chunks whose commands are sent together.
pub(crate) struct Window<'a, T> {
    items: &'a [T],
    chunk: usize,
}

impl<'a, T> Window<'a, T> {
    /// Returns a command for each chunk, which `write` must add.
    pub(crate) fn pack(&self, mut write: impl FnMut(&mut Packed, &'a [T])) -> Packed {
        let mut commands = Packed::default();
        for chunk in self.items.chunks(self.chunk) {
            write(&mut commands, chunk);
        }
        commands
    }

    /// Returns each chunk with the reply to its command.
    pub(crate) fn with(&self, replies: Vec<Reply>) -> impl Iterator<Item = (&'a [T], Reply)> {
        self.items.chunks(self.chunk).zip(replies)
    }
}

/// Takes a step over many items. Calls `exchange` for one window after another to add its results.
///
/// # Errors
///
/// [`Error::Store`] if one window fails. The step may have been taken for some of the items.
pub(crate) fn in_chunks<T, R>(
    server: &Server,
    batch: Batch,
    items: &[T],
    mut exchange: impl FnMut(&mut Checkout, &Window<'_, T>, &mut Vec<R>) -> Result<(), BoxError>,
) -> Result<Vec<R>, Error> {
    let mut take = |checkout: &mut Checkout| {
        let mut results = Vec::with_capacity(items.len());
        for items in items.chunks(batch.chunk * batch.window) {
            exchange(checkout, &Window { items, chunk: batch.chunk }, &mut results)?;
        }
        Ok(results)
    };
    match batch.if_lost {
        IfLost::Fail => server.step(batch.step, take),
        IfLost::Repeat { until } => server.repeatable_step(batch.step, until, &mut take),
    }
}
