use std::sync::Arc;
use std::time::Duration;

use counter_core::{
    BatchSize, Config, DeltaStore, MemoryStore, Prefix, Retention, StoreKind, TableName, Zone,
};
#[cfg(feature = "redis")]
use counter_core::{RedisStore, RedisStoreBuilder, RedisTimeouts};
use diesel::r2d2::{ConnectionManager, Pool};

use crate::counters::counters::Counters;
use crate::counters::has_counters::HasCounters;
use crate::engine::calendar::{Calendar, DeclaredModel};
use crate::error::{BuildProblem, Error};
use crate::ledger::dialect::connection::CounterConnection;
use crate::ledger::ledger::Ledger;
use crate::ledger::pool_ledger::PoolLedger;

/// Puts [`Counters`] together. [`build`](Self::build) returns whatever is wrong with what it was
/// given.
///
/// ```no_run
/// # #[cfg(all(feature = "postgres", feature = "redis"))] {
/// use std::time::Duration;
///
/// use counter_diesel::{Config, Counters, RedisStore, postgres_pool};
///
/// let counters = Counters::builder(postgres_pool("postgres://localhost/app", 8)?)
///     .config(Config::from_env()?) // first: it replaces what was set before
///     .prefix("shop:counter:".parse()?)
///     .claim_timeout(Duration::from_secs(60))
///     .redis_with(RedisStore::builder("redis://127.0.0.1/").connect_lazily())
///     .build()?;
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "nothing happens before `build`"]
pub struct CountersBuilder {
    make_ledger: Box<MakeLedger>,
    make_store: Option<Box<MakeStore>>,
    config: Config,
    models: Vec<DeclaredModel>,
}

/// The pool's ledger, once the table's name is known.
type MakeLedger = dyn FnOnce(TableName) -> Result<Arc<dyn Ledger>, Error>;

/// The store, once the prefix is known.
type MakeStore = dyn FnOnce(&Config) -> Result<Arc<dyn DeltaStore>, Error>;

impl Counters {
    /// Begins to put counters together, with the pool of the database that they are folded into.
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")] {
    /// use counter_diesel::{Counters, sqlite_pool};
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let file = folder.path().join("app.sqlite");
    /// # let path = file.to_str().ok_or("no path")?;
    /// let pool = sqlite_pool(path, 4)?;
    /// let counters = Counters::builder(pool).memory().build()?; // or .redis("redis://127.0.0.1/")
    /// counters.run_pending_migrations()?;
    /// # }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// Any pool of Diesel's will do. What a connection waits for and how durable its commits are is
    /// the pool's business where a transaction cannot ask for it: a SQLite file wants a
    /// `busy_timeout` and `synchronous = FULL`, which `sqlite_pool` sets.
    pub fn builder<C: CounterConnection>(pool: Pool<ConnectionManager<C>>) -> CountersBuilder {
        CountersBuilder::new(pool)
    }
}

impl CountersBuilder {
    pub(crate) fn new<C: CounterConnection>(pool: Pool<ConnectionManager<C>>) -> Self {
        Self {
            make_ledger: Box::new(|table| Ok(Arc::new(PoolLedger::new(pool, table)?))),
            make_store: None,
            config: Config::default(),
            models: Vec::new(),
        }
    }

    /// Increments wait in the memory of this process, and are gone with it. For tests, and for
    /// applications that stop their worker before they end. Several processes may sync into one
    /// table, and each reads what another has counted only once that is synced. Those that need it
    /// at once share a Redis.
    pub fn memory(mut self) -> Self {
        self.config.store = StoreKind::Memory;
        self.store(MemoryStore::new())
    }

    /// Increments wait in the Redis at this URL, on a pool of connections with the defaults of
    /// [`RedisStoreBuilder`]. Nothing in a request then waits longer than a second.
    #[cfg(feature = "redis")]
    pub fn redis(self, url: &str) -> Self {
        self.redis_with(RedisStore::builder(url))
    }

    /// Like [`redis`](Self::redis), with other settings of the pool, such as
    /// [`connect_lazily`](RedisStoreBuilder::connect_lazily) for an application that starts without
    /// Redis. The prefix is that of the counters, and claims wait as the configuration says unless
    /// the builder was given something else.
    #[cfg(feature = "redis")]
    pub fn redis_with(mut self, redis: RedisStoreBuilder) -> Self {
        self.make_store = Some(Box::new(|config| Ok(Arc::new(configured(redis, config).build()?))));
        self
    }

