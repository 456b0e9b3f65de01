use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use counter_core::{
    Baseline, Config, CounterId, CounterKey, DeltaStore, Foreign, Holding, Operation, Overflow,
    Owner, Prefix,
};

use super::age::{OfLedger, refuse_old_copy};
use super::known_kept::KnownKept;
use super::read::{self, ReadValue, Values};
use super::remembered::{Unanswered, UnsettledClaims};
use crate::error::{DatabaseMismatch, Error};
use crate::ledger::dialect::tables::Tables;
use crate::ledger::ledger::Ledger;

/// Maximum duration of a look during which a connection to the database is held.
const QUICK_LOOK: Duration = Duration::from_millis(3);

/// What a process knows of whether its database is the one that the store was synced into last.
#[derive(Debug, Clone, Default)]
pub(crate) enum KnownDatabase {
    /// It has not asked yet.
    #[default]
    Unknown,
    /// It was the right one then.
    Right(Instant),
    /// It is not.
    Other(DatabaseMismatch),
}

impl KnownDatabase {
    /// Returns that it has just been found to be the right one.
    pub(crate) fn right() -> Self {
        Self::Right(Instant::now())
    }

    /// Returns whether it was found to be the right one, not longer ago than this.
    pub(crate) fn is_right(&self, within: Duration) -> bool {
        matches!(self, Self::Right(at) if at.elapsed() <= within)
    }
}

/// Store and ledger joined, with the same verbs as the façade, by [`CounterId`].
pub(crate) struct Engine {
    config: Config,
    store: Arc<dyn DeltaStore>,
    ledger: Arc<dyn Ledger>,
    /// For reads on a connection of the caller's. A ledger has its own.
    tables: Tables,
    /// Claims of this process that no pass of it is working on, for the next one to finish first.
    /// They are in the store too, so that another process finishes them if this one dies.
    remembered: Mutex<UnsettledClaims>,
    /// Counters of which this process may have claims that it does not know.
    unanswered: Mutex<Unanswered>,
    /// The id of the store's data, as this process has found it last.
    store_id: Mutex<Option<Arc<str>>>,
    /// How many claims without a confirmation have been reported, of those that the store counts.
    reported_unconfirmed: AtomicU64,
    /// Whether the last look into the store took long.
    looks_slowly: AtomicBool,
    /// Whether the database is the one that the store was synced into last.
    database: Mutex<KnownDatabase>,
    /// The id of the store whose parts remembered all that is recorded, when they were asked last.
    sound_parts: Mutex<Option<Arc<str>>>,
    /// The id of the store whose parts have all been asked once, including those without records.
    asked_parts: Mutex<Option<Arc<str>>>,
    /// Since when buckets are kept, as this process has read it.
    kept: KnownKept,
    /// Parts of the store that were met and may have lost something.
    doubted_parts: Mutex<BTreeSet<u16>>,
}

impl Engine {
    pub(crate) fn new(config: Config, store: Arc<dyn DeltaStore>, ledger: Arc<dyn Ledger>) -> Self {
        let tables = Tables::new(&config.table_name);
        let (remembered, unanswered) = (Mutex::default(), Mutex::default());
        let (store_id, database) = (Mutex::default(), Mutex::default());
        let (reported_unconfirmed, sound_parts) = (AtomicU64::new(0), Mutex::default());
        let (asked_parts, doubted_parts) = (Mutex::default(), Mutex::default());
        Self {
            config,
            store,
            ledger,
            tables,
            remembered,
            unanswered,
            store_id,
            database,
            reported_unconfirmed,
            looks_slowly: AtomicBool::new(false),
            sound_parts,
            asked_parts,
            kept: KnownKept::default(),
            doubted_parts,
        }
    }

    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    pub(crate) fn prefix(&self) -> &Prefix {
        &self.config.prefix
    }

    pub(crate) fn store(&self) -> &dyn DeltaStore {
        &*self.store
    }

