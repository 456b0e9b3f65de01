use std::collections::BTreeMap;
use std::fmt;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use counter_core::{
    Baseline, Config, CounterId, DeltaStore, Held, Operation, Overflow, Replacement,
};
use diesel::r2d2::{ConnectionManager, Pool};

use crate::counters::builder::CountersBuilder;
use crate::counters::handle::CounterHandle;
use crate::counters::on::On;
use crate::engine::read;
use crate::error::Error;
use crate::ledger::dialect::dialect::{CounterConnection, LendConnection};
use crate::ledger::ledger::Ledger;
use crate::owner::counter_owner::CounterOwner;
use crate::owner::key_of::KeyOf;
use crate::sync::apply::apply_once;
use crate::sync::identity::conflicts::{self, Conflicts};
use crate::sync::options::SyncOptions;
use crate::sync::pass;
use crate::sync::report::observer::{Observer, SyncEvent};
use crate::sync::report::report::SyncReport;
use crate::sync::telemetry::telemetry;
use crate::sync::telemetry::telemetry::SET;
use crate::sync::unsettled::{Fate, Unsettled, UnsettledClaims};

/// The counters of an application: a store where increments wait, and a database that they end up in.
///
/// Cheap to clone; clones are the same counters. Make it once, at start, with [`Counters::builder`].
#[derive(Clone)]
pub struct Counters {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) store: Arc<dyn DeltaStore>,
    pub(crate) ledger: Arc<dyn Ledger>,
    /// Claims of this process that no pass of it is working on, for the next one to finish first. They are
    /// in the store too, so that another process finishes them if this one dies.
    remembered: Mutex<UnsettledClaims>,
}

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
    /// Any pool of Diesel's will do. What a connection waits for and how durable its commits are is the pool's
    /// business where a transaction cannot ask for it: a SQLite file wants a `busy_timeout` and
    /// `synchronous = FULL`, which `sqlite_pool` sets.
    pub fn builder<C: CounterConnection>(pool: Pool<ConnectionManager<C>>) -> CountersBuilder {
        CountersBuilder::new(pool)
    }

    /// Counters over a store and a ledger of the caller's, such as wrapped ones. Of the configuration they use
    /// `sync_batch_size`, `claim_timeout`, the prefix by which the ledger knows the store, and for reads on a caller's
    /// connection `table_name`: prefix and table are to be those of the two.
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")] {
    /// use std::sync::Arc;
    ///
    /// use counter_diesel::{Config, Counters, MemoryStore, PoolLedger};
    /// # use diesel::SqliteConnection;
    /// # use diesel::r2d2::{ConnectionManager, Pool};
    /// # let pool = Pool::builder().max_size(1).build(ConnectionManager::<SqliteConnection>::new(":memory:"))?;
    ///
    /// let config = Config::default();
    /// let ledger = PoolLedger::new(pool, config.table_name.clone())?;
    /// let counters = Counters::from_parts(config, Arc::new(MemoryStore::new()), Arc::new(ledger));
    /// # counters.run_pending_migrations()?;
    /// # }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn from_parts(config: Config, store: Arc<dyn DeltaStore>, ledger: Arc<dyn Ledger>) -> Self {
        let remembered = Mutex::default();
        Self { shared: Arc::new(Shared { config, store, ledger, remembered }) }
    }

    /// How these counters are kept and synced.
    pub fn config(&self) -> &Config {
        &self.shared.config
    }

    /// Brings the counters' tables up to date and returns the names of the migrations that were run.
    ///
    /// To be called when the application starts; any number of processes may do so at once. What was run
    /// is remembered in a table of its own, apart from the application's migrations.
    ///
    /// # Errors
    ///
    /// [`Error::Migration`] if the database refuses, [`Error::Unreachable`] if there is none.
    pub fn run_pending_migrations(&self) -> Result<Vec<&'static str>, Error> {
        self.shared.ledger.run_pending_migrations()
    }

    /// The names of the migrations that [`run_pending_migrations`](Self::run_pending_migrations) would run,
    /// oldest first. Changes nothing.
    ///
    /// An application that keeps [their files](crate::migration_files) among its own has all of them pending here
    /// for ever.
    ///
    /// # Errors
    ///
    /// [`Error::Database`] if the database refuses, [`Error::Unreachable`] if there is none.
    pub fn pending_migrations(&self) -> Result<Vec<&'static str>, Error> {
        self.shared.ledger.pending_migrations()
    }

    /// Adds to a counter: one atomic operation in the store, and no database. What is added may be negative.
    ///
    /// ```
    /// # use counter_diesel::{Counters, Error, HasCounters};
    /// # #[derive(HasCounters)]
    /// # #[counters(keys(views, likes, shares))]
    /// # struct Post { id: i64 }
    /// # fn count(counters: &Counters, post: &Post) -> Result<(), Error> {
    /// counters.increment(post, PostCounter::Views, 1)?;
    /// counters.increment(Post::counter_owner(42)?, PostCounter::Views, 1)?; // no row is loaded
    /// match counters.increment(post, "reads-to-the-end", 1) { // any text is a key
    ///     Err(error) if error.is_outcome_unknown() => eprintln!("may have been counted: {error}"),
    ///     Err(error) => eprintln!("certainly not counted, so it may be tried again: {error}"),
    ///     Ok(()) => {}
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// After [`counter_core::Error::OutcomeUnknown`] (see [`Error::is_outcome_unknown`]) it may have been
    /// counted. After every other error it was not.
    pub fn increment<O: CounterOwner>(
        &self,
        owner: O,
        key: impl KeyOf<O::Model>,
        by: i64,
    ) -> Result<(), Error> {
        self.shared.increment(&id_of(&owner, &key)?, by)
    }

    /// Subtracts from a counter. It may go below zero.
    ///
    /// # Errors
    ///
    /// As [`increment`](Self::increment), and [`counter_core::Error::NotCounted`] for `i64::MIN`.
    pub fn decrement<O: CounterOwner>(
        &self,
        owner: O,
        key: impl KeyOf<O::Model>,
        by: i64,
    ) -> Result<(), Error> {
        self.shared.decrement(&id_of(&owner, &key)?, by)
    }

    /// Adds to many counters, in one round trip to the store. Each is an increment of its own: some may be
    /// counted and others not.
    ///
    /// ```
    /// # use counter_diesel::{Counters, Error, HasCounters};
    /// # #[derive(HasCounters)]
    /// # #[counters(keys(views, likes, shares))]
    /// # struct Post { id: i64 }
    /// # fn count(counters: &Counters, post: &Post) -> Result<(), Error> {
    /// let increments = [(post, PostCounter::Views, 1), (post, PostCounter::Shares, 1)];
    /// if let Err(Error::Increments { outcomes }) = counters.increment_many(increments) {
    ///     for (increment, outcome) in increments.iter().zip(outcomes) {
    ///         if let Err(error) = outcome {
    ///             eprintln!("{}: {error}", increment.1);
    ///         }
    ///     }
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// If a name is invalid nothing is sent. Otherwise [`Error::Increments`] says of each what became of
    /// it, if not all were counted.
    pub fn increment_many<O, K>(
        &self,
        increments: impl IntoIterator<Item = (O, K, i64)>,
    ) -> Result<(), Error>
    where
        O: CounterOwner,
        K: KeyOf<O::Model>,
    {
        let increments = increments.into_iter();
        let mut named = Vec::with_capacity(increments.size_hint().0);
        for (owner, key, by) in increments {
            named.push((id_of(&owner, &key)?, by));
        }
        self.shared.increment_many(&named)
    }

    /// The value of a counter; 0 if it was never counted.
    ///
    /// It is the value that the counter had at one instant during the call, also in the middle of a sync. Costs
    /// are those of [`get_many`](Self::get_many).
    ///
    /// # Errors
    ///
    /// If the store or the database cannot be asked, or if they contradict each other: a value is never
    /// guessed.
    pub fn get<O: CounterOwner>(&self, owner: O, key: impl KeyOf<O::Model>) -> Result<i64, Error> {
        self.shared.get(&id_of(&owner, &key)?)
    }

    /// The values of many counters in the order asked, each as it was at one instant during the call.
    ///
    /// One round trip to the store and one query. Where a sync applies something in between it looks again: up to
    /// three times more.
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
        self.shared.get_many(&ids.collect::<Result<Vec<_>, Error>>()?)
    }

    /// All counters of an owner, by key: those that have a row, those that the model declares, and those
    /// that the store can name.
    ///
    /// The in-memory store can name all that it holds; Redis cannot name any, so there a counter that is
    /// not declared appears with its first sync.
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
        let ledger = &self.shared.ledger;
        let rows_of = |owner: &_| ledger.rows_of(owner);
        let owner = owner.owner()?;
        read::all(&*self.shared.store, &owner, O::declared_keys(), rows_of)
    }

    /// Gives a counter a value. Increments before this instant are gone, those after it count.
    ///
    /// `Ok` once the store holds the new value. The table follows at once, or with the next sync if the
    /// database fails just now, which is logged.
    ///
    /// # Errors
    ///
    /// As [`increment`](Self::increment).
    pub fn set<O: CounterOwner>(
        &self,
        owner: O,
        key: impl KeyOf<O::Model>,
        value: i64,
    ) -> Result<(), Error> {
        self.shared.replace(&id_of(&owner, &key)?, Replacement::Set(value))
    }

    /// Sets a counter to 0, as [`set`](Self::set) does.
    ///
    /// # Errors
    ///
    /// As [`increment`](Self::increment).
    pub fn reset<O: CounterOwner>(&self, owner: O, key: impl KeyOf<O::Model>) -> Result<(), Error> {
        self.set(owner, key, 0)
    }

    /// Removes a counter and its row. An increment after it makes the counter anew.
    ///
    /// A read that runs at the same time may still see a value from before.
    ///
    /// # Errors
    ///
    /// As [`increment`](Self::increment).
    pub fn delete<O: CounterOwner>(
        &self,
        owner: O,
        key: impl KeyOf<O::Model>,
    ) -> Result<(), Error> {
        self.shared.replace(&id_of(&owner, &key)?, Replacement::Delete)
    }

    /// What the store holds of a counter: what the table does not have yet.
    ///
    /// # Errors
    ///
    /// If the store cannot be asked, or holds something else in the counter's place.
    pub fn pending<O: CounterOwner>(
        &self,
        owner: O,
        key: impl KeyOf<O::Model>,
    ) -> Result<Held, Error> {
        self.shared.pending(&id_of(&owner, &key)?)
    }

    /// The value of a counter as the last sync left it. Does not ask the store, so it answers while the
    /// store is away.
    ///
    /// # Errors
    ///
    /// If the database cannot be asked.
    pub fn baseline<O: CounterOwner>(
        &self,
        owner: O,
        key: impl KeyOf<O::Model>,
    ) -> Result<i64, Error> {
        self.shared.baseline(&id_of(&owner, &key)?)
    }

    /// A handle on one counter: the names are checked and put together once, for code that counts often.
    ///
    /// ```
    /// # use counter_diesel::{Counters, Error, Owner};
    /// # fn count(counters: &Counters) -> Result<(), Error> {
    /// let requests = counters.handle(Owner::global(), "requests")?;
    /// requests.increment(1)?; // nothing is left to check
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`counter_core::Error::Invalid`] if the owner or the key is invalid.
    pub fn handle<O: CounterOwner>(
        &self,
        owner: O,
        key: impl KeyOf<O::Model>,
    ) -> Result<CounterHandle, Error> {
        Ok(CounterHandle::new(self.clone(), id_of(&owner, &key)?))
    }

    /// Reads through a connection that the caller holds, instead of one from the pool.
    ///
    /// A transaction that is open on it must see the latest commits: a snapshot from before, such as
    /// MySQL's REPEATABLE READ makes with the first query, can miss what a sync just moved.
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")]
    /// # fn show(
    /// #     counters: &counter_diesel::Counters,
    /// #     conn: &mut diesel::SqliteConnection,
    /// # ) -> Result<(), counter_diesel::Error> {
    /// let post = counter_diesel::Owner::new("post", 42)?;
    /// let views = counters.on(conn).get(&post, "views")?;
    /// # let _ = views;
    /// # Ok(()) }
    /// ```
    pub fn on<'a, L: LendConnection>(&'a self, conn: &'a mut L) -> On<'a, L::Connection> {
        On::new(self, conn.lend_connection())
    }

    /// Moves everything that is pending into the table, once, and returns what was done and found.
    ///
    /// Blocks; an application usually leaves this to [`spawn_sync`](Self::spawn_sync). Any number of
    /// syncs may run at once, in any number of processes.
    ///
    /// ```
    /// # use counter_diesel::{Counters, Error, SyncOptions};
    /// # fn sync(counters: &Counters) -> Result<(), Error> {
    /// let report = counters.sync(&SyncOptions::default())?;
    /// if !report.is_clean() {
    ///     eprintln!("somebody should look: {report}");
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// Only if nothing could be done at all. What ended a sync later is in its report.
    pub fn sync(&self, options: &SyncOptions) -> Result<SyncReport, Error> {
        self.shared.sync(options, Observer::none())
    }

    /// The same with an observer, who is told what happens while it happens, and can end the sync: after
    /// [`ControlFlow::Break`] what is claimed already is applied, three batches at most, and nothing more is begun. What was not moved by
    /// then stays in the store, and the report says `interrupted`.
    ///
    /// The observer is called in this thread, never while rows are locked, so it may take its time: it
    /// delays this sync and nobody else.
    ///
    /// ```
    /// # use std::ops::ControlFlow;
    /// # use counter_diesel::{Counters, Error, SyncEvent, SyncOptions};
    /// # fn observe(counters: &Counters) -> Result<(), Error> {
    /// let report = counters.sync_observed(&SyncOptions::default(), &mut |event| {
    ///     if let SyncEvent::Applied { claim, .. } = event {
    ///         println!("{}: {}", claim.id, claim.op); // post:42:views: add:5
    ///     }
    ///     ControlFlow::Continue(())
    /// })?;
    /// # assert!(report.is_clean());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`sync`](Self::sync).
    pub fn sync_observed(
        &self,
        options: &SyncOptions,
        observer: &mut dyn FnMut(SyncEvent<'_>) -> ControlFlow<()>,
    ) -> Result<SyncReport, Error> {
        self.shared.sync(options, Observer::new(observer))
    }

    /// What the store holds and the table may have counted already, because the store came back from an old
    /// copy. Looks at everything that the store holds and changes nothing.
    ///
    /// ```
    /// # use counter_diesel::{Counters, Error, OnConflict, SyncOptions};
    /// # fn decide(counters: &Counters) -> Result<(), Error> {
    /// let conflicts = counters.conflicts()?;
    /// for counter in &conflicts.counters {
    ///     println!("{}: {} pending, {} in the table", counter.id, counter.held.pending, counter.row.count);
    /// }
    /// // A person has looked, and knows that nothing of it was synced before.
    /// let report = counters.sync(&SyncOptions::default().on_conflict(OnConflict::Apply))?;
    /// # let _ = report;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// If the store or the database cannot be asked.
    pub fn conflicts(&self) -> Result<Conflicts, Error> {
        conflicts::find(&self.shared)
    }
}

