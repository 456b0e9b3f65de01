use std::time::Duration;

use ::r2d2_redis::redis::{Client, Connection, ConnectionLike as _, ErrorKind, RedisError, Value};

use super::ended::{Endable, connection_to_a_listener_that_hangs_up};
use super::refused::Refused;
use super::reply::Reply;
use super::wire::Wire;
use crate::error::BoxError;

/// A connection of the crate `r2d2_redis`, which is pinned to an old version of the `redis` crate.
///
/// After a read time-out that version takes the late reply for the next command's, and its pool
/// hands the connection out anyway. [`Endable`] prevents that.
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
        match self.recv_response() {
            Ok(value) => Ok(value.into()),
            Err(error) if is_reply(&error) => Ok(Reply::Refused(refused(&error))),
            Err(error) => Err(error.into()),
        }
    }

    fn drops_late_replies(&self) -> bool {
        false
    }
}

impl Endable for Connection {
    fn ended() -> Result<Self, BoxError> {
        let mut ended = connection_to_a_listener_that_hangs_up(|port| {
            Client::open(format!("redis://127.0.0.1:{port}/"))?.get_connection()
        })?;
        let _ = ended.recv_response();
        if ended.is_open() {
            return Err("no connection could be brought to its end".into());
        }
        Ok(ended)
    }
}

/// Returns whether the server replied with this error. A reply that cannot be parsed has the kind
/// of a plain `ERR`, and only its description distinguishes them.
fn is_reply(error: &RedisError) -> bool {
    match error.kind() {
        ErrorKind::ResponseError => {
            error.to_string().starts_with("An error was signalled by the server")
        }
        ErrorKind::IoError
        | ErrorKind::TypeError
        | ErrorKind::ClientError
        | ErrorKind::InvalidClientConfig
        | ErrorKind::AuthenticationFailed => false,
        _ => error.code().is_some(),
    }
}

fn refused(error: &RedisError) -> Refused {
    let (code, detail) = (error.code(), error.detail());
    Refused::new(code.unwrap_or("ERR"), detail.unwrap_or_default())
}

impl From<Value> for Reply {
    fn from(value: Value) -> Self {
        match value {
            Value::Nil => Self::Nil,
            Value::Int(number) => Self::Int(number),
            Value::Data(text) => Self::Text(text),
            Value::Status(text) => Self::Text(text.into_bytes()),
            Value::Okay => Self::Text(b"OK".to_vec()),
            Value::Bulk(items) => Self::Array(items.into_iter().map(Self::from).collect()),
        }
    }
}
