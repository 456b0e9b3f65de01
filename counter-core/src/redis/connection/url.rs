//! URLs that name several hosts: those of sentinels and those of a cluster.

mod address;
mod flaw;
mod hosts;
mod login;

pub(crate) use address::Address;
pub(crate) use flaw::UrlFlaw;
pub(crate) use hosts::HostsUrl;
pub(crate) use login::{Login, Tls, decoded};
