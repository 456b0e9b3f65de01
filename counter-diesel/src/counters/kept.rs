//! Since when buckets are kept.

use chrono::{NaiveDate, NaiveTime};
use counter_core::{CounterKey, Grain, OwnerType};

use super::counters::Counters;
use crate::error::Error;
use crate::ledger::kept::{Kept, KeptChange};

impl Counters {
    /// Returns since when the buckets of each key are kept, by type, key and grain.
    ///
    /// A key is listed once a bucket of it was synced. Before the migration of the table the list
    /// is empty.
    ///
    /// # Errors
    ///
    /// If the database cannot be asked.
    pub fn kept(&self) -> Result<Vec<Kept>, Error> {
        Ok(self.engine().ledger().kept(None)?.unwrap_or_default())
    }

    /// Corrects since when the buckets of a key are kept: from this date on, or always. Reads of
    /// earlier periods fail with [`Error::NotKept`].
    ///
    /// A sync finds this out by itself when a grain is declared for a key: if the key has a total
    /// that is older than an hour, its buckets are kept from the next period on. Correct it if
    /// processes without the declaration went on counting, or if you filled in earlier periods.
    /// Other processes notice it within a minute.
    ///
    /// ```
    /// # use chrono::NaiveDate;
    /// # use counter_diesel::{Counters, CounterKey, Error};
    /// # use counter_diesel::query::{Grain, OwnerType};
    /// # fn correct(counters: &Counters) -> Result<(), Error> {
    /// let (post, views) = (OwnerType::new("post")?, CounterKey::new("views")?);
    /// counters.set_kept(&post, &views, Grain::Day, NaiveDate::from_ymd_opt(2026, 12, 1))?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::NotMigrated`] if the table is missing, and if the database cannot be asked.
    pub fn set_kept(
        &self,
        owner_type: &OwnerType,
        key: &CounterKey,
        grain: Grain,
        since: Option<NaiveDate>,
    ) -> Result<(), Error> {
        let ledger = self.engine().ledger();
        let since = since.map(|date| date.and_time(NaiveTime::MIN));
        let (owner_type, key) = (owner_type.clone(), key.clone());
        let kept = Kept::counted(owner_type, key, grain, since);
        ledger.write_kept(&kept, KeptChange::Always)?;
        self.engine().known_kept().forget();
        Ok(())
    }
}
