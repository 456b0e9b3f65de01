use std::sync::Arc;
use std::time::{Duration, Instant};

use ::redis::{Client, Connection, ErrorKind, RedisError};

use super::deadline::Deadline;
use super::lost::is_interrupted;
use super::outage::Outage;
use super::packed::Packed;
use super::refused::Refused;
use super::reply::Reply;
use super::role::Role;
use super::sentinel::{Era, Follower};
use super::socket_timeouts::SocketTimeouts;
use super::wire::{Health, Wire};
use crate::error::BoxError;
use crate::no_connection::{Login, NoConnection};
use crate::redact::Secrets;
use crate::redis::credentials::{CredentialSource, RedisCredentials};
use crate::redis::timeouts::RedisTimeouts;

/// Makes the connections of the store's own pool.
///
/// Unlike the `redis` crate's manager it gives them time-outs and TCP_NODELAY, and takes none back
/// that may hold unread replies.
pub(crate) struct Manager {
    target: Target,
    timeouts: RedisTimeouts,
    credentials: Option<CredentialSource>,
}

/// The server to which connections are made.
pub(crate) enum Target {
    /// Always this one.
    Server(Arc<Client>),
    /// The one that the sentinels name as the master.
    Master(Arc<Follower>),
    /// This node of a cluster. What is found out about it is noted.
    Node(Arc<Client>, Arc<Outage>),
}

/// A connection of the store's own pool.
pub(crate) struct StoreConnection {
    wire: Connection,
    /// The time-outs that are set on the socket.
    pub(crate) timeouts: SocketTimeouts,
    /// When it was last checked out or, before that, made.
    pub(crate) last_used: Instant,
    /// The era in which it was made, where a master is followed.
    pub(crate) era: Era,
    health: Health,
}

impl Manager {
    pub(crate) fn new(
        target: Target,
        timeouts: RedisTimeouts,
        credentials: Option<CredentialSource>,
    ) -> Self {
        Self { target, timeouts, credentials }
    }

    /// Checks that the server can be reached, lets this user in and answers.
    pub(crate) fn try_out(&self) -> Result<(), NoConnection> {
        match self.ask_once(&Packed::ping())? {
            Reply::Refused(refused) => Err(no_connection(&self.find()?.0, &refused.into())),
            _ => Ok(()),
        }
    }

    /// Returns what connects to the server, and the era of such a connection.
    fn find(&self) -> Result<(Arc<Client>, Era), NoConnection> {
        match &self.target {
            Target::Server(client) | Target::Node(client, _) => {
                Ok((Arc::clone(client), Era::default()))
            }
            Target::Master(follower) => follower.master().map_err(|why| {
                let name = follower.master_name();
                NoConnection::new(format!("no sentinel names a master {name}: {why}"), Login::Other)
            }),
        }
    }

    /// Puts one question, on a connection that is closed again.
    pub(super) fn ask_once(&self, question: &Packed) -> Result<Reply, NoConnection> {
        let (client, era) = self.find()?;
        let (_, reply) = self.ask_new(&client, question, || self.open(&client, era))?;
        Ok(reply)
    }

    fn open(&self, client: &Client, era: Era) -> Result<StoreConnection, NoConnection> {
        let opened = || self.log_in(client, era);
        match &self.target {
            Target::Server(_) => opened(),
            Target::Node(_, outage) => {
                let opened = opened();
                outage.note(&opened);
                opened
            }
            Target::Master(follower) => {
                let asked = self.ask_new(client, &Role::question(), opened);
                let master = asked.and_then(|(connection, role)| match must_be_master(role) {
                    Ok(()) => Ok(connection),
                    Err(error) => Err(no_connection(client, &error)),
                });
                master.inspect_err(|_| follower.doubt())
            }
        }
    }

