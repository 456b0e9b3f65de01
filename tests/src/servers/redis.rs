//! A Redis server of a test's own.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, OnceLock};

use redis::{Client, Connection};
use rustix::process::Signal;
use tempfile::TempDir;

use super::port::Port;
use super::setup::{self, Durability};
use crate::process::wait_for;
use crate::program::Program;

/// A Redis server in a folder of its own, on a free port and on a Unix socket. It keeps nothing on
/// disk unless a test asks for that.
pub struct RedisServer {
    process: Option<Program>,
    port: Arc<Port>,
    program: Vec<String>,
    options: Vec<String>,
    folder: TempDir,
}

impl RedisServer {
    /// Starts a server that keeps nothing on disk, and waits until it answers.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts a server with further options, such as `["--maxmemory", "3mb"]`.
    pub fn start_with(options: &[&str]) -> Self {
        Self::start_program(&["redis-server"], options)
    }

    /// Starts another program, such as `["valkey-server"]`, or a server through another program,
    /// such as `["env", "NAME=value", "redis-server"]`.
    pub fn start_program(program: &[&str], options: &[&str]) -> Self {
        let owned = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
        let mut server = Self {
            process: None,
            port: Arc::new(Port::claim()),
            program: owned(program),
            options: owned(options),
            folder: setup::folder("counter-redis-", Durability::On),
        };
        while let Err(output) = server.try_to_start() {
            // Another process has found the same free port.
            assert!(output.contains("in use"), "redis-server ended: {output}");
            server.port = Arc::new(Port::claim());
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
        // It leaves nothing outside of its folder, so it can end in any way.
        let (command, folder) = (&mut self.command(), self.folder.path());
        let mut process = Program::start_server(command, folder, &log, Signal::KILL);
        let answers = wait_for("redis-server to answer or to end", || {
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
        if let Some(mut process) = self.process.take() {
            process.kill();
        }
    }

    /// A server that copies this one, and goes on doing so, from when it has caught up.
    pub fn start_replica(&self, options: &[&str]) -> Self {
        let port = self.port().to_string();
        let program: Vec<_> = self.program.iter().map(String::as_str).collect();
        let options = [&["--replicaof", "127.0.0.1", &port], options].concat();
        let replica = Self::start_program(&program, &options);
        wait_for("the replica to catch up", || {
            let info: String =
                redis::cmd("INFO").arg("replication").query(&mut replica.bare()).ok()?;
            info.contains("master_link_status:up").then_some(())
        });
        replica
    }

    /// Makes a replica copy no server, and waits until `primary` has noticed. It keeps what it has.
    pub fn cut_link(&self, primary: &Self) {
        // No server listens there: the port needs privileges.
        redis::cmd("REPLICAOF").arg("127.0.0.1").arg(1).exec(&mut self.bare()).expect("it obeys");
        wait_for("the primary to lose its replica", || {
            let info: String =
                redis::cmd("INFO").arg("replication").query(&mut primary.bare()).ok()?;
            info.contains("connected_slaves:0").then_some(())
        });
    }

    /// Makes a replica copy this server, again.
    pub fn mend_link(&self, primary: &Self) {
        let mut bare = self.bare();
        redis::cmd("REPLICAOF")
            .arg("127.0.0.1")
            .arg(primary.port())
            .exec(&mut bare)
            .expect("it obeys");
    }

    /// Makes a replica a server of its own, with what it has.
    pub fn promote(&self) {
        redis::cmd("REPLICAOF").arg("NO").arg("ONE").exec(&mut self.bare()).expect("it obeys");
    }

    /// Takes the place of its primary, which was killed: with what it has, where that one was.
    pub fn take_over(&mut self, primary: &Self) {
        let () = redis::cmd("SAVE").query(&mut self.bare()).expect("it saves");
        self.kill();
        self.port = Arc::clone(&primary.port);
        self.options.clear();
        self.start_again();
    }

    /// What it has on disk, now.
    pub fn copy_of_disk(&self) -> TempDir {
        let copy = tempfile::tempdir().expect("a folder for a copy");
        copy_data(self.folder.path(), copy.path());
        copy
    }

    /// Kills it and starts it again with what it once had on disk.
    pub fn go_back_to(&mut self, copy: &TempDir) {
        self.kill();
        copy_data(copy.path(), self.folder.path());
        self.start_again();
    }

    /// How long its append-only file is, in bytes.
    pub fn length_of_log(&self) -> u64 {
        self.log().metadata().expect("there is such a file").len()
    }

    /// Kills it and starts it again with so much of its append-only file, as after a crash that
    /// lost the rest.
    pub fn cut_log(&mut self, length: u64) {
        self.kill();
        self.log().set_len(length).expect("the file can be cut");
        self.start_again();
    }

    fn log(&self) -> File {
        let log = self.folder.path().join("appendonlydir/appendonly.aof.1.incr.aof");
        File::options().write(true).open(log).expect("there is an append-only file")
    }

    /// Freezes it: it takes connections and bytes, as far as the system does that for it, and
    /// answers nothing.
    pub fn freeze(&self) {
        self.process().freeze();
    }

    /// Lets it go on with what it was sent meanwhile.
    pub fn thaw(&self) {
        self.process().thaw();
    }

    /// The folder in which it lives.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Where it listens on this machine.
    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// Where it is, on TCP.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port())
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
        let (server, before) = self.program.split_last().expect("a program has a name");
        let server = setup::find_program(server, &[], server);
        let mut words = before.iter().map(Into::into).chain([server.into_os_string()]);
        let mut command = Command::new(words.next().expect("there is the server at least"));
        command.args(words).args(["--bind", "127.0.0.1", "--port", &self.port().to_string()]);
        command.arg("--unixsocket").arg(self.socket()).arg("--dir").arg(self.folder.path());
        command.args(["--save", "", "--appendonly", "no"]).current_dir(self.folder.path());
        // A replica need not wait for others that may come.
        command.args(["--repl-diskless-sync-delay", "0"]).args(&self.options);
        command
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    fn process(&self) -> &Program {
        self.process.as_ref().expect("the server was started")
    }

    /// Whether it has answered anything: it may ask for a password. Asked through the socket in its
    /// folder, because another server may have been faster to listen on the port.
    fn answers(&self) -> bool {
        let client = Client::open(self.unix_url()).expect("our own URL is right");
        let connected = client.get_connection();
        connected.is_ok_and(|mut bare| match redis::cmd("PING").query::<String>(&mut bare) {
            Ok(_) => true,
            Err(error) => error.code() == Some("NOAUTH"),
        })
    }
}

/// Copies all that a server keeps from one folder to another, instead of what is there.
fn copy_data(from: &Path, to: &Path) {
    let script = r#"rm -rf "$2/appendonlydir" "$2/dump.rdb"
        for data in "$1/appendonlydir" "$1/dump.rdb"; do
            [ ! -e "$data" ] || cp -r "$data" "$2/" || exit 1
        done"#;
    let copied = Command::new("sh").args(["-c", script, "sh"]).arg(from).arg(to).status();
    assert!(copied.is_ok_and(|status| status.success()), "the data of a server is copied");
}

/// What a user must be allowed, as the documentation of the store says.
pub const RIGHTS: [&str; 27] = [
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
    "+pttl",
    "+persist",
    "+hget",
    "+hgetall",
    "+zadd",
    "+zrange",
    "+zrangebyscore",
    "+zremrangebyrank",
    "+zscore",
    "+hset",
    "+hlen",
    "+hscan",
    "+hmget",
    "+hdel",
    "+time",
    "+ping",
];

/// Whether a name is one of the index, which is written a moment after what it names.
pub fn is_of_index(name: &[u8]) -> bool {
    let name = String::from_utf8_lossy(name);
    name.contains(":{dirty:") || name.ends_with(":{scanned}")
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

/// A server that this process starts when it is first needed, for tests that keep to prefixes of
/// their own.
pub fn this_process_server() -> &'static RedisServer {
    static SERVER: OnceLock<RedisServer> = OnceLock::new();
    SERVER.get_or_init(RedisServer::start)
}

/// Like [`this_process_server`], with Valkey.
pub fn this_process_valkey() -> &'static RedisServer {
    static SERVER: OnceLock<RedisServer> = OnceLock::new();
    SERVER.get_or_init(|| RedisServer::start_program(&["valkey-server"], &[]))
}
