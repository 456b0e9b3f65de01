//! Servers that belong to the tests and end with them, however they end.

mod clock;
mod fake_redis;
pub mod mariadb;
pub mod postgres;
pub mod redis;
mod tls_redis;

pub use clock::SteppingClock;
pub use fake_redis::{Answer, FakeRedis};
pub use redis::RedisServer;
pub use tls_redis::TlsRedis;
