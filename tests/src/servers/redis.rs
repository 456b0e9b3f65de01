//! A Redis server of a test's own.

use std::env;
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use redis::{Client, Connection};
use tempfile::TempDir;

use crate::process::{self, Process};

/// A Redis server in a folder of its own, on a free port and on a Unix socket. It keeps nothing on disk
/// unless it is told to.
pub struct RedisServer {
    process: Option<Process>,
    port: u16,
    options: Vec<String>,
    folder: TempDir,
}

impl RedisServer {
    /// Starts a server that keeps nothing on disk, and waits until it answers.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// The same with further options, such as `["--maxmemory", "3mb"]`.
    pub fn start_with(options: &[&str]) -> Self {
        let mut server = Self {
            process: None,
            port: free_port(),
            options: options.iter().map(|&option| option.to_owned()).collect(),
            folder: process::folder("counter-redis-"),
        };
        while let Err(output) = server.try_to_start() {
            // Somebody else has found the same free port.
            assert!(output.contains("in use"), "redis-server ended: {output}");
            server.port = free_port();
        }
        server
    }

    /// Starts it after [`kill`](Self::kill), with what it kept on disk, and waits until it answers.
    pub fn start_again(&mut self) {
        let started = self.try_to_start();
        assert_eq!(started, Ok(()), "redis-server ended");
    }

    /// Waits until it answers, or has ended with some words.
    fn try_to_start(&mut self) -> Result<(), String> {
        let log = self.folder.path().join("log");
        let mut process = Process::start(&mut self.command(), self.folder.path(), &log);
        let answers = process::wait_for("redis-server to answer or to end", || {
            let answers = self.answers();
            (answers || !process.is_running()).then_some(answers)
        });
        if !answers {
            return Err(fs::read_to_string(log).unwrap_or_default());
        }
        self.process = Some(process);
        Ok(())
    }

    /// Ends it at once, as a power cut would.
    pub fn kill(&mut self) {
        if let Some(process) = self.process.take() {
            process.kill();
        }
    }

    /// Freezes it: it takes connections and bytes, as far as the system does that for it, and answers
    /// nothing.
    pub fn freeze(&self) {
        self.process().signal_all("STOP");
    }

    /// Lets it go on with what it was sent meanwhile.
    pub fn thaw(&self) {
        self.process().signal_all("CONT");
    }

    /// Where it listens on this machine.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where it is, on TCP.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// Where it is, on a Unix socket.
    pub fn unix_url(&self) -> String {
        format!("redis+unix://{}", self.socket().display())
    }

    /// A connection that knows nothing of counters.
    pub fn bare(&self) -> Connection {
        bare(&self.url())
    }

    /// Removes everything that it holds.
    pub fn flush(&self) {
        let () = redis::cmd("FLUSHALL").query(&mut self.bare()).expect("it is flushed");
    }

    fn command(&self) -> Command {
        let mut command = Command::new(process::program("redis-server", &[], "redis-server"));
        command.args(["--bind", "127.0.0.1", "--port", &self.port.to_string()]);
        command.arg("--unixsocket").arg(self.socket()).arg("--dir").arg(self.folder.path());
        command.args(["--save", "", "--appendonly", "no"]).args(&self.options);
        command
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    fn process(&self) -> &Process {
        self.process.as_ref().expect("the server was started")
    }

    /// Any answer will do: it may ask for a password.
    fn answers(&self) -> bool {
        let client = Client::open(self.url()).expect("our own URL is right");
        let connected = client.get_connection();
        connected.is_ok_and(|mut bare| match redis::cmd("PING").query::<String>(&mut bare) {
            Ok(_) => true,
            Err(error) => error.code() == Some("NOAUTH"),
        })
    }
}

/// A connection that knows nothing of counters.
pub fn bare(url: &str) -> Connection {
    let client = Client::open(url).expect("a Redis URL");
    client.get_connection().expect("the server takes connections")
}

/// The URL of a server for tests that keep to prefixes of their own: the one that the environment
/// variable `COUNTER_TEST_REDIS_URL` names, and otherwise [`this_process_server`].
pub fn shared_url() -> String {
    env::var("COUNTER_TEST_REDIS_URL").unwrap_or_else(|_| this_process_server().url())
}

/// A server that this process starts when it is first needed, for tests that keep to prefixes of their
/// own.
pub fn this_process_server() -> &'static RedisServer {
    static SERVER: OnceLock<RedisServer> = OnceLock::new();
    SERVER.get_or_init(RedisServer::start)
}

/// A port that nobody listens on at the moment. The system gives it to nobody either who asks for any, so
/// it is still free when a server that was killed is started again.
pub(super) fn free_port() -> u16 {
    let ports = std::iter::repeat_with(|| fastrand::u16(10_000..32_768));
    let mut free = ports.filter(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok());
    free.next().expect("there is always a next one")
}
