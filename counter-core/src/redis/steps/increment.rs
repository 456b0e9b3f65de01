use std::cell::Cell;
use std::fmt;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread::{self, ScopedJoinHandle};

use crate::error::{BoxError, Error, Operation};
use crate::id::CounterId;
use crate::names::Slot;
use crate::redis::connection::{
    Checkout, Deadline, ExchangeError, Names, Packed, Reply, Unexpected,
};
use crate::redis::server::Server;

/// How many increments are sent before their replies are read. Enough that round trips do not
/// count, few enough that neither side stops because the other reads nothing while it writes.
const WINDOW: usize = 4096;

type Outcome = Result<Found, Error>;

/// The state that an increment found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// Nothing pending, or 0. The index may not name the counter yet.
    Nothing,
    /// Something pending.
    Something,
}

thread_local! {
    /// The buffer in which an increment is packed, so that it allocates none of its own.
    static SCRATCH: Cell<Packed> = Cell::default();
}

/// Adds to what is pending of one counter, by one `INCRBY`.
pub(crate) fn increment(server: &Server, id: &CounterId, by: i64) -> Outcome {
    let incremented = server
        .for_caller(server.names().slot_of(id), |checkout| increment_on(server, checkout, id, by));
    incremented.unwrap_or_else(|why| Err(not_counted(id, why)))
}

fn increment_on(server: &Server, checkout: &mut Checkout<'_>, id: &CounterId, by: i64) -> Outcome {
    let mut command = SCRATCH.take();
    command.clear();
    write_increment(&mut command, server.names(), id, by);
    let answer = checkout.ask(&command, Deadline::after(server.timeouts().read));
    SCRATCH.set(command);
    match answer {
        Ok(reply) => read_outcome(reply, id, by).unwrap_or_else(|why| {
            checkout.mark_broken();
            Err(unknown(id, why))
        }),
        Err(ExchangeError::NotSent(why)) => Err(not_counted(id, why)),
        Err(ExchangeError::Interrupted(why)) => Err(unknown(id, why)),
    }
}

/// Adds to what is pending of each counter. Returns an outcome for each.
pub(crate) fn increment_many(server: &Server, increments: &[(CounterId, i64)]) -> Vec<Outcome> {
    let names = server.names();
    if !names.are_spread() {
        return increment_all(server, names.home(), increments);
    }
    let slots = increments.iter().map(|(id, _)| names.slot_of(id));
    let nodes = server.by_owner(slots);
    let increment = |places: &[(Slot, usize)]| {
        let slot = places.first().map_or(names.home(), |(slot, _)| *slot);
        let of_node = places.iter().filter_map(|(_, index)| increments.get(*index).cloned());
        increment_all(server, slot, &of_node.collect::<Vec<_>>())
    };
    let outcomes: Vec<_> = match nodes.as_slice() {
        [] => Vec::new(),
        [node] => vec![increment(node)],
        // So that a node which does not answer takes no time of the others.
        nodes => thread::scope(|scope| {
            let increment = &increment;
            let threads = nodes.iter().map(|node| scope.spawn(move || increment(node)));
            let threads = threads.collect::<Vec<_>>();
            let join = |thread: ScopedJoinHandle<'_, _>| {
                thread.join().unwrap_or_else(|panic| resume_unwind(panic))
            };
            threads.into_iter().map(join).collect()
        }),
    };
    let of_all = nodes.into_iter().flatten().zip(outcomes.into_iter().flatten());
    let mut of_all: Vec<_> = of_all.map(|((_, index), outcome)| (index, outcome)).collect();
    of_all.sort_unstable_by_key(|(index, _)| *index);
    of_all.into_iter().map(|(_, outcome)| outcome).collect()
}