    /// Puts a question on a new connection. Where the answer is interrupted, puts it on another
    /// one, because a question changes nothing.
    fn ask_new(
        &self,
        client: &Client,
        question: &Packed,
        open: impl Fn() -> Result<StoreConnection, NoConnection>,
    ) -> Result<(StoreConnection, Reply), NoConnection> {
        let until = Deadline::after(self.timeouts.read);
        loop {
            let mut connection = open()?;
            match ask(&mut connection, question) {
                Ok(reply) => return Ok((connection, reply)),
                Err(why) if is_interrupted(&why) && !until.left().is_zero() => {}
                Err(why) => return Err(no_connection(client, &why)),
            }
        }
    }

    fn log_in(&self, client: &Client, era: Era) -> Result<StoreConnection, NoConnection> {
        let Some(source) = &self.credentials else {
            return self.connect_by(client, era);
        };
        let opened = self.connect_by(&client_of(client, source)?, era);
        if !opened.as_ref().is_err_and(NoConnection::is_refused_login) {
            return opened;
        }
        // What the source returned may have been replaced in this moment.
        self.connect_by(&client_of(client, source)?, era)
    }

    fn connect_by(&self, client: &Client, era: Era) -> Result<StoreConnection, NoConnection> {
        let until = Deadline::after(self.timeouts.connect);
        let opened = loop {
            let opened = client.get_connection_with_timeout(until.left());
            match opened.map_err(BoxError::from) {
                // Nothing was asked of the server but to let this user in.
                Err(why) if is_interrupted(&why) && !until.left().is_zero() => {}
                opened => break opened,
            }
        };
        let opened = opened.and_then(|wire| self.with_timeouts(wire, era));
        opened.map_err(|error| no_connection(client, &error))
    }

    fn with_timeouts(&self, mut wire: Connection, era: Era) -> Result<StoreConnection, BoxError> {
        let (read, write) = (Some(self.timeouts.read), Some(self.timeouts.write));
        let timeouts = SocketTimeouts { read, write };
        timeouts.set_on(&mut wire)?;
        let last_used = Instant::now();
        Ok(StoreConnection { wire, timeouts, last_used, era, health: Health::Healthy })
    }
}

fn no_connection(client: &Client, error: &BoxError) -> NoConnection {
    let info = client.get_connection_info();
    let password = info.redis_settings().password();
    let message = Secrets::of_password(password).redact(&error.to_string());
    NoConnection::new(format!("{}: {message}", info.addr()), login_of(error))
}

/// Returns whether the server refused a login, by the code of its error: `WRONGPASS` and `NOAUTH`,
/// and before Redis 6 what the library makes of the texts.
fn login_of(error: &BoxError) -> Login {
    let of_login = error.downcast_ref::<RedisError>();
    let of_login = of_login.is_some_and(|it| it.kind() == ErrorKind::AuthenticationFailed);
    let of_command = error.downcast_ref::<Refused>();
    let of_command = of_command.is_some_and(|it| it.is("NOAUTH") || it.is("WRONGPASS"));
    if of_login || of_command { Login::Refused } else { Login::Other }
}

/// Returns a client that logs in with what the source returns now.
fn client_of(client: &Client, source: &CredentialSource) -> Result<Client, NoConnection> {
    let failed = |error: BoxError| no_connection(client, &error);
    let RedisCredentials { user, password } = (source.0)().map_err(failed)?;
    let info = client.get_connection_info();
    let mut settings = info.redis_settings().clone().set_password(password);
    if let Some(user) = user {
        settings = settings.set_username(user);
    }
    let client = Client::open(info.clone().set_redis_settings(settings));
    client.map_err(|error| failed(error.into()))
}

/// Checks that a server is the master. One that has been demoted, or was started again, takes
/// connections too.
fn must_be_master(role: Reply) -> Result<(), BoxError> {
    match Role::read(role)? {
        Role::Master { .. } => Ok(()),
        Role::Other(no_master) => Err(no_master.into()),
    }
}

fn ask(connection: &mut StoreConnection, question: &Packed) -> Result<Reply, BoxError> {
    connection.send(question.bytes())?;
    connection.receive()
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
        let (client, era) = self.find()?;
        self.open(&client, era)
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

    fn drops_late_replies(&self) -> bool {
        self.wire.drops_late_replies()
    }
}