    pub(crate) fn ledger(&self) -> &dyn Ledger {
        &*self.ledger
    }

    /// The tables for statements on a caller's connection: in the schema that the ledger keeps to.
    pub(crate) fn tables(&self) -> Cow<'_, Tables> {
        match self.ledger.schema() {
            Some(schema) => Cow::Owned(self.tables.in_schema(&schema)),
            None => Cow::Borrowed(&self.tables),
        }
    }

    /// Since when buckets are kept, as this process has read it.
    pub(crate) fn known_kept(&self) -> &KnownKept {
        &self.kept
    }

    /// A panic while this is locked leaves claims that are settled twice, which is a no-op.
    pub(crate) fn remembered(&self) -> MutexGuard<'_, UnsettledClaims> {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A panic while this is locked leaves counters that are claimed once more or once less.
    pub(crate) fn unanswered(&self) -> MutexGuard<'_, Unanswered> {
        self.unanswered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the id of the store's data, as this process has found it last.
    pub(crate) fn store_id(&self) -> Option<Arc<str>> {
        self.store_id.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes the id of the store's data.
    pub(crate) fn note_store(&self, store_id: Arc<str>) {
        *self.store_id.lock().unwrap_or_else(PoisonError::into_inner) = Some(store_id);
    }

    /// Returns whether the parts of the store with this id have to be asked what they remember.
    pub(crate) fn must_ask_parts(&self, store_id: &str) -> bool {
        let sound = self.sound_parts.lock().unwrap_or_else(PoisonError::into_inner);
        let doubted = self.doubted_parts.lock().unwrap_or_else(PoisonError::into_inner);
        sound.as_deref() != Some(store_id) || !doubted.is_empty()
    }

    /// Returns whether this process has asked all parts of the store with this id.
    pub(crate) fn has_asked_parts(&self, store_id: &str) -> bool {
        let asked = self.asked_parts.lock().unwrap_or_else(PoisonError::into_inner);
        asked.as_deref() == Some(store_id)
    }

    /// Notes that this process has asked all parts of the store with this id.
    pub(crate) fn note_asked_parts(&self, store_id: &str) {
        let mut asked = self.asked_parts.lock().unwrap_or_else(PoisonError::into_inner);
        *asked = Some(store_id.into());
    }

    /// Notes that all parts of the store with this id remember what is recorded of them.
    pub(crate) fn note_sound_parts(&self, store_id: &str) {
        let mut sound = self.sound_parts.lock().unwrap_or_else(PoisonError::into_inner);
        *sound = Some(store_id.into());
    }

    /// Has the next sync ask the parts of the store what they remember, these among them.
    pub(crate) fn doubt_parts(&self, parts: impl IntoIterator<Item = u16>) {
        *self.sound_parts.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.doubted_parts.lock().unwrap_or_else(PoisonError::into_inner).extend(parts);
    }

    /// Returns the parts that must be asked, whatever is recorded of them, and doubts them no more.
    pub(crate) fn take_doubted_parts(&self) -> BTreeSet<u16> {
        std::mem::take(&mut *self.doubted_parts.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns how many of the claims without a confirmation no report has counted yet, and takes
    /// them for reported: of several syncs at the same time, one counts each.
    pub(crate) fn take_unconfirmed(&self, counted: u64) -> u64 {
        counted.saturating_sub(self.reported_unconfirmed.fetch_max(counted, Ordering::Relaxed))
    }

    /// Returns what this process has found last about the database.
    pub(crate) fn known_database(&self) -> KnownDatabase {
        self.database.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes what this process has found about the database.
    pub(crate) fn note_database(&self, known: KnownDatabase) {
        *self.database.lock().unwrap_or_else(PoisonError::into_inner) = known;
    }

    /// Notes that the database is another one, if an error says so.
    pub(crate) fn note_if_other(&self, error: &Error) {
        if let Error::OtherDatabase(mismatch) = error {
            self.note_database(KnownDatabase::Other(mismatch.clone()));
        }
    }

    pub(crate) fn increment(&self, id: &CounterId, by: i64) -> Result<(), Error> {
        Ok(self.store.increment(id, by)?)
    }

    pub(crate) fn increment_many(&self, increments: &[(CounterId, i64)]) -> Result<(), Error> {
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

    pub(crate) fn get_many(&self, ids: impl Into<Arc<[CounterId]>>) -> Result<Vec<i64>, Error> {
        let ids = ids.into();
        self.checked(read::values(self.store(), &ids, self.baselines_of(&ids))?)
    }

    /// Returns a reader of the rows of these counters. While the caller looks into the store, it
    /// gets a connection for the first read, unless the last look took too long to hold one
    /// meanwhile.
    fn baselines_of(
        &self,
        ids: &Arc<[CounterId]>,
    ) -> impl FnMut(&[CounterId]) -> Result<Vec<Baseline>, Error> {
        let is_worth_it = !ids.is_empty()
            && self.store.private().is_none()
            && !self.looks_slowly.load(Ordering::Relaxed);
        let prepared = is_worth_it.then(|| self.ledger.prepare_read()).flatten();
        let mut prepared = prepared.map(|prepared| (prepared, Arc::clone(ids)));
        let mut begun = Some(Instant::now());
        move |ids| {
            if let Some(begun) = begun.take() {
                self.looks_slowly.store(begun.elapsed() > QUICK_LOOK, Ordering::Relaxed);
            }
            match prepared.take() {
                Some((prepared, ids)) => prepared.baselines(ids),
                None => self.ledger.baselines(ids),
            }
        }
    }

    /// Reads each of these counters, with what the store was seen to hold of it.
    pub(crate) fn read_each(
        &self,
        ids: &[CounterId],
    ) -> Result<Vec<Result<ReadValue, Error>>, Error> {
        let read = read::each_value(self.store(), ids, self.baselines_of(&Arc::from(ids)))?;
        self.checked(read)
    }

    /// The counters of an owner, by key: those declared, those in the table, and those that the
    /// store can name.
    pub(crate) fn all(
        &self,
        owner: &Owner,
        declared: &[CounterKey],
    ) -> Result<BTreeMap<String, i64>, Error> {
        self.checked(read::all(self.store(), owner, declared, |owner| self.ledger.rows_of(owner))?)
    }

    fn checked<T>(&self, read: Values<T>) -> Result<T, Error> {
        if !read.beyond_store.is_empty() {
            let recorded = OfLedger { ledger: &*self.ledger, prefix: self.prefix() };
            refuse_old_copy(self.store(), &read.beyond_store, recorded)?;
        }
        Ok(read.values)
    }

    pub(crate) fn pending(&self, id: &CounterId) -> Result<Holding, Error> {
        let look = self.store.look(std::slice::from_ref(id))?;
        let held = look.held.into_iter().next().unwrap_or_else(|| Ok(Holding::default()));
        Ok(held.map_err(counter_core::Error::from)?)
    }

    /// Returns what the store holds of each counter. For no counters it asks nothing, unlike a
    /// look, which would return the newest sequence, and in a cluster ask 16,384 slots for it.
    pub(crate) fn held(&self, ids: &[CounterId]) -> Result<Vec<Result<Holding, Foreign>>, Error> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        Ok(self.store.look(ids)?.held)
    }

    pub(crate) fn baseline(&self, id: &CounterId) -> Result<i64, Error> {
        let rows = self.ledger.baselines(std::slice::from_ref(id))?;
        Ok(rows.first().map_or(0, |row| row.count))
    }
}

/// Returns what to add in order to subtract `by`.
pub(crate) fn negated(id: &CounterId, by: i64) -> Result<i64, Error> {
    by.checked_neg().ok_or_else(|| {
        let (operation, counter) = (Operation::Increment, id.clone());
        counter_core::Error::NotCounted { operation, counter, source: Overflow.into() }.into()
    })
}
