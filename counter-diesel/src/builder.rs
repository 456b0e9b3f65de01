use std::num::NonZeroUsize;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use counter_core::{Config, DeltaStore, Invalid, MemoryStore, StoreKind, TableName};
use diesel::r2d2::{ConnectionManager, Pool};

use crate::connection::CounterConnection;
use crate::counters::Counters;
use crate::error::Error;
use crate::ledger::Ledger;
use crate::pool_ledger::PoolLedger;

/// Puts [`Counters`] together. Whatever is wrong with what it is given, [`build`](Self::build) says it.
#[must_use = "nothing happens before `build`"]
pub struct CountersBuilder {
    make_ledger: Box<MakeLedger>,
    store: Option<Arc<dyn DeltaStore>>,
    config: Config,
    first_problem: Option<Invalid>,
}

/// The pool's ledger, once the table's name is known.
type MakeLedger = dyn FnOnce(TableName) -> Result<Arc<dyn Ledger>, Error>;

impl CountersBuilder {
    pub(crate) fn new<C: CounterConnection>(pool: Pool<ConnectionManager<C>>) -> Self {
        Self {
            make_ledger: Box::new(|table| Ok(Arc::new(PoolLedger::new(pool, table)?))),
            store: None,
            config: Config::default(),
            first_problem: None,
        }
    }

    /// Increments wait in the memory of this process, and are gone with it. For tests, and for
    /// applications of one process that stop their worker before they end.
    pub fn memory(mut self) -> Self {
        self.config.store = StoreKind::Memory;
        self
    }

    /// Increments wait in this store.
    pub fn store(mut self, store: impl DeltaStore) -> Self {
        self.store = Some(Arc::new(store));
        self
    }

    /// All of the configuration at once, such as [`Config::from_env`]. Replaces what was set before.
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// What all names in the store start with. Default: `counter:`.
    pub fn prefix(mut self, prefix: &str) -> Self {
        self.config.prefix = self.parse(prefix);
        self
    }

    /// The counters' table, also as `schema.table`. Default: `model_counters`.
    pub fn table_name(mut self, table_name: &str) -> Self {
        self.config.table_name = self.parse(table_name);
        self
    }

    /// How many counters a sync moves in one transaction. Default: 1000.
    pub fn sync_batch_size(mut self, counters: NonZeroUsize) -> Self {
        self.config.sync_batch_size = counters;
        self
    }

    /// The age at which a claim is taken to be left behind by a sync that died. Default: 30 seconds.
    pub fn claim_timeout(mut self, age: Duration) -> Self {
        self.config.claim_timeout = age;
        self
    }

    /// The counters.
    ///
    /// # Errors
    ///
    /// [`counter_core::Error::Invalid`] for the first value that was refused; [`Error::Build`] if the pool
    /// does not suit or no store was chosen; [`Error::Unreachable`] if the pool had to be asked and
    /// gives no connection.
    pub fn build(self) -> Result<Counters, Error> {
        if let Some(problem) = self.first_problem {
            return Err(problem.into());
        }
        let store = match (self.store, self.config.store) {
            (Some(store), _) => store,
            (None, StoreKind::Memory) => Arc::new(MemoryStore::new()),
            (None, StoreKind::Redis) => {
                return Err(Error::Build("no store was chosen: call .memory() or .store(...)"));
            }
        };
        let ledger = (self.make_ledger)(self.config.table_name.clone())?;
        Ok(Counters::from_parts(self.config, store, ledger))
    }

    fn parse<T: FromStr<Err = Invalid> + Default>(&mut self, text: &str) -> T {
        text.parse().unwrap_or_else(|problem| {
            self.first_problem.get_or_insert(problem);
            T::default()
        })
    }
}
