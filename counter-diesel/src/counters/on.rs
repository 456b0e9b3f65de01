use std::collections::BTreeMap;

use counter_core::{Baseline, CounterId, Owner, OwnerType, PartSeq};
use diesel::result::QueryResult;

use crate::counters::counters::{Counters, id_of};
use crate::counters::has_counters::HasCounters;
use crate::counters::load::{ids_of, in_rows};
use crate::counters::top::{of_model, ranked};
use crate::engine::age::{Recorded, refuse_old_copy};
use crate::engine::engine::Engine;
use crate::engine::read::{self, Values};
use crate::error::{Error, LedgerStep};
use crate::ledger::dialect::connection::{CounterConnection, LendConnection};
use crate::ledger::parts;
use crate::ledger::pool::typed_keys;
use crate::ledger::state::LedgerState;
use crate::owner::counter_owner::CounterOwner;
use crate::owner::key_of::KeyOf;
use crate::owner::owner_of::OwnerOf;

/// Reads on a connection of the caller's: see [`Counters::on`].
#[must_use = "it does nothing until it is asked"]
pub struct CountersOn<'a, C> {
    engine: &'a Engine,
    conn: &'a mut C,
}

impl Counters {
    /// Reads through a connection that the caller holds, instead of one from the pool.
    ///
    /// A transaction that is open on it must see the latest commits: a snapshot from before, such
    /// as MySQL's REPEATABLE READ makes with the first query, can miss what a sync just moved.
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
    pub fn on<'a, L: LendConnection>(&'a self, conn: &'a mut L) -> CountersOn<'a, L::Connection> {
        CountersOn { engine: self.engine(), conn: conn.lend_connection() }
    }
}

impl<C: CounterConnection> CountersOn<'_, C> {
    /// The value of a counter.
    ///
    /// # Errors
    ///
    /// As [`Counters::get`].
    pub fn get<O: CounterOwner>(
        &mut self,
        owner: O,
        key: impl KeyOf<O::Model>,
    ) -> Result<i64, Error> {
        let values = self.values(&[id_of(&owner, &key)?])?;
        Ok(values.first().copied().unwrap_or_default())
    }

    /// The values of many counters, in the order asked.
    ///
    /// # Errors
    ///
    /// As [`Counters::get`].
    pub fn get_many<O, K>(
        &mut self,
        counters: impl IntoIterator<Item = (O, K)>,
    ) -> Result<Vec<i64>, Error>
    where
        O: CounterOwner,
        K: KeyOf<O::Model>,
    {
        let ids = counters.into_iter().map(|(owner, key)| id_of(&owner, &key));
        self.values(&ids.collect::<Result<Vec<_>, Error>>()?)
    }

    /// The values of some counters of each of many owners, as [`Counters::load`] gives them.
    ///
    /// # Errors
    ///
    /// As [`Counters::get`].
    pub fn load<O, K, const N: usize>(
        &mut self,
        owners: impl IntoIterator<Item = O>,
        keys: [K; N],
    ) -> Result<Vec<[i64; N]>, Error>
    where
        O: CounterOwner,
        K: KeyOf<O::Model>,
    {
        let owners = owners.into_iter().collect::<Vec<_>>();
        Ok(in_rows(owners.len(), &self.values(&ids_of(&owners, &keys)?)?))
    }

    /// The `n` instances of a model with the highest values of a counter, as [`Counters::top`]
    /// finds them.
    ///
    /// # Errors
    ///
    /// As [`Counters::get`].
    pub fn top<M: HasCounters>(
        &mut self,
        key: impl KeyOf<M>,
        n: usize,
    ) -> Result<Vec<(OwnerOf<M>, i64)>, Error> {
        Ok(of_model(self.top_of(&M::OWNER_TYPE, key.counter_key()?, n)?))
    }

    /// Like [`top`](Self::top), for owners whose type is only text, as [`Counters::top_of`] finds
    /// them.
    ///
    /// # Errors
    ///
    /// As [`Counters::get`].
    pub fn top_of(
        &mut self,
        owner_type: &OwnerType,
        key: impl KeyOf<Owner>,
        n: usize,
    ) -> Result<Vec<(Owner, i64)>, Error> {
        let key = key.counter_key()?;
        let limit = i64::try_from(n).unwrap_or(i64::MAX);
        let tables = self.engine.tables();
        let candidates = database_error(self.conn.top(&tables, owner_type, &key, None, limit))?;
        ranked(owner_type, candidates, &key, |ids| self.values(ids))
    }

    /// All counters of an owner, by key, as [`Counters::all`] finds them.
    ///
    /// # Errors
    ///
    /// As [`Counters::get`].
    pub fn all<O: CounterOwner>(&mut self, owner: O) -> Result<BTreeMap<String, i64>, Error> {
        let store = self.engine.store();
        let tables = self.engine.tables();
        let rows_of =
            |owner: &Owner| Ok(typed_keys(database_error(self.conn.rows_of(&tables, owner))?));
        let owner = owner.owner()?;
        let read = read::all(store, &owner, O::declared_keys(), rows_of)?;
        self.checked(read)
    }

    /// The value of a counter as the last sync left it.
    ///
    /// # Errors
    ///
    /// As [`Counters::baseline`].
    pub fn baseline<O: CounterOwner>(
        &mut self,
        owner: O,
        key: impl KeyOf<O::Model>,
    ) -> Result<i64, Error> {
        let rows = self.baselines(&[id_of(&owner, &key)?])?;
        Ok(rows.first().map_or(0, |row| row.count))
    }

    fn values(&mut self, ids: &[CounterId]) -> Result<Vec<i64>, Error> {
        let engine = self.engine;
        let read = read::values(engine.store(), ids, |ids| self.baselines(ids))?;
        self.checked(read)
    }

    fn checked<T>(&mut self, read: Values<T>) -> Result<T, Error> {
        if !read.beyond_store.is_empty() {
            let engine = self.engine;
            let recorded = OfConnection { conn: &mut *self.conn, engine };
            refuse_old_copy(engine.store(), &read.beyond_store, recorded)?;
        }
        Ok(read.values)
    }

    fn baselines(&mut self, ids: &[CounterId]) -> Result<Vec<Baseline>, Error> {
        let tables = self.engine.tables();
        let rows = database_error(self.conn.baselines(&tables, ids))?;
        Ok(rows.into_iter().map(Option::unwrap_or_default).collect())
    }
}

/// Reads what is recorded on the caller's connection.
struct OfConnection<'a, C> {
    conn: &'a mut C,
    engine: &'a Engine,
}

impl<C: CounterConnection> Recorded for OfConnection<'_, C> {
    fn state(&mut self) -> Result<LedgerState, Error> {
        let (tables, prefix) = (self.engine.tables(), self.engine.prefix().as_str());
        Ok(LedgerState::of_rows(database_error(self.conn.state(&tables, prefix))?))
    }

    fn parts(&mut self, store_id: &str) -> Result<Vec<PartSeq>, Error> {
        let (tables, prefix) = (self.engine.tables(), self.engine.prefix().as_str());
        database_error(parts::all(self.conn, &tables, prefix, store_id))
    }
}

/// Nothing more is asked on the caller's connection: a failed transaction may be open on it.
fn database_error<T>(result: QueryResult<T>) -> Result<T, Error> {
    result.map_err(|source| Error::Database { step: LedgerStep::Read, source })
}
