//! Places in which stores of one kind can be made, each empty and used by one test alone.

use std::process;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use counter_core::{
    DeltaStore, ManualClock, MemoryStore, Pattern, Prefix, RedisStore, RedisTimeouts,
};
use r2d2_redis::RedisConnectionManager;
use redis::Client;

use crate::servers::ClusterSite;
use crate::servers::redis::{bare, shared_url, this_process_server, this_process_valkey};

/// A place that holds counters.
pub trait StoreWorld: Send + Sync {
    /// A store on what is held here. Each call makes another one where the kind allows that.
    fn store(&self) -> Arc<dyn DeltaStore>;

    /// What names in it start with.
    fn prefix(&self) -> Prefix;
}

/// The memory of this process, at a time that stands still.
pub struct MemoryWorld(Arc<MemoryStore>);

impl MemoryWorld {
    /// An empty one.
    pub fn new() -> Self {
        let clock = ManualClock::at_micros(1_700_000_000_000_000);
        Self(Arc::new(MemoryStore::with_clock(clock)))
    }

    /// An empty one, on the clock of the system.
    pub fn ticking() -> Self {
        Self(Arc::default())
    }
}

impl Default for MemoryWorld {
    fn default() -> Self {
        Self::new()
    }
}

impl StoreWorld for MemoryWorld {
    fn store(&self) -> Arc<dyn DeltaStore> {
        Arc::clone(&self.0) as _
    }

    fn prefix(&self) -> Prefix {
        Prefix::default()
    }
}

/// A prefix of its own on the shared Redis server, removed when this is dropped.
pub struct RedisWorld {
    url: String,
    prefix: Prefix,
    connect: fn(&str, Prefix) -> Arc<dyn DeltaStore>,
}

impl RedisWorld {
    /// For stores with a pool of their own.
    pub fn own() -> Self {
        Self::on(shared_url(), own_pool)
    }

    /// For stores with their own pool, through a Unix socket. Always on a server of this process,
    /// because the one that the environment names may have no socket.
    pub fn unix() -> Self {
        Self::on(this_process_server().unix_url(), own_pool)
    }

    /// For stores with their own pool, on Valkey.
    pub fn valkey() -> Self {
        Self::on(this_process_valkey().url(), own_pool)
    }

    /// For stores with a pool of their own that speak the newer version of the protocol.
    pub fn resp3() -> Self {
        Self::on(format!("{}?protocol=resp3", shared_url()), own_pool)
    }

    /// For stores on a pool of the `redis` crate's that an application has made.
    pub fn application_pool() -> Self {
        Self::on(shared_url(), |url, prefix| {
            let client = Client::open(url).unwrap();
            let pool = r2d2::Pool::builder().test_on_check_out(false).build(client);
            Arc::new(RedisStore::from_pool(pool.unwrap(), prefix, patient()))
        })
    }

    /// For stores that share one pool of this process.
    pub fn sharing() -> Self {
        Self::on(shared_url(), |url, prefix| {
            static POOL: OnceLock<r2d2::Pool<Client>> = OnceLock::new();
            let pool = POOL.get_or_init(|| {
                let client = Client::open(url).unwrap();
                r2d2::Pool::builder().max_size(40).test_on_check_out(false).build(client).unwrap()
            });
            Arc::new(RedisStore::from_pool(pool.clone(), prefix, patient()))
        })
    }

    /// For stores on a pool of the crate `r2d2_redis` that an application has made.
    pub fn r2d2_redis_pool() -> Self {
        Self::on(shared_url(), |url, prefix| {
            let manager = RedisConnectionManager::new(url).unwrap();
            let pool = r2d2::Pool::builder().test_on_check_out(false).build(manager);
            Arc::new(RedisStore::from_r2d2_redis(pool.unwrap(), prefix, patient()))
        })
    }

    fn on(url: String, connect: fn(&str, Prefix) -> Arc<dyn DeltaStore>) -> Self {
        Self { url, prefix: new_prefix(), connect }
    }
}

