//! Store and ledger joined, by counter id. All that is below the façade takes an `Engine`.

pub(crate) mod age;
pub(crate) mod buckets;
pub(crate) mod calendar;
pub(crate) mod counting;
pub(crate) mod distinct;
pub(crate) mod engine;
pub(crate) mod floor;
pub(crate) mod gauges;
pub(crate) mod grains;
pub(crate) mod kept;
pub(crate) mod kinship;
pub(crate) mod known_kept;
pub(crate) mod pages;
pub(crate) mod prefixes;
pub(crate) mod read;
pub(crate) mod remembered;
pub(crate) mod sums;
