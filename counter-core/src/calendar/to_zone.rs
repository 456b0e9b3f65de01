use std::borrow::Cow;

use chrono::{FixedOffset, Utc};

use super::zone::Zone;
use crate::invalid::Invalid;

/// A field of a model that says in which zone its counters are counted, such as a column
/// `time_zone`.
///
/// A text can be one, as [`Zone`] reads it. So can `Zone` itself, chrono's `FixedOffset`, with the
/// feature `chrono-tz` also `chrono_tz::Tz`, and an `Option` of any of these: `None` is an owner
/// that has no zone of its own.
///
/// ```
/// # use counter_core::{Invalid, ToZone, Zone};
/// /// Minutes east of UTC.
/// struct Minutes(i16);
///
/// impl ToZone for Minutes {
///     fn to_zone(&self) -> Result<Option<Zone>, Invalid> {
///         let (sign, minutes) = (if self.0 < 0 { '-' } else { '+' }, self.0.unsigned_abs());
///         format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60).to_zone()
///     }
/// }
///
/// assert_eq!(Minutes(330).to_zone()?, Some("+05:30".parse::<Zone>()?));
/// # Ok::<(), Invalid>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not name a time zone",
    label = "not a zone",
    note = "texts such as \"+05:30\", `Zone`, `chrono::FixedOffset` and, with the feature \
         `chrono-tz`, `chrono_tz::Tz` do; so does a type of your own with `impl ToZone`"
)]
pub trait ToZone {
    /// Returns the zone, or `None` where the value names none: then the configured zone applies.
    ///
    /// # Errors
    ///
    /// [`Invalid`] if this is a text that is no zone. It is never taken for UTC.
    fn to_zone(&self) -> Result<Option<Zone>, Invalid>;
}

impl ToZone for str {
    fn to_zone(&self) -> Result<Option<Zone>, Invalid> {
        self.parse().map(Some)
    }
}

impl ToZone for String {
    fn to_zone(&self) -> Result<Option<Zone>, Invalid> {
        self.as_str().to_zone()
    }
}

impl ToZone for Cow<'_, str> {
    fn to_zone(&self) -> Result<Option<Zone>, Invalid> {
        self.as_ref().to_zone()
    }
}

impl ToZone for Zone {
    fn to_zone(&self) -> Result<Option<Zone>, Invalid> {
        Ok(Some(*self))
    }
}

impl ToZone for Utc {
    fn to_zone(&self) -> Result<Option<Zone>, Invalid> {
        Ok(Some(Zone::UTC))
    }
}

impl ToZone for FixedOffset {
    fn to_zone(&self) -> Result<Option<Zone>, Invalid> {
        Ok(Some((*self).into()))
    }
}

#[cfg(feature = "chrono-tz")]
impl ToZone for chrono_tz::Tz {
    fn to_zone(&self) -> Result<Option<Zone>, Invalid> {
        Ok(Some((*self).into()))
    }
}

impl<T: ToZone> ToZone for Option<T> {
    fn to_zone(&self) -> Result<Option<Zone>, Invalid> {
        self.as_ref().map_or(Ok(None), T::to_zone)
    }
}

impl<T: ToZone + ?Sized> ToZone for &T {
    fn to_zone(&self) -> Result<Option<Zone>, Invalid> {
        T::to_zone(self)
    }
}
