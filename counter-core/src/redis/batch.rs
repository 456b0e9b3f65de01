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
pub(crate) fn in_chunks<T, R, F>(
    server: &Server,
    batch: Batch,
    items: &[T],
    mut exchange: F,
) -> Result<Vec<R>, Error>
where
    F: FnMut(&mut Checkout<'_>, &Window<'_, T>, &mut Vec<R>) -> Result<(), BoxError>,
{
    let mut take = |checkout: &mut Checkout<'_>| {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn write(commands: &mut Packed, items: &[i64]) {
        commands.command(items.len(), |args| {
            items.iter().for_each(|item| {
                args.int(*item);
            });
        });
    }

    #[test]
    fn a_window_has_a_command_for_each_chunk_and_joins_it_with_its_reply() {
        let window = Window { items: &[1, 2, 3, 4, 5], chunk: 2 };
        let commands = window.pack(write);
        assert_eq!(commands.commands(), 3);
        assert_eq!(commands.command_at(2), b"*1\r\n$1\r\n5\r\n");
        let replies = (0..3).map(Reply::Int).collect();
        let joined = window.with(replies).map(|(chunk, reply)| (chunk, reply.into_number().ok()));
        assert!(joined.eq([(&[1, 2][..], Some(0)), (&[3, 4], Some(1)), (&[5], Some(2))]));
    }
}
