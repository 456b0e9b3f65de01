use std::cell::Cell;
use std::fmt;
use std::sync::Arc;

use crate::error::{BoxError, Error, Operation};
use crate::id::CounterId;
use crate::redis::connection::deadline::Deadline;
use crate::redis::connection::lease::{Broken, Lease};
use crate::redis::connection::names::Names;
use crate::redis::connection::packed::Packed;
use crate::redis::connection::reply::{Reply, Unexpected};
use crate::redis::store::RedisStore;

/// How many increments are sent before their replies are read. Enough that round trips do not count, few
/// enough that neither side has to stop because the other does not take in what it has to say.
const WINDOW: usize = 4096;

type Outcome = Result<(), Error>;

thread_local! {
    /// Where an increment is put together, so that it needs no memory of its own.
    static SCRATCH: Cell<Packed> = Cell::default();
}

impl RedisStore {
    pub(crate) fn increment_one(&self, id: &CounterId, by: i64) -> Outcome {
        let mut lease = self.lease().map_err(|why| not_counted(id, why))?;
        let mut command = SCRATCH.take();
        command.clear();
        write_increment(&mut command, self.names(), id, by);
        let answer = lease.ask(&command, Deadline::after(self.timeouts().read));
        SCRATCH.set(command);
        match answer {
            Ok(reply) => read_outcome(reply, id).unwrap_or_else(|why| {
                lease.distrust();
                Err(unknown(id, why))
            }),
            Err(Broken::NotSent(why)) => Err(not_counted(id, why)),
            Err(Broken::Interrupted(why)) => Err(unknown(id, why)),
        }
    }

    pub(crate) fn increment_each(&self, increments: &[(CounterId, i64)]) -> Vec<Outcome> {
        let mut outcomes = Vec::with_capacity(increments.len());
        let sent = match self.lease() {
            Ok(mut lease) => self.increment_windows(&mut lease, increments, &mut outcomes),
            Err(why) => Err(why.into()),
        };
        // What is left was not sent any more.
        if let Err(why) = sent {
            let rest = increments.iter().skip(outcomes.len());
            outcomes.extend(rest.map(|(id, _)| Err(not_counted(id, why.clone()))));
        }
        outcomes
    }

    /// Sends one window after another, all by one deadline, until that is over or the connection fails.
    fn increment_windows(
        &self,
        lease: &mut Lease,
        increments: &[(CounterId, i64)],
        outcomes: &mut Vec<Outcome>,
    ) -> Result<(), Shared> {
        let deadline = Deadline::after(self.timeouts().read);
        let mut commands = Packed::default();
        for window in increments.chunks(WINDOW) {
            commands.clear();
            for (id, by) in window {
                write_increment(&mut commands, self.names(), id, *by);
            }
            increment_window(lease, &commands, window, deadline, outcomes)?;
        }
        Ok(())
    }
}

/// Adds an outcome for each increment, unless nothing was sent.
fn increment_window(
    lease: &mut Lease,
    commands: &Packed,
    window: &[(CounterId, i64)],
    deadline: Deadline,
    outcomes: &mut Vec<Outcome>,
) -> Result<(), Shared> {
    let mut unanswered = window.iter().map(|(id, _)| id).peekable();
    let exchanged = lease.exchange(commands, deadline, |reply| {
        let id = unanswered.peek().ok_or(Unexpected)?;
        outcomes.push(read_outcome(reply, id)?);
        unanswered.next();
        Ok(())
    });
    match exchanged {
        Ok(()) => Ok(()),
        Err(Broken::NotSent(why)) => Err(why.into()),
        Err(Broken::Interrupted(why)) => {
            let why = Shared::from(why);
            outcomes.extend(unanswered.map(|id| Err(unknown(id, why.clone()))));
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

/// What the reply to an INCRBY says. An error of the server's means that it was not carried out.
fn read_outcome(reply: Reply, id: &CounterId) -> Result<Outcome, Unexpected> {
    match reply {
        Reply::Int(_) => Ok(Ok(())),
        Reply::Refused(refused) => Ok(Err(not_counted(id, refused))),
        _ => Err(Unexpected),
    }
}

fn not_counted(id: &CounterId, source: impl Into<BoxError>) -> Error {
    Error::NotCounted {
        operation: Operation::Increment,
        counter: id.clone(),
        source: source.into(),
    }
}

fn unknown(id: &CounterId, source: impl Into<BoxError>) -> Error {
    Error::OutcomeUnknown {
        operation: Operation::Increment,
        counter: id.clone(),
        source: source.into(),
    }
}

/// One cause of many errors.
#[derive(Debug, Clone)]
struct Shared(Arc<dyn std::error::Error + Send + Sync>);

impl From<BoxError> for Shared {
    fn from(error: BoxError) -> Self {
        Self(error.into())
    }
}

impl fmt::Display for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Shared {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}
