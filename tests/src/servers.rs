//! Servers that a test starts for itself and that end with it, however it ends.

mod fake_redis;
mod process;
pub mod redis;
mod tls_redis;

pub use fake_redis::{Answer, FakeRedis};
pub use redis::RedisServer;
pub use tls_redis::TlsRedis;