/// Increments counters of one node, on one connection.
fn increment_all(server: &Server, slot: Slot, increments: &[(CounterId, i64)]) -> Vec<Outcome> {
    let mut outcomes = Vec::with_capacity(increments.len());
    let sent = server
        .for_caller(slot, |checkout| increment_windows(server, checkout, increments, &mut outcomes))
        .unwrap_or_else(|why| Err(why.into()));
    // The remaining commands were not sent.
    if let Err(why) = sent {
        let rest = increments.iter().skip(outcomes.len());
        outcomes.extend(rest.map(|(id, _)| Err(not_counted(id, why.clone()))));
    }
    outcomes
}

/// Sends one window after another, all by one deadline, until that is over or the connection fails.
fn increment_windows(
    server: &Server,
    checkout: &mut Checkout<'_>,
    increments: &[(CounterId, i64)],
    outcomes: &mut Vec<Outcome>,
) -> Result<(), SharedCause> {
    let deadline = Deadline::after(server.timeouts().read);
    let mut commands = Packed::default();
    for window in increments.chunks(WINDOW) {
        commands.clear();
        for (id, by) in window {
            if server.names().are_spread() {
                commands.at(server.names().slot_of(id));
            }
            write_increment(&mut commands, server.names(), id, *by);
        }
        increment_window(checkout, &commands, window, deadline, outcomes)?;
    }
    Ok(())
}

/// Adds an outcome for each increment, unless nothing was sent.
fn increment_window(
    checkout: &mut Checkout<'_>,
    commands: &Packed,
    window: &[(CounterId, i64)],
    deadline: Deadline,
    outcomes: &mut Vec<Outcome>,
) -> Result<(), SharedCause> {
    let mut unanswered = window.iter().peekable();
    let exchanged = checkout.exchange(commands, deadline, |reply| {
        let (id, by) = unanswered.peek().ok_or(Unexpected)?;
        outcomes.push(read_outcome(reply, id, *by)?);
        unanswered.next();
        Ok(())
    });
    match exchanged {
        Ok(()) => Ok(()),
        Err(ExchangeError::NotSent(why)) => Err(why.into()),
        Err(ExchangeError::Interrupted(why)) => {
            let why = SharedCause::from(why);
            outcomes.extend(unanswered.map(|(id, _)| Err(unknown(id, why.clone()))));
            Err(why)
        }
    }
}

fn write_increment(commands: &mut Packed, names: &Names, id: &CounterId, by: i64) {
    commands.command(3, |args| {
        args.text("INCRBY");
        names.write_pending(args, id);
        args.int(by);
    });
}

/// Returns the outcome that the reply to an INCRBY means. Only some errors prove that the server
/// did not carry it out.
fn read_outcome(reply: Reply, id: &CounterId, by: i64) -> Result<Outcome, Unexpected> {
    match reply {
        Reply::Int(sum) if sum == by => Ok(Ok(Found::Nothing)),
        Reply::Int(_) => Ok(Ok(Found::Something)),
        Reply::Refused(refused) if refused.proves_no_effect() => Ok(Err(not_counted(id, refused))),
        Reply::Refused(refused) => Ok(Err(unknown(id, refused))),
        _ => Err(Unexpected),
    }
}

pub(super) fn not_counted(id: &CounterId, source: impl Into<BoxError>) -> Error {
    Error::NotCounted {
        operation: Operation::Increment,
        counter: id.clone(),
        source: source.into(),
    }
}

pub(super) fn unknown(id: &CounterId, source: impl Into<BoxError>) -> Error {
    Error::OutcomeUnknown {
        operation: Operation::Increment,
        counter: id.clone(),
        source: source.into(),
    }
}

/// The one cause of several errors.
#[derive(Debug, Clone)]
pub(super) struct SharedCause(Arc<dyn std::error::Error + Send + Sync>);

impl From<BoxError> for SharedCause {
    fn from(error: BoxError) -> Self {
        Self(error.into())
    }
}

impl SharedCause {
    pub(super) fn into_cause(self) -> BoxError {
        Box::new(self)
    }
}

impl fmt::Display for SharedCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for SharedCause {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}
