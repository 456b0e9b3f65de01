//! The store in Redis.
//!
//! Reading order: [`store`] is the whole; [`names`], [`packed`] and [`reply`] are what goes over the
//! wire; [`pool`], [`lease`] and [`wire`] carry it there; then one file for each step, with its Lua
//! beside it.

mod ack;
mod builder;
mod claim;
mod confirmation;
mod deadline;
mod discard;
mod foreign;
mod generation;
mod increment;
mod inspect;
mod last_seen;
mod lease;
mod limits;
mod look;
mod manager;
mod misplaced;
mod names;
mod packed;
mod pool;
mod raise;
mod renumber;
mod replace;
mod reply;
mod rights;
mod scan;
mod script;
mod store;
mod timeouts;
mod verify;
mod wire;
#[cfg(feature = "r2d2_redis")]
mod wire_r2d2_redis;

pub use builder::RedisStoreBuilder;
pub use confirmation::Confirmation;
pub use store::RedisStore;
pub use timeouts::RedisTimeouts;
