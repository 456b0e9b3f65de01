use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ::redis::io::tcp::TcpSettings;
use ::redis::{Client, Connection, ConnectionInfo, RedisError};

use super::limits::Limits;
use super::reply::Reply;
use super::wire::Wire;
use crate::error::BoxError;
use crate::redis::timeouts::RedisTimeouts;

/// Makes the connections of the store's own pool.
///
/// Unlike the `redis` crate's manager it gives them time-outs and TCP_NODELAY, and takes none back that
/// may hold replies which nobody has read. And when the server hangs up on one, as it does when it
/// restarts, the idle ones are not handed out any more: each would cost an increment whose outcome is
/// unknown.
#[derive(Debug)]
pub(crate) struct Manager {
    client: Client,
    timeouts: RedisTimeouts,
    hang_ups: Arc<AtomicU64>,
}

/// A connection of the store's own pool.
pub(crate) struct OwnConnection {
    wire: Connection,
    /// As they are set on the socket.
    pub(crate) limits: Limits,
    condemned: bool,
    /// The manager's, and what it was when this was made.
    hang_ups: Arc<AtomicU64>,
    hang_ups_before: u64,
}

/// To where there is no connection, and why, without the password, which some servers repeat in what they answer.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct NoConnection(String);

const PING: &[u8] = b"*1\r\n$4\r\nPING\r\n";

impl Manager {
    pub(crate) fn new(info: ConnectionInfo, timeouts: RedisTimeouts) -> Result<Self, RedisError> {
        let nodelay = TcpSettings::default().set_nodelay(true);
        let client = Client::open(info.set_tcp_settings(nodelay))?;
        Ok(Self { client, timeouts, hang_ups: Arc::default() })
    }

    /// Whether the server can be reached, lets this user in and answers.
    pub(crate) fn try_out(&self) -> Result<(), NoConnection> {
        let answer = self.open().and_then(|mut connection| {
            connection.send(PING)?;
            connection.receive()
        });
        match answer {
            Ok(Reply::Refused(refused)) => Err(self.without_password(&refused.into())),
            Ok(_) => Ok(()),
            Err(error) => Err(self.without_password(&error)),
        }
    }

    fn open(&self) -> Result<OwnConnection, BoxError> {
        let hang_ups_before = self.hang_ups.load(Ordering::SeqCst);
        let mut wire = self.client.get_connection_with_timeout(self.timeouts.connect)?;
        let (read, write) = (Some(self.timeouts.read), Some(self.timeouts.write));
        Wire::set_read_timeout(&mut wire, read)?;
        Wire::set_write_timeout(&mut wire, write)?;
        Ok(OwnConnection {
            wire,
            limits: Limits { read, write },
            condemned: false,
            hang_ups: Arc::clone(&self.hang_ups),
            hang_ups_before,
        })
    }

    fn without_password(&self, error: &BoxError) -> NoConnection {
        let settings = self.client.get_connection_info().redis_settings();
        let mut message = error.to_string();
        if let Some(password) = settings.password().filter(|password| !password.is_empty()) {
            message = message.replace(password, "***");
        }
        NoConnection(format!("{}: {message}", self.client.get_connection_info().addr()))
    }
}

impl OwnConnection {
    /// Counts at most one hang-up for all connections that were made before it.
    fn note_hang_up(&self, error: &BoxError) {
        let error = error.downcast_ref::<RedisError>();
        if error.is_some_and(RedisError::is_connection_dropped) {
            let before = self.hang_ups_before;
            let (success, failure) = (Ordering::SeqCst, Ordering::SeqCst);
            let _ = self.hang_ups.compare_exchange(before, before + 1, success, failure);
        }
    }
}

impl r2d2::ManageConnection for Manager {
    type Connection = OwnConnection;
    type Error = NoConnection;

    fn connect(&self) -> Result<OwnConnection, NoConnection> {
        self.open().map_err(|error| self.without_password(&error))
    }

    /// Called whenever a connection is handed out, so nothing is sent here: that would double the cost
    /// of an increment.
    fn is_valid(&self, connection: &mut OwnConnection) -> Result<(), NoConnection> {
        if connection.hang_ups_before == self.hang_ups.load(Ordering::SeqCst) {
            return Ok(());
        }
        let why = "the server has hung up on a connection that was made no earlier";
        Err(NoConnection(why.to_owned()))
    }

    fn has_broken(&self, connection: &mut OwnConnection) -> bool {
        connection.condemned
    }
}

impl Wire for OwnConnection {
    fn set_read_timeout(&mut self, limit: Option<Duration>) -> Result<(), BoxError> {
        Wire::set_read_timeout(&mut self.wire, limit)
    }

    fn set_write_timeout(&mut self, limit: Option<Duration>) -> Result<(), BoxError> {
        Wire::set_write_timeout(&mut self.wire, limit)
    }

    fn send(&mut self, commands: &[u8]) -> Result<(), BoxError> {
        let sent = self.wire.send(commands);
        sent.inspect_err(|error| self.note_hang_up(error))
    }

    fn receive(&mut self) -> Result<Reply, BoxError> {
        let received = self.wire.receive();
        received.inspect_err(|error| self.note_hang_up(error))
    }

    fn condemn(&mut self) -> Result<(), BoxError> {
        self.condemned = true;
        Ok(())
    }
}
