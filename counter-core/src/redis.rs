//! The store in Redis.
//!
//! Reading order: [`store`] is the façade; [`server`] asks one server, by what [`connection`]
//! carries there; [`steps`] and [`inspect`] are what it is asked, many counters at a time by
//! [`batch`].

mod batch;
mod builder;
mod confirmation_rule;
mod connecting;
mod connection;
mod credentials;
mod endpoint;
mod from_pool;
mod gauges;
mod index;
mod index_writer;
mod inspect;
mod last_sighting;
mod moves;
mod parts;
mod server;
mod steps;
mod store;
mod timeouts;

pub use builder::RedisStoreBuilder;
pub use credentials::RedisCredentials;
pub use store::RedisStore;
pub use timeouts::RedisTimeouts;
