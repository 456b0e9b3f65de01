use chrono::NaiveDateTime;
use counter_core::{Invalid, Owner, Period};
use diesel::dsl::{And, Eq, Filter};
use diesel::prelude::*;

use crate::ledger::dialect::owner::OwnerColumns;
use crate::ledger::dialect::period::read_period;
use crate::rows::schema::model_counters_periods;

/// One row of the table `model_counters_periods`: what a counter counted in one period, as the last
/// sync left it.
///
/// ```
/// use counter_diesel::Owner;
/// use counter_diesel::schema::{PeriodCount, model_counters_periods as periods};
/// use diesel::prelude::*;
///
/// # #[cfg(feature = "sqlite")]
/// fn days(
///     owner: &Owner,
///     conn: &mut SqliteConnection,
/// ) -> Result<Vec<PeriodCount>, Box<dyn std::error::Error>> {
///     let days = PeriodCount::of(owner)?.filter(periods::grain.eq("day"));
///     Ok(days.order((periods::key, periods::starts_at)).load(conn)?)
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Identifiable)]
#[diesel(table_name = model_counters_periods)]
#[diesel(primary_key(owner_type, owner_id, owner_key, key, grain, starts_at))]
#[non_exhaustive]
pub struct PeriodCount {
    /// The kind of model.
    pub owner_type: String,
    /// Which instance of it, where its id is an integer, and 0 where it is a text. See
    /// [`owner`](Self::owner).
    pub owner_id: i64,
    /// Which instance of it, where its id is a text, and empty where it is an integer.
    pub owner_key: String,
    /// The counter's name.
    pub key: String,
    /// How long the period is: `hour`, `day`, `week`, `month`, `quarter` or `year`. See
    /// [`period`](Self::period).
    pub grain: String,
    /// The first instant of the period by the calendar, without a zone.
    ///
    /// On MySQL and MariaDB compare it with dates from 1970 to 2037 only: Diesel sends others as
    /// NULL, with which nothing is equal, and which nothing is before or after.
    pub starts_at: NaiveDateTime,
    /// The count, without what the store still holds. May be negative.
    pub count: i64,
    /// The sequence of the last claim that was applied.
    pub claim_seq: i64,
    /// When the row was last written, UTC.
    pub updated_at: NaiveDateTime,
}

/// A query for rows of one owner: see [`PeriodCount::of`].
pub type PeriodsOfOwner = Filter<model_counters_periods::table, IsOfOwner>;

type IsOfOwner = And<
    And<Eq<model_counters_periods::owner_type, String>, Eq<model_counters_periods::owner_id, i64>>,
    Eq<model_counters_periods::owner_key, String>,
>;

impl PeriodCount {
    /// Returns the rows of one owner as the last sync left them, as a query that can be extended.
    ///
    /// # Errors
    ///
    /// [`Invalid`] if the table cannot hold the id of the owner.
    pub fn of(owner: &Owner) -> Result<PeriodsOfOwner, Invalid> {
        use model_counters_periods::{owner_id, owner_key, owner_type, table};

        let columns = OwnerColumns::of(owner.id())?;
        let is_of_type = owner_type.eq(owner.owner_type().as_str().to_owned());
        let is_of_owner = is_of_type.and(owner_id.eq(columns.id));
        Ok(table.filter(is_of_owner.and(owner_key.eq(columns.key.to_owned()))))
    }

    /// Returns the owner of the counter.
    ///
    /// # Errors
    ///
    /// [`Invalid`] if no sync has written the row: its type is empty, or it has an `owner_id` other
    /// than 0 beside an `owner_key`.
    pub fn owner(&self) -> Result<Owner, Invalid> {
        let columns = OwnerColumns { id: self.owner_id, key: &self.owner_key };
        Owner::new(self.owner_type.clone(), columns.owner_id()?)
    }

    /// Returns the period.
    ///
    /// # Errors
    ///
    /// [`Invalid`] if no sync has written the row: it has another word as its grain, or none of
    /// its periods begins at [`starts_at`](Self::starts_at).
    pub fn period(&self) -> Result<Period, Invalid> {
        read_period(&self.grain, self.starts_at)
    }
}