    /// Increments wait in Redis, on a pool that the application has: see [`RedisStore::from_pool`].
    #[cfg(feature = "redis")]
    pub fn redis_pool(mut self, pool: Pool<redis::Client>) -> Self {
        self.make_store = Some(Box::new(|config| {
            let prefix = config.prefix.clone();
            let store = RedisStore::from_pool(pool, prefix, RedisTimeouts::default());
            Ok(Arc::new(confirming(store, config)))
        }));
        self
    }

    /// Increments wait in Redis, on a pool of the crate `r2d2_redis` that the application has: see
    /// [`RedisStore::from_r2d2_redis`].
    #[cfg(feature = "r2d2-redis")]
    pub fn r2d2_redis_pool(mut self, pool: Pool<r2d2_redis::RedisConnectionManager>) -> Self {
        self.make_store = Some(Box::new(|config| {
            let prefix = config.prefix.clone();
            let store = RedisStore::from_r2d2_redis(pool, prefix, RedisTimeouts::default());
            Ok(Arc::new(confirming(store, config)))
        }));
        self
    }

    /// Increments wait in this store. If it has a prefix, that should be the one configured here.
    pub fn store(mut self, store: impl DeltaStore) -> Self {
        self.make_store = Some(Box::new(|_| Ok(Arc::new(store))));
        self
    }

    /// All of the configuration at once, such as [`Config::from_env`]. Replaces what was set
    /// before.
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// The start of all names in the store. Default: `counter:`.
    pub fn prefix(mut self, prefix: Prefix) -> Self {
        self.config.prefix = prefix;
        self
    }

    /// The counters' table, also as `schema.table`. Default: `model_counters`.
    pub fn table_name(mut self, table_name: TableName) -> Self {
        self.config.table_name = table_name;
        self
    }

    /// How many counters a sync moves in one transaction. Default: 1000. At most
    /// [`BatchSize::MAX`].
    pub fn sync_batch_size(mut self, counters: impl Into<BatchSize>) -> Self {
        self.config.sync_batch_size = counters.into();
        self
    }

    /// The age at which a claim is taken to be left behind by a sync that died. Default: 30
    /// seconds.
    pub fn claim_timeout(mut self, age: Duration) -> Self {
        self.config.claim_timeout = age;
        self
    }

    /// The longest time between two scans of everything in the store, by whichever worker's sync
    /// comes first: see [`Config::full_scan_every`]. Default: 10 minutes.
    pub fn full_scan_every(mut self, time: Duration) -> Self {
        self.config.full_scan_every = time;
        self
    }

    /// The zone in which days begin, and so weeks, months, quarters and years, for owners that have
    /// none of their own: see [`Counters::in_zone`]. Default: UTC.
    pub fn zone(mut self, zone: Zone) -> Self {
        self.config.zone = zone;
        self
    }

    /// How long ago an event may have happened that is counted [late](Counters::at). Default: 35
    /// days. [`Duration::MAX`] for no bound.
    pub fn oldest_event(mut self, ago: Duration) -> Self {
        self.config.oldest_event = ago;
        self
    }

    /// How far in the future an event may be that is counted by its [own time](Counters::at), for
    /// clocks that differ. Default: 5 minutes.
    pub fn newest_event(mut self, ahead: Duration) -> Self {
        self.config.newest_event = ahead;
        self
    }

    /// How long buckets are kept after the end of their period, and into which longer buckets they
    /// are then added up. Default: all are kept. [Workers](Counters::spawn_sync) and
    /// [`prune`](Counters::prune) remove older ones, and reads of those fail with
    /// [`Error::NotKept`].
    ///
    /// ```
    /// use counter_diesel::query::Grain;
    /// use counter_diesel::sync::Retention;
    ///
    /// let retention = Retention::default()
    ///     .keep(Grain::Hour, 40)
    ///     .keep(Grain::Day, 90)
    ///     .roll_up(Grain::Day, Grain::Month);
    /// # let _ = retention;
    /// ```
    pub fn retention(mut self, retention: Retention) -> Self {
        self.config.retention = retention;
        self
    }

