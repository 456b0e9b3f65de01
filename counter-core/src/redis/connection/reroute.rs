use super::deadline::Deadline;
use super::packed::Packed;
use super::reply::Reply;
use crate::error::BoxError;
use crate::names::Slot;

/// Commands that were sent, and what they take to be sent to a server that has seen none of them.
#[derive(Clone, Copy)]
pub(super) struct Sent<'c> {
    pub(super) commands: &'c Packed,
    /// The command that loads the script that they call, if they call one.
    pub(super) load: Option<&'c Packed>,
    pub(super) deadline: Deadline,
    pub(super) if_split: IfSplit,
}

/// The treatment of a command of which some names are on another server already and some are not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum IfSplit {
    /// It is sent again until they are together, or the time is over.
    Wait,
    /// It keeps the reply that says so.
    Leave,
}

/// Commands whose answers were lost.
#[derive(Debug)]
pub(super) struct Lost {
    /// The number of the first of them.
    pub(super) first: usize,
    pub(super) why: BoxError,
}

/// Knows where else a command may belong than to the server that it was sent to.
pub(super) trait Reroute {
    /// Sends each command again that the server named another place for, and only those, and puts
    /// the new replies in the place of the old ones. Returns which it has sent, by their numbers.
    ///
    /// # Errors
    ///
    /// If it is not known whether commands were carried out. The replies before the first of them
    /// are right.
    fn follow(&self, sent: Sent<'_>, replies: &mut [Reply]) -> Result<Vec<usize>, Lost>;

    /// Returns whether the commands of these slots belong to the server, as far as is known now.
    fn is_right(&self, slots: &[Slot]) -> bool;

    /// Makes sure that no other server says that one of these slots is its own.
    fn check_undisputed(&self, slots: &[Slot]) -> Result<(), BoxError>;

    /// Notes that an exchange with the server failed.
    fn note_failure(&self);
}