impl StoreWorld for RedisWorld {
    fn store(&self) -> Arc<dyn DeltaStore> {
        (self.connect)(&self.url, self.prefix.clone())
    }

    fn prefix(&self) -> Prefix {
        self.prefix.clone()
    }
}

impl Drop for RedisWorld {
    fn drop(&mut self) {
        let mut bare = bare(&self.url);
        let glob = format!("{}*", Pattern::escape(self.prefix.as_str()));
        let names = redis::cmd("KEYS").arg(glob).query::<Vec<Vec<u8>>>(&mut bare);
        for names in names.unwrap_or_default().chunks(1000) {
            let _ = redis::cmd("UNLINK").arg(names).exec(&mut bare);
        }
    }
}

/// A prefix of its own on a cluster of this process.
pub struct ClusterWorld {
    prefix: Prefix,
}

impl ClusterWorld {
    /// An empty one of which all names are in one slot, by a tag.
    pub fn of_one_slot() -> Self {
        let prefix = format!("{{{}}}:", new_prefix().as_str().trim_end_matches(':'));
        Self { prefix: prefix.parse().unwrap() }
    }

    /// An empty one with names in all slots.
    pub fn of_all_slots() -> Self {
        Self { prefix: new_prefix() }
    }

    /// The cluster, in which nothing fails over, and no slot moves.
    pub fn site() -> &'static ClusterSite {
        static SITE: OnceLock<ClusterSite> = OnceLock::new();
        // Nothing fails over here, however busy the machine.
        let patient = ["--cluster-node-timeout", "30000"];
        SITE.get_or_init(|| ClusterSite::start_program("redis-server", &patient))
    }
}

impl Drop for ClusterWorld {
    fn drop(&mut self) {
        let glob = format!("{}*", Pattern::escape(self.prefix.as_str()));
        for node in &Self::site().nodes {
            let mut bare = node.bare();
            let names = redis::cmd("KEYS").arg(&glob).query::<Vec<Vec<u8>>>(&mut bare);
            // A replica refuses.
            let _ = unlink(&names.unwrap_or_default(), &mut bare);
        }
    }
}

/// Removes names of several slots from a node of a cluster.
///
/// # Errors
///
/// What the node says.
pub fn unlink(names: &[Vec<u8>], bare: &mut redis::Connection) -> redis::RedisResult<()> {
    let mut unlinks = redis::pipe();
    for name in names {
        unlinks.cmd("UNLINK").arg(name).ignore();
    }
    if names.is_empty() { Ok(()) } else { unlinks.exec(bare) }
}

impl StoreWorld for ClusterWorld {
    fn store(&self) -> Arc<dyn DeltaStore> {
        own_pool(&Self::site().url(), self.prefix.clone())
    }

    fn prefix(&self) -> Prefix {
        self.prefix.clone()
    }
}

fn own_pool(url: &str, prefix: Prefix) -> Arc<dyn DeltaStore> {
    let builder = RedisStore::builder(url).prefix(prefix).timeouts(patient());
    Arc::new(builder.build().unwrap())
}

/// How long tests wait for a store where no time-out is meant to happen, however busy the machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The time-outs of a store that waits for a connection for [`PATIENCE`], and for a reply for ever.
///
/// The system ends a read that has a time-out when the process is stopped or the machine suspended,
/// and an increment is of unknown outcome then: see [`limited`].
pub fn patient() -> RedisTimeouts {
    let mut timeouts = limited();
    timeouts.read = Duration::MAX;
    timeouts
}

/// The time-outs of a store that waits for [`PATIENCE`], for replies too.
pub fn limited() -> RedisTimeouts {
    let mut timeouts = RedisTimeouts::default();
    (timeouts.wait, timeouts.connect) = (PATIENCE, PATIENCE);
    (timeouts.read, timeouts.write) = (PATIENCE, PATIENCE);
    timeouts
}

/// A prefix of its own.
pub fn new_prefix() -> Prefix {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("test-{}-{number}:", process::id()).parse().unwrap()
}
