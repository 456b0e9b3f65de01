//! A master, its replicas and the sentinels that watch them.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use counter_core::{RedisStore, RedisStoreBuilder};
use redis::{Client, Connection};
use rustix::process::Signal;
use tempfile::TempDir;

use super::port::Port;
use super::setup::{self, Durability};
use super::{RedisServer, TlsRedis};
use crate::process::wait_for;
use crate::program::Program;

/// The name under which the sentinels watch the master.
pub const MASTER_NAME: &str = "mymaster";

/// The time, in milliseconds, after which sentinels take a silent server for dead.
const DOWN_AFTER: u32 = 1000;

/// The value of [`DOWN_AFTER`] for tests in which no failover may happen, however busy the machine.
const NEVER: u32 = 60_000;

/// A master with two replicas and three sentinels, of which two decide. They know each other from
/// the start, so a failover can happen at once.
pub struct SentinelSite {
    /// The first one is the master in the beginning.
    pub servers: Vec<RedisServer>,
    /// In the order of the URL.
    pub sentinels: Vec<Sentinel>,
}

/// One sentinel.
pub struct Sentinel {
    process: Program,
    place: Place,
    _folder: TempDir,
}

/// What a sentinel's configuration says of itself and the others.
struct Place {
    id: String,
    port: Port,
}

/// How the sentinels watch their master, besides what they always do.
pub struct Watch<'a> {
    /// Further lines of each sentinel's configuration.
    pub lines: &'a [String],
    /// The master, if they speak TLS to it.
    pub master: Option<&'a TlsRedis>,
    /// Whether they speak TLS to clients, with the certificate of that master, and nothing else.
    pub tls: bool,
    /// The time after which a server that does not answer is dead, in milliseconds.
    pub down_after: u32,
}

impl Default for Watch<'_> {
    fn default() -> Self {
        Self { lines: &[], master: None, tls: false, down_after: NEVER }
    }
}

impl SentinelSite {
    /// Starts all of it, and waits until a failover could happen.
    pub fn start() -> Self {
        Self::start_with(&Watch { down_after: DOWN_AFTER, ..Watch::default() })
    }

    /// Starts all of it. No server is ever taken for dead.
    pub fn without_failovers() -> Self {
        Self::start_with(&Watch::default())
    }

    fn start_with(watch: &Watch<'_>) -> Self {
        let master = RedisServer::start();
        let replicas = [(); 2].map(|()| master.start_replica(&[]));
        wait_for("the replicas to confirm something", || {
            let mut bare = master.bare();
            redis::cmd("SET").arg("unrelated").arg(1).exec(&mut bare).ok()?;
            let have: u64 = redis::cmd("WAIT").arg(2).arg(100).query(&mut bare).ok()?;
            (have == 2).then_some(())
        });
        let servers = Vec::from_iter([master].into_iter().chain(replicas));
        let sentinels = start_sentinels(&servers, 3, watch);
        let site = Self { servers, sentinels };
        wait_for("the sentinels to know everything", || {
            site.sentinels.iter().all(Sentinel::is_ready).then_some(())
        });
        site
    }

    /// The URL of the master, wherever it is.
    pub fn url(&self) -> String {
        url_of(&self.sentinels)
    }

    /// Starts a failover, without a fault.
    pub fn fail_over(&self) {
        let mut bare = self.sentinels[1].bare();
        // A sentinel that has not heard of a good replica for a moment refuses.
        wait_for("a sentinel to begin a failover", || {
            redis::cmd("SENTINEL").arg("FAILOVER").arg(MASTER_NAME).exec(&mut bare).ok()
        });
    }

    /// Waits until these sentinels name another master than that on this port, and returns it.
    pub fn wait_for_switch(&self, from: u16, sentinels: &[usize]) -> &RedisServer {
        wait_for("a failover", || {
            let mut named = sentinels.iter().map(|sentinel| self.sentinels[*sentinel].named_port());
            let port = named.next()??;
            let agree = port != from && named.all(|other| other == Some(port));
            agree.then(|| self.servers.iter().find(|server| server.port() == port))?
        })
    }
}

/// Starts sentinels that watch the first of these servers, whose replicas are the others.
pub fn start_sentinels(servers: &[RedisServer], number: usize, watch: &Watch<'_>) -> Vec<Sentinel> {
    let places: Vec<_> = (0..number)
        .map(|_| Place {
            id: std::iter::repeat_with(|| fastrand::digit(16)).take(40).collect(),
            port: Port::claim(),
        })
        .collect();
    let configurations: Vec<_> =
        (0..number).map(|index| configuration(servers, &places, index, watch)).collect();
    let started = places.into_iter().zip(configurations);
    started.map(|(place, text)| Sentinel::start(place, &text)).collect()
}

/// Builds a store once a sentinel has answered in time, which it need not on a busy machine.
pub fn built(builder: impl Fn() -> RedisStoreBuilder) -> RedisStore {
    wait_for("a store to find its master", || builder().build().ok())
}

