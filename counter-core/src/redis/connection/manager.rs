use std::time::{Duration, Instant};

use ::redis::io::tcp::TcpSettings;
use ::redis::io::tcp::socket2::TcpKeepalive;
use ::redis::{Client, Connection, ConnectionInfo, RedisError};

use super::packed::Packed;
use super::reply::Reply;
use super::socket_timeouts::SocketTimeouts;
use super::wire::{Health, Wire};
use crate::error::BoxError;
use crate::redact::Secrets;
use crate::redis::timeouts::RedisTimeouts;

/// Makes the connections of the store's own pool.
///
/// Unlike the `redis` crate's manager it gives them time-outs and TCP_NODELAY, and takes none back
/// that may hold unread replies.
#[derive(Debug)]
pub(crate) struct Manager {
    client: Client,
    timeouts: RedisTimeouts,
}

/// A connection of the store's own pool.
pub(crate) struct StoreConnection {
    wire: Connection,
    /// The time-outs that are set on the socket.
    pub(crate) timeouts: SocketTimeouts,
    /// When it was last checked out or, before that, made.
    pub(crate) last_used: Instant,
    health: Health,
}

/// The address that could not be reached and the reason. The password is redacted, because some
/// servers repeat it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct NoConnection(String);

/// The time between two probes of a connection whose other side does not answer them, and how many
/// of them end it.
const PROBE_INTERVAL: Duration = Duration::from_secs(15);
const PROBES: u32 = 4;

impl Manager {
    pub(crate) fn new(
        info: ConnectionInfo,
        timeouts: RedisTimeouts,
        keepalive: Option<Duration>,
    ) -> Result<Self, RedisError> {
        let client = Client::open(info.set_tcp_settings(tcp_settings(keepalive)))?;
        Ok(Self { client, timeouts })
    }

    /// Checks that the server can be reached, lets this user in and answers.
    pub(crate) fn try_out(&self) -> Result<(), NoConnection> {
        let answer = self.open().and_then(|mut connection| {
            connection.send(Packed::ping().bytes())?;
            connection.receive()
        });
        match answer {
            Ok(Reply::Refused(refused)) => Err(self.without_password(&refused.into())),
            Ok(_) => Ok(()),
            Err(error) => Err(self.without_password(&error)),
        }
    }

    fn open(&self) -> Result<StoreConnection, BoxError> {
        let mut wire = self.client.get_connection_with_timeout(self.timeouts.connect)?;
        let (read, write) = (Some(self.timeouts.read), Some(self.timeouts.write));
        Wire::set_read_timeout(&mut wire, read)?;
        Wire::set_write_timeout(&mut wire, write)?;
        Ok(StoreConnection {
            wire,
            timeouts: SocketTimeouts { read, write },
            last_used: Instant::now(),
            health: Health::Healthy,
        })
    }

    fn without_password(&self, error: &BoxError) -> NoConnection {
        let settings = self.client.get_connection_info().redis_settings();
        let message = Secrets::of_password(settings.password()).redact(&error.to_string());
        NoConnection(format!("{}: {message}", self.client.get_connection_info().addr()))
    }
}

fn tcp_settings(keepalive: Option<Duration>) -> TcpSettings {
    let settings = TcpSettings::default().set_nodelay(true);
    match keepalive {
        Some(after) => {
            let after = after.max(Duration::from_secs(1));
            let probes = TcpKeepalive::new().with_time(after).with_interval(PROBE_INTERVAL);
            settings.set_keepalive(probes.with_retries(PROBES))
        }
        None => settings,
    }
}

impl StoreConnection {
    /// Makes the pool drop it instead of handing it out again.
    pub(crate) fn mark_broken(&mut self) {
        self.health = Health::Broken;
    }
}

impl r2d2::ManageConnection for Manager {
    type Connection = StoreConnection;
    type Error = NoConnection;

    fn connect(&self) -> Result<StoreConnection, NoConnection> {
        self.open().map_err(|error| self.without_password(&error))
    }

    /// Is not called: the pool leaves it to the checkout, which looks only where it has a reason.
    fn is_valid(&self, _connection: &mut StoreConnection) -> Result<(), NoConnection> {
        Ok(())
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
        self.wire.send(commands)
    }

    fn receive(&mut self) -> Result<Reply, BoxError> {
        self.wire.receive()
    }
}
