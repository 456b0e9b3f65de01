//! The store in Redis.
//!
//! Reading order: [`store`] is the whole; [`connection`] has what goes over the wire and carries it
//! there; [`steps`] has one file for each step, with its Lua beside it; [`inspect`] changes nothing.

mod builder;
mod confirmation;
mod connection;
mod inspect;
mod last_seen;
mod steps;
mod store;
mod timeouts;

pub use builder::RedisStoreBuilder;
pub use confirmation::Confirmation;
pub use store::RedisStore;
pub use timeouts::RedisTimeouts;
