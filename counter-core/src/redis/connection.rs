//! Bytes to one server and back.

pub(crate) mod deadline;
pub(crate) mod lease;
pub(crate) mod limits;
pub(crate) mod manager;
pub(crate) mod names;
pub(crate) mod packed;
pub(crate) mod pool;
pub(crate) mod reply;
pub(crate) mod wire;
#[cfg(feature = "r2d2_redis")]
pub(crate) mod wire_r2d2_redis;
