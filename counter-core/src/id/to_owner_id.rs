use std::borrow::Cow;

use super::owner_id::{OwnerId, OwnerText};
use crate::invalid::{InputKind, Invalid};

/// A primary key, or a newtype around one, that can be the id of a counter's owner.
///
/// Integers of every width up to 64 bits can, and texts of up to 255 characters. With the feature
/// `uuid` so can a `uuid::Uuid`, whose id is its lowercase text with hyphens.
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
///
/// A key of several columns is a text in which they cannot be confused:
///
/// ```
/// # use counter_core::{Invalid, Owner, OwnerId, ToOwnerId};
/// struct Seat {
///     flight: i64,
///     row: i32,
/// }
///
/// impl ToOwnerId for Seat {
///     fn to_owner_id(&self) -> Result<OwnerId, Invalid> {
///         format!("{}/{}", self.flight, self.row).to_owner_id()
///     }
/// }
///
/// assert_eq!(Owner::new("seat", Seat { flight: 714, row: 12 })?.to_string(), "seat:714/12");
/// # Ok::<(), Invalid>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the id of a counter's owner",
    label = "not an owner id",
    note = "integers of up to 64 bits and texts can, and `uuid::Uuid` with the feature `uuid` of \
         counter-diesel; so can a type of your own, such as a newtype, with `impl ToOwnerId`"
)]
pub trait ToOwnerId {
    /// The id of this key.
    ///
    /// # Errors
    ///
    /// [`Invalid`] if this key has no owner id: a number above `i64::MAX`; a text that is empty,
    /// longer than [`OwnerText::MAX_CHARS`] or contains NUL.
    fn to_owner_id(&self) -> Result<OwnerId, Invalid>;
}

macro_rules! integers_that_fit {
    ($($integer:ty),*) => {$(
        impl ToOwnerId for $integer {
            fn to_owner_id(&self) -> Result<OwnerId, Invalid> {
                Ok(OwnerId::Integer(i64::from(*self)))
            }
        }
    )*};
}

integers_that_fit!(i64, i32, i16, i8, u32, u16, u8);

/// A number above `i64::MAX` is refused, because the table's column does not hold it.
impl ToOwnerId for u64 {
    fn to_owner_id(&self) -> Result<OwnerId, Invalid> {
        i64::try_from(*self).map(OwnerId::Integer).map_err(|_| Invalid::Malformed {
            kind: InputKind::OwnerId,
            text: self.to_string(),
            why: "it is above 9223372036854775807, the greatest that the table holds",
        })
    }
}

impl ToOwnerId for str {
    fn to_owner_id(&self) -> Result<OwnerId, Invalid> {
        OwnerText::new(self).map(OwnerId::Text)
    }
}

impl ToOwnerId for String {
    fn to_owner_id(&self) -> Result<OwnerId, Invalid> {
        self.as_str().to_owner_id()
    }
}

impl<T: ToOwnerId + ToOwned + ?Sized> ToOwnerId for Cow<'_, T> {
    fn to_owner_id(&self) -> Result<OwnerId, Invalid> {
        T::to_owner_id(self)
    }
}

impl ToOwnerId for OwnerText {
    fn to_owner_id(&self) -> Result<OwnerId, Invalid> {
        Ok(OwnerId::Text(self.clone()))
    }
}

/// The lowercase text with hyphens: `6fa459ea-ee8a-3ca4-894e-db77e160355e`.
#[cfg(feature = "uuid")]
impl ToOwnerId for uuid::Uuid {
    fn to_owner_id(&self) -> Result<OwnerId, Invalid> {
        self.hyphenated().encode_lower(&mut uuid::Uuid::encode_buffer()).to_owner_id()
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

#[cfg(test)]
mod tests {
    use super::*;

    fn integer(id: impl ToOwnerId) -> Option<i64> {
        id.to_owner_id().unwrap().as_i64()
    }

    #[test]
    fn integers_of_every_width_are_the_same_owner() {
        assert_eq!([integer(7_i8), integer(7_i16), integer(7_i32), integer(7_i64)], [Some(7); 4]);
        assert_eq!([integer(7_u8), integer(7_u16), integer(7_u32), integer(7_u64)], [Some(7); 4]);
        assert_eq!((integer(i8::MIN), integer(u32::MAX)), (Some(-128), Some(4_294_967_295)));
    }

    #[test]
    fn a_number_above_that_of_the_column_is_refused_by_its_value() {
        let greatest = u64::try_from(i64::MAX).unwrap();
        assert_eq!(integer(greatest), Some(i64::MAX));
        for above in [greatest + 1, u64::MAX] {
            let refused = above.to_owner_id().unwrap_err().to_string();
            assert!(refused.contains(&above.to_string()), "{refused}");
        }
    }

    #[test]
    fn texts_are_the_same_owner_however_they_are_held() {
        let id = "a:b".to_owner_id().unwrap();
        assert_eq!(id.as_text(), Some("a:b"));
        assert_eq!("a:b".to_owned().to_owner_id(), Ok(id.clone()));
        assert_eq!(Cow::Borrowed("a:b").to_owner_id(), Ok(id.clone()));
        assert_eq!(Cow::<str>::Owned("a:b".to_owned()).to_owner_id(), Ok(id.clone()));
        assert_eq!(OwnerText::new("a:b").unwrap().to_owner_id(), Ok(id.clone()));
        assert_eq!(id.to_owner_id(), Ok(id.clone()));
        assert!("".to_owner_id().is_err() && "a\0".to_owned().to_owner_id().is_err());
    }

    #[cfg(feature = "uuid")]
    #[test]
    fn a_uuid_is_its_lowercase_text_with_hyphens() {
        let uuid = uuid::Uuid::from_u128(0x6fa4_59ea_ee8a_3ca4_894e_db77_e160_355e);
        let id = uuid.to_owner_id().unwrap();
        assert_eq!(id.as_text(), Some("6fa459ea-ee8a-3ca4-894e-db77e160355e"));
    }
}
