//! The measures, in the order in which they are reported.

mod allocations;
mod cluster;
mod footprint;
mod foreign_keys;
mod growth;
mod increments;
mod index;
mod latency;
pub mod memory;
mod memory_store;
mod periods;
mod reads;
mod rename;
mod scale;
mod sync;
mod sync_sqlite;
mod text_owners;
mod top;

use crate::bench::Bench;
use crate::table::Row;

/// A measure that can run by itself.
pub struct Measure {
    pub name: &'static str,
    pub what: &'static str,
    pub run: fn(&Bench) -> Vec<Row>,
}

/// All measures.
pub const MEASURES: &[Measure] = &[
    measure("increment", "one increment after the other, in one thread", increments::one_by_one),
    measure("threads", "the same in 8 threads", increments::in_threads),
    measure("increment-many", "100 increments a call", increments::in_batches),
    measure(
        "first-increment",
        "the first increments of 1,000 counters after a sync",
        increments::first_after_a_sync,
    ),
    measure(
        "increment-day",
        "increments of a total and its day, in one thread",
        periods::increment_with_day,
    ),
    measure("get", "one counter's value", reads::one),
    measure("get-many", "50 counters' values a call", reads::many),
    measure("sync-postgres", "a sync of 100,000 counters into PostgreSQL", sync::into_postgres),
    measure(
        "sync-worker",
        "a worker's pass over 100,000 counters into PostgreSQL",
        sync::of_worker,
    ),
    measure("sync-mariadb", "a sync of 100,000 counters into MariaDB", sync::into_mariadb),
    measure(
        "sync-alone",
        "syncs of 100,000 counters into databases that share no core with Redis",
        sync::into_databases_alone,
    ),
    measure(
        "sync-sqlite",
        "a sync of 100,000 counters into SQLite, from Redis",
        sync_sqlite::from_redis,
    ),
    measure("sync-memory", "the same into SQLite, from memory", sync_sqlite::from_memory),
    measure(
        "text-owners",
        "a sync of 100,000 counters of texts beside one of integers, into PostgreSQL",
        text_owners::in_postgres,
    ),
    measure("text-owners-mariadb", "the same into MariaDB", text_owners::in_mariadb),
    measure("text-owners-sqlite", "the same into SQLite", text_owners::in_sqlite),
    measure("series", "a series of 366 days", periods::series_of_a_year),
    measure(
        "sync-buckets",
        "a sync of 100,000 buckets beside one of 100,000 totals",
        periods::sync_of_buckets,
    ),
    measure("top", "the 10 posts of 100,000 with the most views", top::of_many),
    measure("rename", "a rename of the owners of 100,000 counters", rename::beside_a_sync),
    measure("scale", "a sync of 1,000,000 counters beside one of 100,000", scale::per_counter),
    measure("memory", "the memory of a process that syncs 1,000,000 counters", memory::of_a_sync),
    measure("memory-store", "increments in memory, from 2 threads", memory_store::increments),
    measure("allocations", "allocations of one increment", allocations::of_an_increment),
    measure("latency", "single increments while a sync runs", latency::beside_a_sync),
    measure(
        "footprint",
        "what a counter costs Redis, and its sync the database's log",
        footprint::of_a_counter,
    ),
    measure(
        "foreign-keys",
        "a sync of 10 counters beside 500,000 keys of others",
        foreign_keys::beside_many,
    ),
    measure("index", "a worker's sync of 10 counters beside 500,000 keys", index::beside_many),
    measure("idle-workers", "20 workers where nothing is counted", index::idle_workers),
    measure("two-workers", "two workers that sync at the same time", index::two_workers),
    measure(
        "cluster",
        "increments of 1 to 16 threads in a cluster, beside one server",
        cluster::increments,
    ),
    measure("growth-counters", "syncs of 10,000 to 10,000,000 counters", growth::of_counters),
    measure("growth-threads", "increments of 1 to 16 threads", growth::of_threads),
    measure("growth-syncs", "1 to 8 syncs at once", growth::of_syncs),
];

const fn measure(name: &'static str, what: &'static str, run: fn(&Bench) -> Vec<Row>) -> Measure {
    Measure { name, what, run }
}
