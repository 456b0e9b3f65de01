//! Three masters with a replica each, which are one cluster.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use redis::{Connection, RedisError, Value};

use super::RedisServer;
use super::port::Port;
use crate::process::wait_for;

/// Masters. As many replicas follow them in the list of nodes.
const MASTERS: usize = 3;

/// After this many milliseconds without an answer a node is taken for dead.
const NODE_TIMEOUT: &str = "1000";

/// The longest wait for the answer of a node that may be frozen.
const PATIENCE: Duration = Duration::from_millis(500);

/// The first slot of each master, and the one after the last slot of all.
const SLOTS: [u16; MASTERS + 1] = [0, 5461, 10_923, 16_384];

/// A cluster that serves all slots, and fails over.
pub struct ClusterSite {
    /// The masters, as they were in the beginning, and the replica of each.
    pub nodes: Vec<RedisServer>,
    _ports: Vec<Port>,
}

impl ClusterSite {
    /// Starts one of Redis.
    pub fn start() -> Self {
        Self::start_program("redis-server", &[])
    }

    /// Starts one of another program, with further options for each node.
    pub fn start_program(program: &str, options: &[&str]) -> Self {
        let site = Self::start_nodes(2 * MASTERS, program, options);
        site.replicate();
        site
    }

    /// Starts one whose masters have no replicas, so that none takes the place of another, and
    /// which keep on disk what they have acknowledged. Slots without a node do not stop the others.
    pub fn start_masters() -> Self {
        let options = ["--cluster-require-full-coverage", "no", "--appendonly", "yes"];
        let options = [&options[..], &["--appendfsync", "always"]].concat();
        let site = Self::start_nodes(MASTERS, "redis-server", &options);
        site.wait_until_it_works();
        site
    }

    /// Starts one whose masters have no replicas, keep nothing on disk, and are not taken for dead
    /// while they are busy.
    pub fn start_masters_in_memory() -> Self {
        let options = ["--cluster-node-timeout", "15000"];
        let site = Self::start_nodes(MASTERS, "redis-server", &options);
        site.wait_until_it_works();
        site
    }

    fn start_nodes(number: usize, program: &str, options: &[&str]) -> Self {
        let ports: Vec<_> = (0..number).map(|_| Port::claim()).collect();
        let nodes = ports.iter().map(|port| {
            let number = port.number().to_string();
            let of_cluster = ["--cluster-enabled", "yes", "--cluster-port", &number];
            let of_cluster = [&of_cluster[..], &["--cluster-node-timeout", NODE_TIMEOUT], options];
            RedisServer::start_program(&[program], &of_cluster.concat())
        });
        let site = Self { nodes: nodes.collect(), _ports: ports };
        site.meet();
        site
    }

    /// Makes the nodes know each other and their slots.
    fn meet(&self) {
        for (number, node) in self.nodes.iter().enumerate() {
            // Each has an epoch of its own from the start on, so none of them contest a slot.
            command(node, &["SET-CONFIG-EPOCH", &(number + 1).to_string()]);
            if let [first, after, ..] = SLOTS[number.min(MASTERS)..] {
                command(node, &["ADDSLOTSRANGE", &first.to_string(), &(after - 1).to_string()]);
            }
        }
        let first = &self.nodes[0];
        for (node, port) in self.nodes.iter().zip(&self._ports).skip(1) {
            let ports = [node.port(), port.number()].map(|port| port.to_string());
            command(first, &["MEET", "127.0.0.1", &ports[0], &ports[1]]);
        }
        for node in &self.nodes {
            wait_for("the nodes to know each other", || {
                let known: String = ask(node, &["NODES"])?;
                let is_known = |line: &&str| !line.contains("handshake");
                (known.lines().filter(is_known).count() == self.nodes.len()).then_some(())
            });
        }
    }

