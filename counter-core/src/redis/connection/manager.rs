use std::time::{Duration, Instant};

use ::redis::{Client, Connection, ErrorKind};

use super::packed::Packed;
use super::reply::Reply;
use super::socket_timeouts::SocketTimeouts;
use super::wire::{Health, Wire};
use crate::error::BoxError;
use crate::redact::Secrets;
use crate::redis::credentials::{CredentialSource, RedisCredentials};
use crate::redis::timeouts::RedisTimeouts;

/// Makes the connections of the store's own pool.
///
/// Unlike the `redis` crate's manager it gives them time-outs and TCP_NODELAY, and takes none back
/// that may hold unread replies.
#[derive(Debug)]
pub(crate) struct Manager {
    client: Client,
    timeouts: RedisTimeouts,
    credentials: Option<CredentialSource>,
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
#[error("{what}")]
pub(crate) struct NoConnection {
    what: String,
    login: Login,
}

/// Whether a connection failed because the server refused the user or the password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Login {
    Refused,
    Other,
}

impl NoConnection {
    fn is_refused_login(&self) -> bool {
        self.login == Login::Refused
    }
}

impl Manager {
    pub(crate) fn new(
        client: Client,
        timeouts: RedisTimeouts,
        credentials: Option<CredentialSource>,
    ) -> Self {
        Self { client, timeouts, credentials }
    }

    /// Checks that the server can be reached, lets this user in and answers.
    pub(crate) fn try_out(&self) -> Result<(), NoConnection> {
        let mut connection = self.open()?;
        let answer = connection.send(Packed::ping().bytes()).and_then(|()| connection.receive());
        let refused = match answer {
            Ok(Reply::Refused(refused)) => refused.into(),
            Ok(_) => return Ok(()),
            Err(error) => error,
        };
        Err(self.no_connection(&self.client, &refused))
    }

    fn open(&self) -> Result<StoreConnection, NoConnection> {
        let Some(source) = &self.credentials else {
            return self.open_as(&self.client);
        };
        let client = self.client_of(source)?;
        let opened = self.open_as(&client);
        if !opened.as_ref().is_err_and(NoConnection::is_refused_login) {
            return opened;
        }
        // What the source returned may have been replaced in this moment.
        self.open_as(&self.client_of(source)?)
    }

    /// Returns a client that logs in with what the source returns now.
    fn client_of(&self, source: &CredentialSource) -> Result<Client, NoConnection> {
        let no_connection = |error: BoxError| self.no_connection(&self.client, &error);
        let RedisCredentials { user, password } = (source.0)().map_err(no_connection)?;
        let info = self.client.get_connection_info();
        let mut settings = info.redis_settings().clone().set_password(password);
        if let Some(user) = user {
            settings = settings.set_username(user);
        }
        let client = Client::open(info.clone().set_redis_settings(settings));
        client.map_err(|error| no_connection(error.into()))
    }

    fn open_as(&self, client: &Client) -> Result<StoreConnection, NoConnection> {
        let opened = client.get_connection_with_timeout(self.timeouts.connect);
        let login = match &opened {
            Err(error) if error.kind() == ErrorKind::AuthenticationFailed => Login::Refused,
            _ => Login::Other,
        };
        let opened = opened.map_err(BoxError::from).and_then(|wire| self.with_timeouts(wire));
        opened.map_err(|error| NoConnection { login, ..self.no_connection(client, &error) })
    }

    fn with_timeouts(&self, mut wire: Connection) -> Result<StoreConnection, BoxError> {
        let (read, write) = (Some(self.timeouts.read), Some(self.timeouts.write));
        let timeouts = SocketTimeouts { read, write };
        timeouts.set_on(&mut wire)?;
        Ok(StoreConnection { wire, timeouts, last_used: Instant::now(), health: Health::Healthy })
    }

    fn no_connection(&self, client: &Client, error: &BoxError) -> NoConnection {
        let info = client.get_connection_info();
        let password = info.redis_settings().password();
        let message = Secrets::of_password(password).redact(&error.to_string());
        NoConnection { what: format!("{}: {message}", info.addr()), login: Login::Other }
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
        self.open()
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
