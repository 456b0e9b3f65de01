use std::time::Duration;

use ::redis::{Connection, Value};

use super::refused::Refused;
use super::reply::Reply;
use crate::error::BoxError;

/// One connection, of whichever version of the `redis` crate.
///
/// Commands go out and replies come in separately: only so can each reply of a pipeline have its
/// own outcome, and all of them one deadline.
pub(crate) trait Wire {
    /// Sets how long one read from the socket may take; `None` for as long as it likes.
    fn set_read_timeout(&mut self, limit: Option<Duration>) -> Result<(), BoxError>;

    /// Sets how long one write to the socket may take; `None` for as long as it likes.
    fn set_write_timeout(&mut self, limit: Option<Duration>) -> Result<(), BoxError>;

    /// Sends commands.
    fn send(&mut self, commands: &[u8]) -> Result<(), BoxError>;

    /// Waits for the next reply.
    fn receive(&mut self) -> Result<Reply, BoxError>;

    /// Returns whether the reply that was waited for is dropped when it comes, after a read that
    /// failed. If not, the next call of [`receive`](Self::receive) returns it.
    fn drops_late_replies(&self) -> bool;
}

/// Whether a connection may be used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Health {
    Healthy,
    /// It failed, or may hold replies that belong to commands of an earlier caller.
    Broken,
}

impl Wire for Connection {
    fn set_read_timeout(&mut self, limit: Option<Duration>) -> Result<(), BoxError> {
        Ok(Connection::set_read_timeout(self, limit)?)
    }

    fn set_write_timeout(&mut self, limit: Option<Duration>) -> Result<(), BoxError> {
        Ok(Connection::set_write_timeout(self, limit)?)
    }

    fn send(&mut self, commands: &[u8]) -> Result<(), BoxError> {
        Ok(self.send_packed_command(commands)?)
    }

    fn receive(&mut self) -> Result<Reply, BoxError> {
        loop {
            match self.recv_response()? {
                // RESP3: the server's own messages, between two replies.
                Value::Push { .. } => {}
                reply => return Ok(reply.into()),
            }
        }
    }

    fn drops_late_replies(&self) -> bool {
        true
    }
}

impl From<Value> for Reply {
    fn from(value: Value) -> Self {
        match value {
            Value::Nil => Self::Nil,
            Value::Int(number) => Self::Int(number),
            Value::BulkString(text) => Self::Text(text),
            Value::SimpleString(text) => Self::Text(text.into_bytes()),
            Value::Okay => Self::Text(b"OK".to_vec()),
            Value::Array(items) => Self::Array(items.into_iter().map(Self::from).collect()),
            // The newer version of the protocol has names for what was an array and a text.
            Value::Map(pairs) => {
                let items = pairs.into_iter().flat_map(|(name, value)| [name, value]);
                Self::Array(items.map(Self::from).collect())
            }
            Value::VerbatimString { text, .. } => Self::Text(text.into_bytes()),
            Value::ServerError(error) => {
                let detail = error.details().unwrap_or_default();
                Self::Refused(Refused::new(error.code(), detail))
            }
            _ => Self::Other,
        }
    }
}
