use std::time::Instant;

use ::redis::{Client, Connection};

use super::answers::{questions, read};
use super::connector::{Connector, TIMEOUT};
use super::named::Named;
use super::silence::Silence;
use crate::error::BoxError;
use crate::redact::Secrets;
use crate::redis::connection::lost::{is_interrupted, is_lost_connection};
use crate::redis::connection::wire::Wire;

/// One sentinel, with the connection to it once it was asked.
pub(super) struct Sentinel {
    connector: Connector,
    connection: Option<Connection>,
    silence: Silence,
}

impl Sentinel {
    pub(super) fn new(client: Client) -> Self {
        Self { connector: Connector::new(client), connection: None, silence: Silence::default() }
    }

    /// Asks who the master is, on the connection of last time. A sentinel that has ended that is
    /// asked on another.
    pub(super) fn ask(&mut self, master_name: &str) -> Result<Named, String> {
        let asked = Instant::now();
        let mut answer = self.try_ask(master_name);
        if answer.as_ref().is_err_and(is_lost_connection) {
            answer = self.try_ask(master_name);
        }
        while answer.as_ref().is_err_and(is_interrupted) && asked.elapsed() < TIMEOUT {
            answer = self.try_ask(master_name);
        }
        self.silence.note(asked, &answer);
        answer.map_err(|error| {
            let password = self.connector.info().redis_settings().password();
            Secrets::of_password(password).redact(&error.to_string())
        })
    }

    /// Asks, and if it has not answered this process yet, asks again for a moment.
    pub(super) fn ask_patiently(&mut self, master_name: &str) -> Result<Named, String> {
        loop {
            let answer = self.ask(master_name);
            if answer.is_ok() || !self.silence.is_unknown(Instant::now()) {
                return answer;
            }
        }
    }

    fn try_ask(&mut self, master_name: &str) -> Result<Named, BoxError> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.connector.connect()?,
        };
        connection.send(questions(master_name).bytes())?;
        let (address, master) = (connection.receive()?, connection.receive()?);
        // Only now is there no late answer that a later question could get.
        self.connection = Some(connection);
        read(address, master)
    }

    /// Returns whether this sentinel is not asked for now, because it will probably not answer.
    pub(super) fn rests(&self) -> bool {
        self.silence.rests(Instant::now())
    }

    /// Returns whether it may be conducting a failover, and is only slow to say so.
    pub(super) fn may_be_slow(&self) -> bool {
        self.silence.may_be_slow(Instant::now())
    }

    pub(super) fn address(&self) -> String {
        self.connector.info().addr().to_string()
    }
}
