//! Finds the master that Redis Sentinel names, and follows it when another takes its place.

mod answers;
mod connector;
mod follower;
mod named;
mod sentinel;
mod sentinels;
mod silence;
mod url;
mod watcher;

pub(crate) use follower::{Era, Follower};
pub(crate) use url::SentinelUrl;
pub(crate) use watcher::Watcher;
