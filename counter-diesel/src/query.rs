//! Counters as Diesel expressions, and the types that name owners, keys, periods and zones.

pub(crate) mod adds_periods;
pub(crate) mod counter_in;
pub(crate) mod counter_value;
pub(crate) mod owner_column;
pub(crate) mod owner_id_type;

pub use counter_core::{Grain, OwnerText, OwnerType, Period, Span, Step, ToZone, Zone};

pub use self::adds_periods::AddsPeriods;
pub use self::counter_in::{CounterIn, CounterInOf};
pub use self::counter_value::{CounterValue, CounterValueOf};
pub use self::owner_column::{HasOneRowOf, HasOwnerColumn, NamedColumn, PrimaryKeyColumn};
pub use self::owner_id_type::{ComparedIn, HasUuidBytes, OwnerIdSqlType, OwnerIdSqlTypeOf};
pub use crate::owner::gauge_of::GaugeOf;
pub use crate::owner::key_of::KeyOf;
pub use crate::owner::owner_of::OwnerOf;
pub use crate::owner::owner_zone::OwnerZone;