    fn replicate(&self) {
        let (masters, replicas) = self.nodes.split_at(MASTERS);
        for (master, replica) in masters.iter().zip(replicas) {
            let id: String = ask(master, &["MYID"]).unwrap();
            wait_for("a replica to know its master", || {
                ask::<Value>(replica, &["REPLICATE", &id]).map(|_| ())
            });
        }
        self.wait_until_it_works();
        for replica in replicas {
            wait_for("a replica to catch up", || {
                let info: String =
                    redis::cmd("INFO").arg("replication").query(&mut replica.bare()).ok()?;
                info.contains("master_link_status:up").then_some(())
            });
        }
    }

    /// Waits until all nodes say that the cluster works, and each knows that no other is away.
    pub fn wait_until_it_works(&self) {
        for node in &self.nodes {
            wait_for("the cluster to work", || {
                let nodes: String = ask(node, &["NODES"])?;
                (self.is_working(node) && !nodes.contains("fail")).then_some(())
            });
        }
    }

    fn is_working(&self, node: &RedisServer) -> bool {
        let info: Option<String> = ask(node, &["INFO"]);
        info.is_some_and(|info| info.contains("cluster_state:ok"))
    }

    /// The URL of the cluster, which names its masters.
    pub fn url(&self) -> String {
        let hosts: Vec<_> = self.nodes.iter().take(MASTERS).map(host).collect();
        format!("redis+cluster://{}/", hosts.join(","))
    }

    /// The place among the nodes of the master that had a slot in the beginning.
    pub fn first_owner(slot: u16) -> usize {
        SLOTS.partition_point(|first| *first <= slot) - 1
    }

    /// The master that has a slot, as most nodes that answer say. `None` while they do not agree.
    pub fn owner(&self, slot: u16) -> Option<&RedisServer> {
        let named: Vec<_> = self.nodes.iter().filter_map(|node| owner_by(node, slot)).collect();
        let port = *named.first()?;
        let agree = named.iter().filter(|other| **other == port).count();
        let owner = self.nodes.iter().find(|node| node.port() == port);
        owner.filter(|_| 2 * agree > self.nodes.len())
    }

    /// Waits until another master has a slot than the one on this port, and returns it.
    pub fn wait_for_owner(&self, slot: u16, is_it: impl Fn(&RedisServer) -> bool) -> &RedisServer {
        wait_for("the slot to have another owner", || {
            let owner = self.owner(slot).filter(|owner| is_it(owner))?;
            self.is_working(owner).then_some(owner)
        })
    }

    /// The replica of a master.
    pub fn replica_of(&self, master: &RedisServer) -> &RedisServer {
        let port = master.port();
        let follows = |node: &&RedisServer| {
            let role = redis::cmd("ROLE").query::<Vec<Value>>(&mut node.bare()).unwrap_or_default();
            role.get(2) == Some(&Value::Int(port.into()))
        };
        self.nodes.iter().find(follows).expect("each master has a replica")
    }

    /// Lets the replica of a slot's master take over, without a fault.
    pub fn fail_over(&self, slot: u16) {
        self.fail_over_from(self.wait_for_owner(slot, |_| true));
    }

    /// Lets the replica of a master take over, without a fault, and waits until it has.
    pub fn fail_over_from(&self, master: &RedisServer) {
        let replica = self.replica_of(master);
        wait_for("a replica to take over", || ask::<Value>(replica, &["FAILOVER"]).map(|_| ()));
        wait_for("the replica to be a master", || {
            let role = redis::cmd("ROLE").query::<Vec<Value>>(&mut replica.bare()).ok()?;
            (role.first() == Some(&Value::BulkString(b"master".to_vec()))).then_some(())
        });
    }

    /// Moves a slot to another master, one name after the other, and calls `each` before each of
    /// them.
    pub fn move_slot(&self, slot: u16, mut each: impl FnMut()) {
        let moving = self.begin_move(slot);
        while let Some(name) = moving.next_name() {
            each();
            moving.migrate(&name);
        }
        moving.end();
    }

