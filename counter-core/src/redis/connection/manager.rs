use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ::redis::io::tcp::TcpSettings;
use ::redis::{Client, Connection, ConnectionInfo, RedisError};

use super::reply::Reply;
use super::socket_timeouts::SocketTimeouts;
use super::wire::{Health, Wire};
use crate::error::BoxError;
use crate::redact::Secrets;
use crate::redis::timeouts::RedisTimeouts;

/// Makes the connections of the store's own pool.
///
/// Unlike the `redis` crate's manager it gives them time-outs and TCP_NODELAY, and takes none back
/// that may hold unread replies. When the server hangs up on one, as it does when it restarts, the
/// idle ones are not handed out any more: each would cost an increment whose outcome is unknown.
#[derive(Debug)]
pub(crate) struct Manager {
    client: Client,
    timeouts: RedisTimeouts,
    hang_ups: Arc<AtomicU64>,
}

/// A connection of the store's own pool.
pub(crate) struct StoreConnection {
    wire: Connection,
    /// The time-outs that are set on the socket.
    pub(crate) timeouts: SocketTimeouts,
    health: Health,
    /// The manager's count, and its value when this connection was made.
    hang_ups: Arc<AtomicU64>,
    hang_ups_before: u64,
}

/// The address that could not be reached and the reason. The password is redacted, because some
/// servers repeat it.
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

    /// Checks that the server can be reached, lets this user in and answers.
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

    fn open(&self) -> Result<StoreConnection, BoxError> {
        let hang_ups_before = self.hang_ups.load(Ordering::SeqCst);
        let mut wire = self.client.get_connection_with_timeout(self.timeouts.connect)?;
        let (read, write) = (Some(self.timeouts.read), Some(self.timeouts.write));
        Wire::set_read_timeout(&mut wire, read)?;
        Wire::set_write_timeout(&mut wire, write)?;
        Ok(StoreConnection {
            wire,
            timeouts: SocketTimeouts { read, write },
            health: Health::Healthy,
            hang_ups: Arc::clone(&self.hang_ups),
            hang_ups_before,
        })
    }

    fn without_password(&self, error: &BoxError) -> NoConnection {
        let settings = self.client.get_connection_info().redis_settings();
        let message = Secrets::of_password(settings.password()).redact(&error.to_string());
        NoConnection(format!("{}: {message}", self.client.get_connection_info().addr()))
    }
}

impl StoreConnection {
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
    type Connection = StoreConnection;
    type Error = NoConnection;

    fn connect(&self) -> Result<StoreConnection, NoConnection> {
        self.open().map_err(|error| self.without_password(&error))
    }

    /// Sends nothing: r2d2 calls this whenever a connection is handed out, and a `PING` would
    /// double the cost of an increment.
    fn is_valid(&self, connection: &mut StoreConnection) -> Result<(), NoConnection> {
        if connection.hang_ups_before == self.hang_ups.load(Ordering::SeqCst) {
            return Ok(());
        }
        let why = "the server has hung up on a connection that was made no earlier";
        Err(NoConnection(why.to_owned()))
    }

    fn has_broken(&self, connection: &mut StoreConnection) -> bool {
        connection.health == Health::Broken
    }
}

impl Wire for StoreConnection {
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

    fn discard(&mut self) -> Result<(), BoxError> {
        self.health = Health::Broken;
        Ok(())
    }
}
