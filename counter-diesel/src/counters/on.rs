use std::collections::BTreeMap;

use counter_core::{Baseline, CounterId, Owner, OwnerType};
use diesel::result::QueryResult;

use crate::counters::counters::{Counters, id_of};
use crate::counters::has_counters::HasCounters;
use crate::counters::pages::{ids_of, in_rows, of_model, ranked};
use crate::engine::read;
use crate::error::{Error, LedgerStep};
use crate::ledger::dialect::dialect::CounterConnection;
use crate::ledger::pool::{with_ids, with_keys};
use crate::owner::counter_owner::{CounterOwner, OwnerOf};
use crate::owner::key_of::KeyOf;

/// Reads on a connection of the caller's: see [`Counters::on`].
#[must_use = "it does nothing until it is asked"]
pub struct On<'a, C> {
    counters: &'a Counters,
    conn: &'a mut C,
}

impl<'a, C: CounterConnection> On<'a, C> {
    pub(crate) fn new(counters: &'a Counters, conn: &'a mut C) -> Self {
        Self { counters, conn }
    }

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

    /// The `n` instances of a model with the highest values of a counter, as [`Counters::top`] finds them.
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

    /// The same of owners whose type is only text, as [`Counters::top_of`] finds them.
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
        let table = &self.counters.shared.config.table_name;
        let candidates = refused(self.conn.top(table, owner_type, &key, limit))?;
        ranked(owner_type, with_ids(candidates), &key, |ids| self.values(ids))
    }

    /// All counters of an owner, by key, as [`Counters::all`] finds them.
    ///
    /// # Errors
    ///
    /// As [`Counters::get`].
    pub fn all<O: CounterOwner>(&mut self, owner: O) -> Result<BTreeMap<String, i64>, Error> {
        let store = &*self.counters.shared.store;
        let table = &self.counters.shared.config.table_name;
        let rows_of = |owner: &Owner| Ok(with_keys(refused(self.conn.rows_of(table, owner))?));
        let owner = owner.owner()?;
        read::all(store, &owner, O::declared_keys(), rows_of)
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
        let counters = self.counters;
        read::values(&*counters.shared.store, ids, |ids| self.baselines(ids))
    }

    fn baselines(&mut self, ids: &[CounterId]) -> Result<Vec<Baseline>, Error> {
        let table = &self.counters.shared.config.table_name;
        let rows = refused(self.conn.baselines(table, ids))?;
        Ok(rows.into_iter().map(Option::unwrap_or_default).collect())
    }
}

/// Nothing more is asked on the caller's connection: a failed transaction may be open on it.
fn refused<T>(result: QueryResult<T>) -> Result<T, Error> {
    result.map_err(|source| Error::Database { step: LedgerStep::Read, source })
}