    /// Makes the model's grains known, so that its keys are counted by them even for an owner that
    /// is only a text, `Owner::new("post", 42)`. Otherwise such an increment counts only in the
    /// total.
    ///
    /// ```no_run
    /// # #[cfg(feature = "sqlite")] {
    /// # use counter_diesel::{Counters, HasCounters, Owner, sqlite_pool};
    /// #[derive(HasCounters)]
    /// #[counters(keys(views(every(day))))]
    /// struct Post {
    ///     id: i64,
    /// }
    ///
    /// let pool = sqlite_pool("app.sqlite", 4)?;
    /// let counters = Counters::builder(pool).memory().model::<Post>().build()?;
    /// counters.increment(Owner::new("post", 42)?, "views", 1)?; // in total, and today
    /// # }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn model<M: HasCounters>(mut self) -> Self {
        self.models.push(DeclaredModel {
            owner_type: M::OWNER_TYPE,
            grains_of: M::grains_of,
            gauge_grains_of: M::gauge_grains_of,
            has_zone: M::HAS_ZONE,
            keys: M::KEYS,
            gauges: M::GAUGES,
        });
        self
    }

    /// The counters.
    ///
    /// # Errors
    ///
    /// [`Error::Build`] if the pool does not suit, no store was chosen, or the retention does not
    /// fit [`oldest_event`](Self::oldest_event) or the models; [`Error::TooYoung`] if the retention
    /// keeps a grain for no time; [`Error::Unreachable`] if the pool had to be asked and gives no
    /// connection; [`CoreError::RedisUrl`] if the URL of the store cannot be used.
    ///
    /// [`CoreError::RedisUrl`]: crate::error::CoreError::RedisUrl
    pub fn build(self) -> Result<Counters, Error> {
        check_retention(&self.config, &self.models)?;
        let make_store = match self.make_store {
            Some(make_store) => make_store,
            None => configured_store(&self.config)?,
        };
        let store = make_store(&self.config)?;
        let ledger = (self.make_ledger)(self.config.table_name.clone())?;
        let calendar = Calendar::new(&self.config).with_models(self.models);
        Ok(Counters::from_parts(self.config, store, ledger).with_calendar(calendar))
    }
}

/// Refuses a retention that would lose or double counts.
fn check_retention(config: &Config, models: &[DeclaredModel]) -> Result<(), Error> {
    let retention = &config.retention;
    if let Some((from, into)) = retention.impossible() {
        return Err(Error::RollUp { from, into });
    }
    for (grain, time) in retention.kept() {
        if time.is_zero() {
            let (older_than, oldest_event) = (time, config.oldest_event);
            return Err(Error::TooYoung { older_than, oldest_event });
        }
        if time < config.oldest_event {
            return Err(Error::Build(BuildProblem::OldestEvent { grain }));
        }
        if let Some(into) = retention.rolled_up(grain)
            && models.iter().any(|model| model.counts_by([grain, into]))
        {
            return Err(Error::Build(BuildProblem::RollUpCounted { from: grain, into }));
        }
    }
    Ok(())
}

#[cfg(feature = "redis")]
fn configured(redis: RedisStoreBuilder, config: &Config) -> RedisStoreBuilder {
    redis.prefix(config.prefix.clone()).confirm_claims_by_default(config.confirm_claims)
}

#[cfg(feature = "redis")]
fn confirming(store: RedisStore, config: &Config) -> RedisStore {
    match config.confirm_claims {
        Some(confirmation) => store.confirm_claims(confirmation),
        None => store,
    }
}

/// The store that the configuration names, used if the application has not chosen one.
fn configured_store(config: &Config) -> Result<Box<MakeStore>, Error> {
    match (config.store, &config.redis_url) {
        (StoreKind::Memory, _) => Ok(Box::new(|_| Ok(Arc::new(MemoryStore::new())))),
        #[cfg(feature = "redis")]
        (StoreKind::Redis, Some(url)) => {
            let redis = RedisStore::builder(url.expose());
            Ok(Box::new(|config| Ok(Arc::new(configured(redis, config).build()?))))
        }
        #[cfg(not(feature = "redis"))]
        (StoreKind::Redis, Some(_)) => Err(Error::Build(BuildProblem::RedisFeature)),
        (StoreKind::Redis, None) => Err(Error::Build(BuildProblem::NoStore)),
    }
}
