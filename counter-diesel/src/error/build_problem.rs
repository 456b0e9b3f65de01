use counter_core::Grain;

/// Why the parts given to a builder do not make a working whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildProblem {
    /// No store was chosen.
    #[error(
        "no store was chosen: call .redis(url) or .memory(), \
         or set REDIS_URL or COUNTER_STORE=memory and pass Config::from_env()"
    )]
    NoStore,

    /// The configuration names Redis as the store, and the feature is off.
    #[error("the store is Redis: turn on the feature `redis` of counter-diesel")]
    RedisFeature,

    /// Late events are accepted for periods that are no longer kept.
    #[error(
        "events that are older than a {grain} is kept are counted, and would be lost: keep each \
         {grain} for longer (retention, COUNTER_RETENTION), or accept events for a shorter time \
         (oldest_event, COUNTER_OLDEST_EVENT)"
    )]
    OldestEvent {
        /// The grain.
        grain: Grain,
    },

    /// Counters were to be moved to another type, and of a key of both the one has rolled up
    /// buckets into a grain by which the other counts it, or the other lacks some of those buckets
    /// or has them elsewhere. Nothing was moved.
    #[error(
        "the counters of one of these types were rolled up by {grain}, and those of the other are \
         counted by {grain}, or were dropped or rolled up otherwise: what is moved would be read \
         wrong"
    )]
    RolledUpOtherwise {
        /// The grain.
        grain: Grain,
    },

    /// The retention rolls buckets up into longer ones by which a model counts the same key.
    #[error(
        "a {from} cannot be rolled up into a {into}, because a model counts a key by both: each \
         {from} would be counted twice"
    )]
    RollUpCounted {
        /// The grain of the buckets.
        from: Grain,
        /// That of the longer ones.
        into: Grain,
    },

    /// The store cannot move counts, so owners cannot be merged.
    #[error(
        "this store cannot move counts from one counter to another at one instant, so owners \
         cannot be merged: a cluster can with a tag in its prefix, and a wrapper has to pass on \
         DeltaStore::moves"
    )]
    StoreMovesNothing,

    /// A pool of more than one connection to SQLite in memory.
    #[error(
        "connections to SQLite in memory each have a database of their own, or share one under \
         locks that no time-out waits for: give the pool a max_size of 1, or keep the database in \
         a file"
    )]
    SharedMemoryDatabase,

    /// The URL given for SQLite is that of another database.
    #[error("a SQLite database is the path of a file, :memory:, or sqlite:// and a path")]
    SqliteUrl,

    /// The URL given for PostgreSQL is that of another database.
    #[error("the URL of a PostgreSQL database begins with postgres:// or postgresql://")]
    PostgresUrl,

    /// The URL given for MariaDB or MySQL is that of another database.
    #[error("the URL of a MariaDB or MySQL database begins with mysql://")]
    MysqlUrl,
}