    /// Begins to move a slot to another master.
    pub fn begin_move(&self, slot: u16) -> Move<'_> {
        let from = self.wait_for_owner(slot, |_| true);
        let to = self.nodes[..MASTERS].iter().find(|node| node.port() != from.port()).unwrap();
        let moving = Move { from, to, slot: slot.to_string() };
        let [from_id, to_id] = moving.ids();
        command(to, &["SETSLOT", &moving.slot, "IMPORTING", &from_id]);
        command(from, &["SETSLOT", &moving.slot, "MIGRATING", &to_id]);
        moving
    }
}

/// A slot on its way from one master to another.
pub struct Move<'s> {
    from: &'s RedisServer,
    to: &'s RedisServer,
    slot: String,
}

impl Move<'_> {
    /// A name that has not moved yet.
    pub fn next_name(&self) -> Option<String> {
        let names: Vec<String> = ask(self.from, &["GETKEYSINSLOT", &self.slot, "1"]).unwrap();
        names.into_iter().next()
    }

    /// Moves a name, if it is there still. One at a time: a server that migrates answers nothing
    /// meanwhile, so two that migrate to each other would wait until both time out.
    pub fn migrate(&self, name: &str) {
        static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
        let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let mut migrate = redis::cmd("MIGRATE");
        migrate.arg("127.0.0.1").arg(self.to.port()).arg(name).arg(0).arg(5000);
        let _: Value = migrate.query(&mut self.from.bare()).unwrap();
    }

    /// The master that the slot goes to.
    pub fn importing(&self) -> &RedisServer {
        self.to
    }

    /// Gives the move up: the slot stays where it was.
    pub fn give_up(self) {
        command(self.from, &["SETSLOT", &self.slot, "STABLE"]);
    }

    /// Gives the slot to its new master. The new master hears first, so that no command finds that
    /// the slot has none.
    pub fn end(self) {
        let [_, to_id] = self.ids();
        command(self.to, &["SETSLOT", &self.slot, "NODE", &to_id]);
        command(self.from, &["SETSLOT", &self.slot, "NODE", &to_id]);
    }

    fn ids(&self) -> [String; 2] {
        [self.from, self.to].map(|node| ask(node, &["MYID"]).unwrap())
    }
}

fn host(node: &RedisServer) -> String {
    format!("127.0.0.1:{}", node.port())
}

fn owner_by(node: &RedisServer, slot: u16) -> Option<u16> {
    let ranges: Vec<Vec<Value>> = ask(node, &["SLOTS"])?;
    let range = ranges.iter().find(|range| match range[..] {
        [Value::Int(from), Value::Int(to), ..] => (from..=to).contains(&slot.into()),
        _ => false,
    })?;
    let Some(Value::Array(owner)) = range.get(2) else { return None };
    match owner.get(1) {
        Some(Value::Int(port)) => u16::try_from(*port).ok(),
        _ => None,
    }
}

fn command(node: &RedisServer, words: &[&str]) {
    let done: Result<Value, _> = try_ask(node, words);
    done.unwrap_or_else(|error| panic!("CLUSTER {words:?}: {error}"));
}

fn ask<T: redis::FromRedisValue>(node: &RedisServer, words: &[&str]) -> Option<T> {
    try_ask(node, words).ok()
}

fn try_ask<T: redis::FromRedisValue>(node: &RedisServer, words: &[&str]) -> Result<T, RedisError> {
    let mut bare = connection(node)?;
    redis::cmd("CLUSTER").arg(words).query(&mut bare)
}

fn connection(node: &RedisServer) -> Result<Connection, RedisError> {
    let client = redis::Client::open(node.url())?;
    let bare = client.get_connection_with_timeout(PATIENCE)?;
    bare.set_read_timeout(Some(PATIENCE))?;
    Ok(bare)
}
