//! Functions that the code of `#[derive(HasCounters)]` calls. It may change with any version.

use std::fmt::Write as _;

pub use counter_core::{Grain, Invalid, OwnerType, ToZone, Zone};
use counter_core::{InputKind, OwnerId, ToOwnerId};

pub use crate::owner::gauge_of::GaugeOf;
pub use crate::owner::key_of::KeyOf;
pub use crate::query::owner_column::HasOwnerColumn;
pub use crate::query::owner_id_type::HasUuidBytes;

/// The error for a text that is none of an enum's keys.
pub fn undeclared_key(text: &str, expected: &'static str) -> Invalid {
    Invalid::Malformed { kind: InputKind::CounterKey, text: text.to_owned(), why: expected }
}

/// Returns the id of an owner whose key has the bytes of a UUID, the most significant first: its
/// lowercase text with hyphens.
pub fn uuid_of<K: UuidBytes + ?Sized>(key: &K) -> Result<OwnerId, Invalid> {
    let bytes = key.uuid_bytes();
    let mut text = String::with_capacity(36);
    for (place, byte) in bytes.iter().enumerate() {
        if matches!(place, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    if bytes.len() == 16 {
        return text.to_owner_id();
    }
    Err(Invalid::Malformed { kind: InputKind::OwnerId, text, why: "a UUID has 16 bytes" })
}

/// A key that has bytes.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not hold the bytes of a UUID",
    label = "no bytes, which `id = uuid` asks for",
    note = "`Vec<u8>`, `[u8; 16]` and `uuid::Uuid` do, and so does a newtype with \
         `impl AsRef<[u8]>`"
)]
pub trait UuidBytes {
    /// The bytes.
    fn uuid_bytes(&self) -> &[u8];
}

impl<K: AsRef<[u8]> + ?Sized> UuidBytes for K {
    fn uuid_bytes(&self) -> &[u8] {
        self.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_the_lowercase_text_of_a_uuid_or_refused() {
        let bytes: [u8; 16] = [
            0x6f, 0xa4, 0x59, 0xea, 0xee, 0x8a, 0x3c, 0xa4, 0x89, 0x4e, 0xdb, 0x77, 0xe1, 0x60,
            0x35, 0x5e,
        ];
        let id = "6fa459ea-ee8a-3ca4-894e-db77e160355e".to_owner_id();
        assert_eq!(uuid_of(&bytes), id);
        assert_eq!(uuid_of(&bytes.to_vec()), id);
        for length in [0, 15, 17] {
            let refused = uuid_of(&vec![7_u8; length]).unwrap_err().to_string();
            assert!(refused.contains("a UUID has 16 bytes"), "{refused}");
        }
    }
}
