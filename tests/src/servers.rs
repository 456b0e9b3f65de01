//! Servers that belong to the tests and end with them, however they end.

mod clock;
mod cluster;
mod data;
mod fake_redis;
pub mod mariadb;
mod pgbouncer;
mod port;
pub mod postgres;
pub mod redis;
mod sentinels;
mod setup;
mod tls_redis;

pub use clock::SteppingClock;
pub use cluster::{ClusterSite, Move};
pub use fake_redis::{FakeRedis, FakeReply};
pub use pgbouncer::PgBouncer;
pub use port::Port;
pub use redis::RedisServer;
pub use sentinels::{MASTER_NAME, Sentinel, SentinelSite, Watch, built, start_sentinels, url_of};
pub use setup::Durability;
pub use tls_redis::TlsRedis;
