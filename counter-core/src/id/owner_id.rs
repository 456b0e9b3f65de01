use std::fmt;
use std::str::FromStr;

use super::text::canonical_i64;
use crate::invalid::{InputKind, Invalid};

/// Which instance of a model owns a counter.
///
/// Opaque: made from a key by [`ToOwnerId`] or from its text, and given back as text. Only a database
/// layer asks what is inside ([`as_i64`](Self::as_i64)), because only a column has a type.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OwnerId(i64);

impl OwnerId {
    /// The id of the owner of counters that belong to no model.
    pub(crate) const ZERO: Self = Self(0);

    /// The id as an integer, for a column that holds integers; `None` if it is none.
    pub const fn as_i64(&self) -> Option<i64> {
        Some(self.0)
    }

    /// Appends what `Display` writes.
    pub(crate) fn push_onto(&self, text: &mut String) {
        text.push_str(itoa::Buffer::new().format(self.0));
    }
}

impl fmt::Display for OwnerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Reads what `Display` writes and nothing else, so that one id has one text: `07` is refused.
impl FromStr for OwnerId {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        canonical_i64(text).map(Self).ok_or_else(|| {
            Invalid::malformed(InputKind::OwnerId, text, "expected a 64-bit integer such as 123")
        })
    }
}

/// A primary key, or a newtype around one, that can be the id of a counter's owner.
///
/// ```
/// # use counter_core::{Invalid, Owner, OwnerId, ToOwnerId};
/// struct PostId(i64);
///
/// impl ToOwnerId for PostId {
///     fn to_owner_id(&self) -> Result<OwnerId, Invalid> {
///         self.0.to_owner_id()
///     }
/// }
///
/// assert_eq!(Owner::new("post", PostId(42))?, Owner::new("post", 42)?);
/// # Ok::<(), Invalid>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the id of a counter's owner",
    label = "not an owner id",
    note = "i16, i32, i64 and u32 can; so can a type of your own, such as a newtype, with `impl ToOwnerId`"
)]
pub trait ToOwnerId {
    /// The id of this key.
    ///
    /// # Errors
    ///
    /// [`Invalid`] if this key has no owner id, such as a number above `i64::MAX`. The integers of this
    /// crate never fail.
    fn to_owner_id(&self) -> Result<OwnerId, Invalid>;
}

impl ToOwnerId for i64 {
    fn to_owner_id(&self) -> Result<OwnerId, Invalid> {
        Ok(OwnerId(*self))
    }
}

impl ToOwnerId for i32 {
    fn to_owner_id(&self) -> Result<OwnerId, Invalid> {
        Ok(OwnerId(i64::from(*self)))
    }
}

impl ToOwnerId for i16 {
    fn to_owner_id(&self) -> Result<OwnerId, Invalid> {
        Ok(OwnerId(i64::from(*self)))
    }
}

impl ToOwnerId for u32 {
    fn to_owner_id(&self) -> Result<OwnerId, Invalid> {
        Ok(OwnerId(i64::from(*self)))
    }
}

impl ToOwnerId for OwnerId {
    fn to_owner_id(&self) -> Result<OwnerId, Invalid> {
        Ok(self.clone())
    }
}

impl<T: ToOwnerId + ?Sized> ToOwnerId for &T {
    fn to_owner_id(&self) -> Result<OwnerId, Invalid> {
        T::to_owner_id(self)
    }
}
