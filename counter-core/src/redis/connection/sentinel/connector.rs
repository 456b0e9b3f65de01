use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use ::redis::{Client, Connection, ConnectionAddr, ConnectionInfo};

use crate::error::BoxError;
use crate::redis::connection::packed::Packed;
use crate::redis::connection::wire::Wire;

/// The longest time for connecting to a sentinel, and for each of its answers.
pub(super) const TIMEOUT: Duration = Duration::from_millis(200);

/// The longest time for connecting to one that speaks TLS, which takes more than one exchange.
const TLS_CONNECT_TIMEOUT: Duration = Duration::from_millis(500);

/// Makes the connections to one sentinel.
///
/// A thread does it, at most one at a time, because the system takes its time to look up a name. A
/// connection that comes too late is the next one.
pub(super) struct Connector {
    client: Client,
    pending: Option<Receiver<Result<Connection, BoxError>>>,
}

impl Connector {
    pub(super) fn new(client: Client) -> Self {
        Self { client, pending: None }
    }

    pub(super) fn info(&self) -> &ConnectionInfo {
        self.client.get_connection_info()
    }

    pub(super) fn connect(&mut self) -> Result<Connection, BoxError> {
        let within = self.limit();
        let pending = match self.pending.take() {
            Some(pending) => pending,
            None => start(self.client.clone(), within)?,
        };
        match pending.recv_timeout(within) {
            Ok(connected) => connected,
            Err(RecvTimeoutError::Timeout) => {
                self.pending = Some(pending);
                Err(io::Error::new(io::ErrorKind::TimedOut, "no connection in time").into())
            }
            Err(RecvTimeoutError::Disconnected) => Err("the thread that connects ended".into()),
        }
    }

    /// The time for looking up the name, connecting and logging in.
    fn limit(&self) -> Duration {
        if speaks_tls(&self.client) { TLS_CONNECT_TIMEOUT } else { TIMEOUT }
    }
}

fn speaks_tls(client: &Client) -> bool {
    matches!(client.get_connection_info().addr(), ConnectionAddr::TcpTls { .. })
}

fn start(client: Client, within: Duration) -> io::Result<Receiver<Result<Connection, BoxError>>> {
    let (sender, pending) = sync_channel(1);
    thread::Builder::new().name("counter-sentinel-connect".to_owned()).spawn(move || {
        // If the one that waits has gone, the connection is closed.
        let _ = sender.send(open(&client, within));
    })?;
    Ok(pending)
}

fn open(client: &Client, within: Duration) -> Result<Connection, BoxError> {
    let mut connection = client.get_connection_with_timeout(within)?;
    if speaks_tls(client) {
        // Both sides agree on keys with the first bytes, which may be those of a login.
        set_timeouts(&mut connection, within)?;
        connection.send(Packed::ping().bytes())?;
        connection.receive()?;
    }
    set_timeouts(&mut connection, TIMEOUT)?;
    Ok(connection)
}

fn set_timeouts(connection: &mut Connection, limit: Duration) -> Result<(), BoxError> {
    Wire::set_read_timeout(connection, Some(limit))?;
    Wire::set_write_timeout(connection, Some(limit))
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;

    use super::*;

    /// The system takes connections from the start on, but nothing reads what they say.
    #[test]
    fn a_connection_that_comes_too_late_is_the_next_one() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let client = Client::open(format!("redis://:secret@127.0.0.1:{port}/")).unwrap();
        let (sender, pending) = sync_channel(1);
        let mut connector = Connector { client, pending: Some(pending) };
        let error = connector.connect().err().unwrap();
        assert_eq!(error.downcast_ref::<io::Error>().unwrap().kind(), io::ErrorKind::TimedOut);
        assert!(connector.pending.is_some());

        let logged_in = thread::spawn(move || {
            let mut stream = listener.accept().unwrap().0;
            let mut bytes = [0; 1024];
            while !bytes.windows(6).any(|window| window == b"secret") {
                assert!(stream.read(&mut bytes).unwrap() > 0);
            }
            stream.write_all(b"+OK\r\n+OK\r\n+OK\r\n").unwrap();
        });
        sender.send(open(&connector.client, Duration::from_secs(60))).unwrap();
        logged_in.join().unwrap();
        assert!(connector.connect().is_ok());
        assert!(connector.pending.is_none());
    }

    #[test]
    fn a_port_where_nothing_listens_is_refused_at_once_and_asked_anew() {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let client = Client::open(format!("redis://127.0.0.1:{port}/")).unwrap();
        let mut connector = Connector { client, pending: None };
        let error = connector.connect().err().unwrap();
        assert!(error.to_string().contains("refused"), "{error}");
        assert!(connector.pending.is_none());
    }
}