impl fmt::Debug for Counters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Counters").field("config", &self.shared.config).finish_non_exhaustive()
    }
}

pub(crate) fn id_of<O: CounterOwner>(
    owner: &O,
    key: &impl KeyOf<O::Model>,
) -> Result<CounterId, Error> {
    let owner = owner.owner()?;
    Ok(CounterId::of(&owner, &key.counter_key()?))
}

/// What is to be added where `by` is to be subtracted.
pub(crate) fn negated(id: &CounterId, by: i64) -> Result<i64, Error> {
    by.checked_neg().ok_or_else(|| {
        let (operation, counter) = (Operation::Increment, id.clone());
        counter_core::Error::NotCounted { operation, counter, source: Overflow.into() }.into()
    })
}

impl Shared {
    fn sync<'a>(
        &'a self,
        options: &SyncOptions,
        observer: Observer<'a>,
    ) -> Result<SyncReport, Error> {
        telemetry::watch_pass(self, options, || pass::run(self, options, observer))
    }

    pub(crate) fn increment(&self, id: &CounterId, by: i64) -> Result<(), Error> {
        Ok(self.store.increment(id, by)?)
    }

    pub(crate) fn decrement(&self, id: &CounterId, by: i64) -> Result<(), Error> {
        self.increment(id, negated(id, by)?)
    }

    fn increment_many(&self, increments: &[(CounterId, i64)]) -> Result<(), Error> {
        let outcomes = self.store.increment_many(increments);
        if outcomes.iter().all(Result::is_ok) {
            Ok(())
        } else {
            Err(Error::Increments { outcomes })
        }
    }

    pub(crate) fn get(&self, id: &CounterId) -> Result<i64, Error> {
        let values = self.get_many(std::slice::from_ref(id))?;
        Ok(values.first().copied().unwrap_or_default())
    }

    pub(crate) fn get_many(&self, ids: &[CounterId]) -> Result<Vec<i64>, Error> {
        read::values(&*self.store, ids, |ids| self.ledger.baselines(ids))
    }

    pub(crate) fn pending(&self, id: &CounterId) -> Result<Held, Error> {
        let look = self.store.look(std::slice::from_ref(id))?;
        let held = look.held.into_iter().next().unwrap_or_else(|| Ok(Held::default()));
        Ok(held.map_err(counter_core::Error::from)?)
    }

    pub(crate) fn baseline(&self, id: &CounterId) -> Result<i64, Error> {
        let rows = self.ledger.baselines(std::slice::from_ref(id))?;
        Ok(rows.first().map_or(0, |row: &Baseline| row.count))
    }

    /// The store decides. The table is tried once, for somebody is waiting; a later pass can finish.
    pub(crate) fn replace(&self, id: &CounterId, replacement: Replacement) -> Result<(), Error> {
        let claim = self.store.replace(id, replacement)?;
        let unsettled = Unsettled::none(self);
        unsettled.take(&claim, Fate::Unapplied);
        let mut report = SyncReport::default();
        let prefix = &self.config.prefix;
        if let Err(error) = apply_once(&unsettled, claim, &mut report) {
            tracing::warn!(target: SET, %prefix, counter = %id, ?error, "a set is left to the next sync");
        } else if !report.is_clean() {
            tracing::warn!(
                target: SET, %prefix, counter = %id, %report,
                "a set met something that somebody should look at"
            );
        }
        Ok(())
    }

    /// A panic while this is locked leaves claims that are settled twice, which is a no-op.
    pub(crate) fn remembered(&self) -> MutexGuard<'_, UnsettledClaims> {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
