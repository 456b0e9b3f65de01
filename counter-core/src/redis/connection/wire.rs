use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use ::redis::{Connection, ConnectionAddr, ConnectionLike as _, IntoConnectionInfo as _, Value};

use super::reply::{Refused, Reply};
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

    /// Makes its pool drop it instead of handing it out again.
    fn discard(&mut self) -> Result<(), BoxError>;
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

    /// Puts a connection whose stream has ended in its place. A pool of `redis::Client` drops a
    /// connection that is not open, and only the end of its stream makes a connection report that.
    /// The server is not asked for it, because it may be frozen.
    fn discard(&mut self) -> Result<(), BoxError> {
        *self = ended_connection()?;
        Ok(())
    }
}

fn ended_connection() -> Result<Connection, BoxError> {
    let mut ended = connection_to_a_listener_that_hangs_up(|port| {
        let addr = ConnectionAddr::Tcp(Ipv4Addr::LOCALHOST.to_string(), port);
        let info = addr.into_connection_info()?;
        // Without this the handshake would wait for an answer.
        let redis = info.redis_settings().clone().set_skip_set_lib_name();
        ::redis::Client::open(info.set_redis_settings(redis))?.get_connection()
    })?;
    // Reads the end of the stream, and closes the connection for it.
    let _ = ended.recv_response();
    if ended.is_open() {
        return Err("no connection could be brought to its end".into());
    }
    Ok(ended)
}

/// Returns a connection to a listener in this process that has hung up already.
pub(crate) fn connection_to_a_listener_that_hangs_up<C, E: Into<BoxError>>(
    connect: impl FnOnce(u16) -> Result<C, E>,
) -> Result<C, BoxError> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    // The system completes the connection before it is accepted.
    let connection = connect(listener.local_addr()?.port()).map_err(Into::into)?;
    drop(listener.accept()?);
    Ok(connection)
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
