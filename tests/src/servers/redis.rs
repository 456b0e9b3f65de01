//! A Redis server of a test's own.

use std::env;
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use redis::{Client, Connection};
use rustix::process::Signal;

use super::process::{Process, new_folder, require};
use crate::wait;

/// A Redis server in a folder of its own, on a free port and on a Unix socket. It keeps nothing on disk
/// unless it is told to.
pub struct RedisServer {
    folder: PathBuf,
    port: u16,
    /// What comes before the command, such as `env` and variables.
    environment: Vec<String>,
    options: Vec<String>,
    process: Option<Process>,
}

impl RedisServer {
    /// Starts a server that keeps nothing on disk, and waits until it answers.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// The same on a clock that is ahead by so many seconds.
    pub fn start_with_clock(seconds_ahead: i64) -> Self {
        let folder = new_folder();
        let environment = clock_shifted_by(seconds_ahead, &folder);
        Self::start_in(folder, environment, &[])
    }

    /// The same with further options, such as `["--maxmemory", "3mb"]`.
    pub fn start_with(options: &[&str]) -> Self {
        Self::start_in(new_folder(), Vec::new(), options)
    }

    fn start_in(folder: PathBuf, environment: Vec<String>, options: &[&str]) -> Self {
        require("redis-server", "apt-get install redis-server");
        let mut server = Self {
            folder,
            port: free_port(),
            environment,
            options: options.iter().map(|&option| option.to_owned()).collect(),
            process: None,
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
        let process = Process::start(&self.folder, &self.command());
        let answers = wait::until("redis-server answers or ends", || {
            let answers = self.answers();
            (answers || !process.is_running()).then_some(answers)
        });
        if !answers {
            process.kill();
            return Err(fs::read_to_string(self.folder.join("output")).unwrap_or_default());
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
        self.process().signal(Signal::STOP);
    }

    /// Lets it go on with what it was sent meanwhile.
    pub fn thaw(&self) {
        self.process().signal(Signal::CONT);
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

    fn command(&self) -> Vec<String> {
        let socket = self.socket().display().to_string();
        let folder = self.folder.display().to_string();
        let port = self.port.to_string();
        let ours = [
            "redis-server",
            "--port",
            &port,
            "--bind",
            "127.0.0.1",
            "--unixsocket",
            &socket,
            "--dir",
            &folder,
            "--save",
            "",
            "--appendonly",
            "no",
        ];
        let ours = ours.into_iter().map(str::to_owned);
        let options = self.options.iter().cloned();
        self.environment.iter().cloned().chain(ours).chain(options).collect()
    }

    fn socket(&self) -> PathBuf {
        self.folder.join("socket")
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

impl Drop for RedisServer {
    fn drop(&mut self) {
        drop(self.process.take());
        // Where it was killed before, its folder is left.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// What a user must be allowed, as the documentation of the store says.
pub const RIGHTS: [&str; 14] = [
    "+incrby",
    "+mget",
    "+get",
    "+scan",
    "+evalsha",
    "+script|load",
    "+set",
    "+mset",
    "+del",
    "+exists",
    "+type",
    "+persist",
    "+time",
    "+ping",
];

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

/// What a command begins with whose process is to see another time. What that takes is made in `folder`.
fn clock_shifted_by(seconds: i64, folder: &Path) -> Vec<String> {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/src/servers/shifted_clock.c");
    let mut cc = Command::new("cc");
    cc.args(["-shared", "-fPIC", "-o", "shifted_clock.so", source]).current_dir(folder);
    assert!(cc.status().expect("cc is there").success(), "the clock does not compile");
    let preload = format!("LD_PRELOAD={}/shifted_clock.so", folder.display());
    vec!["env".to_owned(), preload, format!("SHIFT_SECONDS={seconds}")]
}

/// A port that nobody listens on at the moment.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
    listener.local_addr().expect("it has an address").port()
}
