use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use counter_core::{Config, CounterId, DeltaStore, Holding, Replacement, TableName};

use crate::engine::calendar::Calendar;
use crate::engine::engine::Engine;
use crate::error::Error;
use crate::ledger::ledger::Ledger;
use crate::owner::counter_owner::CounterOwner;
use crate::owner::key_of::KeyOf;
use crate::sync::set::set;

/// The counters of an application: a store where increments wait, and a database that they end up
/// in.
///
/// Cheap to clone; clones are the same counters. Make it once, at start, with
/// [`Counters::builder`].
#[derive(Clone)]
pub struct Counters {
    engine: Arc<Engine>,
    calendar: Arc<Calendar>,
}

impl Counters {
    /// Counters over a store and a ledger of the caller's, such as wrapped ones. Of the
    /// configuration they use `sync_batch_size`, `claim_timeout`, the prefix by which the ledger
    /// knows the store, and for reads on a caller's connection `table_name`: prefix and table are
    /// to be those of the two.
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")] {
    /// use std::sync::Arc;
    ///
    /// use counter_diesel::{Config, Counters, MemoryStore};
    /// use counter_diesel::ledger::PoolLedger;
    /// # let pool = counter_diesel::sqlite_pool(":memory:", 1)?;
    ///
    /// let config = Config::default();
    /// let ledger = PoolLedger::new(pool, config.table_name.clone())?;
    /// let counters = Counters::from_parts(config, Arc::new(MemoryStore::new()), Arc::new(ledger));
    /// # counters.run_pending_migrations()?;
    /// # }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn from_parts(config: Config, store: Arc<dyn DeltaStore>, ledger: Arc<dyn Ledger>) -> Self {
        let calendar = Arc::new(Calendar::new(&config));
        Self { engine: Arc::new(Engine::new(config, store, ledger)), calendar }
    }

    pub(crate) fn calendar(&self) -> &Calendar {
        &self.calendar
    }

    pub(crate) fn shared_calendar(&self) -> &Arc<Calendar> {
        &self.calendar
    }

    pub(crate) fn with_calendar(self, calendar: Calendar) -> Self {
        Self { calendar: Arc::new(calendar), ..self }
    }

    pub(crate) fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// How these counters are kept and synced.
    pub fn config(&self) -> &Config {
        self.engine.config()
    }

    /// Returns the name of the counters' table, with the schema in which it was found first.
    ///
    /// That is [`Config::table_name`] before it was found, and where that has a schema itself. With
    /// it, [`CounterHarness`](crate::ledger::CounterHarness) works on the tables of these counters
    /// on every connection.
    pub fn table_name(&self) -> TableName {
        let configured = &self.config().table_name;
        let found = self.engine.ledger().schema().and_then(|schema| {
            let [schema, table] = [&schema, configured.table()].map(TableName::part);
            format!("{schema}.{table}").parse().ok()
        });
        found.unwrap_or_else(|| configured.clone())
    }

    /// Brings the counters' tables up to date and returns the names of the migrations that were
    /// run.
    ///
    /// Call this when the application starts; any number of processes may do so at once. What was
    /// run is recorded in a table of its own, apart from the application's migrations. To have them
    /// among those instead, run [`CounterMigrations`](crate::ledger::CounterMigrations). If these
    /// have made the tables, this runs nothing.
    ///
    /// With nothing to run it only reads, so it then needs no right to create tables and no
    /// primary.
    ///
    /// # Errors
    ///
    /// [`Error::Migration`] if the database refuses, [`Error::MigrationsLocked`] if another process
    /// has been running the migrations for 15 seconds, [`Error::Unreachable`] if there is no
    /// database.
    pub fn run_pending_migrations(&self) -> Result<Vec<&'static str>, Error> {
        self.engine.ledger().run_pending_migrations()
    }

    /// The names of the migrations that [`run_pending_migrations`](Self::run_pending_migrations)
    /// would run, oldest first. Changes nothing.
    ///
    /// An application that keeps [their files](crate::ledger::migration_files) among its own has
    /// all of them pending here for ever.
    ///
    /// # Errors
    ///
    /// [`Error::Database`] if the database refuses, [`Error::Unreachable`] if there is none.
    pub fn pending_migrations(&self) -> Result<Vec<&'static str>, Error> {
        self.engine.ledger().pending_migrations()
    }

    /// The value of a counter; 0 if it was never counted.
    ///
    /// It is the value that the counter had at one instant during the call, also in the middle of a
    /// sync. Costs are those of [`get_many`](Self::get_many).
    ///
    /// # Errors
    ///
    /// If the store or the database cannot be asked, or if they contradict each other: a value is
    /// never guessed.
    pub fn get<O: CounterOwner>(&self, owner: O, key: impl KeyOf<O::Model>) -> Result<i64, Error> {
        self.engine.get(&id_of(&owner, &key)?)
    }

    /// The values of many counters in the order asked, each as it was at one instant during the
    /// call.
    ///
    /// One round trip to the store and one query. Where a sync applies something in between it
    /// looks again: up to three times more.
    ///
    /// ```
    /// # use counter_diesel::{Counters, Error, HasCounters};
    /// # #[derive(HasCounters)]
    /// # #[counters(keys(views, likes, shares))]
    /// # struct Post { id: i64 }
    /// # fn show(counters: &Counters, posts: &[Post]) -> Result<(), Error> {
    /// let views = counters.get_many(posts.iter().map(|post| (post, PostCounter::Views)))?;
    /// for (post, views) in posts.iter().zip(views) {
    ///     println!("post {}: {views} views", post.id);
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn get_many<O, K>(
        &self,
        counters: impl IntoIterator<Item = (O, K)>,
    ) -> Result<Vec<i64>, Error>
    where
        O: CounterOwner,
        K: KeyOf<O::Model>,
    {
        let ids = counters.into_iter().map(|(owner, key)| id_of(&owner, &key));
        self.engine.get_many(ids.collect::<Result<Vec<_>, Error>>()?)
    }

    /// All counters of an owner, by key: those that have a row, those that the model declares, and
    /// those that the store can name.
    ///
    /// The in-memory store can name all that it holds. Redis names what its index names: a counter
    /// that is not declared and that another program counts with a plain `INCRBY` appears with its
    /// first sync.
    ///
    /// ```
    /// # use counter_diesel::{Counters, Error, HasCounters};
    /// # #[derive(HasCounters)]
    /// # #[counters(keys(views, likes, shares))]
    /// # struct Post { id: i64 }
    /// # fn show(counters: &Counters, post: &Post) -> Result<(), Error> {
    /// for (key, value) in counters.all(post)? {
    ///     println!("{key}: {value}");
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn all<O: CounterOwner>(&self, owner: O) -> Result<BTreeMap<String, i64>, Error> {
        self.engine.all(&*owner.owner()?, O::declared_keys())
    }

    /// Gives a counter a value. Increments before this instant are gone, those after it count.
    ///
    /// `Ok` once the store holds the new value. The table follows at once, or with the next sync if
    /// the database fails just now, which is logged.
    ///
    /// # Errors
    ///
    /// As [`increment`](Self::increment), and [`Error::OtherDatabase`] if the database is not the
    /// one that the store is synced into.
    pub fn set<O: CounterOwner>(
        &self,
        owner: O,
        key: impl KeyOf<O::Model>,
        value: i64,
    ) -> Result<(), Error> {
        set(&self.engine, &id_of(&owner, &key)?, Replacement::Set(value))
    }

    /// Sets a counter to 0, as [`set`](Self::set) does.
    ///
    /// # Errors
    ///
    /// As [`increment`](Self::increment), and [`Error::OtherDatabase`] if the database is not the
    /// one that the store is synced into.
    pub fn reset<O: CounterOwner>(&self, owner: O, key: impl KeyOf<O::Model>) -> Result<(), Error> {
        self.set(owner, key, 0)
    }

    /// Removes a counter and its row. An increment after it makes the counter anew.
    ///
    /// A read that runs at the same time may still see a value from before.
    ///
    /// # Errors
    ///
    /// As [`increment`](Self::increment), and [`Error::OtherDatabase`] if the database is not the
    /// one that the store is synced into.
    pub fn delete<O: CounterOwner>(
        &self,
        owner: O,
        key: impl KeyOf<O::Model>,
    ) -> Result<(), Error> {
        set(&self.engine, &id_of(&owner, &key)?, Replacement::Delete)
    }

    /// Returns what the store holds of a counter: what the table does not have yet.
    ///
    /// # Errors
    ///
    /// If the store cannot be asked, or holds something else in the counter's place.
    pub fn pending<O: CounterOwner>(
        &self,
        owner: O,
        key: impl KeyOf<O::Model>,
    ) -> Result<Holding, Error> {
        self.engine.pending(&id_of(&owner, &key)?)
    }

    /// The value of a counter as the last sync left it. Does not ask the store, so it answers while
    /// the store is away.
    ///
    /// # Errors
    ///
    /// If the database cannot be asked.
    pub fn baseline<O: CounterOwner>(
        &self,
        owner: O,
        key: impl KeyOf<O::Model>,
    ) -> Result<i64, Error> {
        self.engine.baseline(&id_of(&owner, &key)?)
    }
}

impl fmt::Debug for Counters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Counters").field("config", self.engine.config()).finish_non_exhaustive()
    }
}

pub(crate) fn id_of<O: CounterOwner>(
    owner: &O,
    key: &impl KeyOf<O::Model>,
) -> Result<CounterId, Error> {
    let owner = owner.owner()?;
    Ok(CounterId::of(&owner, &key.counter_key()?))
}