/// The URL of what these sentinels watch.
pub fn url_of(sentinels: &[Sentinel]) -> String {
    let hosts: Vec<_> = sentinels.iter().map(Sentinel::host).collect();
    format!("redis+sentinel://{}/{MASTER_NAME}", hosts.join(","))
}

fn configuration(
    servers: &[RedisServer],
    places: &[Place],
    index: usize,
    watch: &Watch<'_>,
) -> String {
    let Place { id, port } = &places[index];
    let quorum = places.len() / 2 + 1;
    let (host, master_port) = match watch.master {
        // The name that its certificate has.
        Some(master) => ("localhost", master.port()),
        None => ("127.0.0.1", servers[0].port()),
    };
    let listens = if watch.tls { "tls-port" } else { "port" };
    let mut lines = vec![
        format!("{listens} {}", port.number()),
        "bind 127.0.0.1".to_owned(),
        format!("sentinel myid {id}"),
        "sentinel resolve-hostnames yes".to_owned(),
        "sentinel announce-hostnames yes".to_owned(),
        format!("sentinel monitor {MASTER_NAME} {host} {master_port} {quorum}"),
        format!("sentinel down-after-milliseconds {MASTER_NAME} {}", watch.down_after),
        format!("sentinel failover-timeout {MASTER_NAME} 5000"),
    ];
    lines.extend_from_slice(watch.lines);
    if let Some(master) = watch.master {
        let [certificate, key] =
            [master.certificate(), master.key()].map(|it| it.display().to_string());
        lines.push(format!("tls-cert-file {certificate}\ntls-ca-cert-file {certificate}"));
        lines.push(format!("tls-key-file {key}\ntls-auth-clients no\ntls-replication yes"));
    }
    if watch.tls {
        lines.push("port 0".to_owned());
    }
    lines.extend(servers.iter().skip(1).map(|replica| {
        format!("sentinel known-replica {MASTER_NAME} 127.0.0.1 {}", replica.port())
    }));
    let others = places.iter().filter(|other| other.id != *id);
    lines.extend(others.map(|Place { id, port }| {
        format!("sentinel known-sentinel {MASTER_NAME} 127.0.0.1 {} {id}", port.number())
    }));
    lines.join("\n") + "\n"
}

impl Sentinel {
    fn start(place: Place, configuration: &str) -> Self {
        let folder = setup::folder("counter-sentinel-", Durability::On);
        let path = |name: &str| -> PathBuf { folder.path().join(name) };
        // It writes into this file what it learns.
        fs::write(path("sentinel.conf"), configuration).unwrap();
        let mut command = Command::new(setup::find_program("redis-server", &[], "redis-server"));
        command.arg(path("sentinel.conf")).arg("--sentinel").arg("--dir").arg(folder.path());
        command.current_dir(folder.path());
        let process =
            Program::start_server(&mut command, folder.path(), &path("log"), Signal::KILL);
        wait_for("a sentinel to watch the master", || {
            let log = fs::read_to_string(path("log")).ok()?;
            log.contains("+monitor master").then_some(())
        });
        Self { process, place, _folder: folder }
    }

    /// Freezes it: the system takes connections for it, and nothing is answered.
    pub fn freeze(&self) {
        self.process.freeze();
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.process.thaw();
    }

    /// Ends it at once.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Its host and port.
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.place.port.number())
    }

    /// A connection that knows nothing of counters.
    pub fn bare(&self) -> Connection {
        let client = Client::open(format!("redis://{}/", self.host())).unwrap();
        client.get_connection().unwrap()
    }

    /// The port of the master that it names, if it answers.
    pub fn named_port(&self) -> Option<u16> {
        let client = Client::open(format!("redis://{}/", self.host())).unwrap();
        let named: (String, u16) = redis::cmd("SENTINEL")
            .arg("GET-MASTER-ADDR-BY-NAME")
            .arg(MASTER_NAME)
            .query(&mut client.get_connection().ok()?)
            .ok()?;
        Some(named.1)
    }

    /// Whether it has heard of both replicas that they could take over, and reaches the others.
    fn is_ready(&self) -> bool {
        let client = Client::open(format!("redis://{}/", self.host())).unwrap();
        let Ok(mut bare) = client.get_connection() else { return false };
        let question = |word: &str| {
            let mut question = redis::cmd("SENTINEL");
            question.arg(word).arg(MASTER_NAME);
            question
        };
        let replicas: Vec<HashMap<String, String>> =
            question("REPLICAS").query(&mut bare).unwrap_or_default();
        let is_linked = |replica: &HashMap<_, _>| replica["master-link-status"] == "ok";
        let linked = replicas.iter().filter(|replica| is_linked(replica)).count();
        linked == 2 && question("CKQUORUM").exec(&mut bare).is_ok()
    }
}
