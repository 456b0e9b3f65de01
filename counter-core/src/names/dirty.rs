//! Which of the hashes of the index a counter is named in.

use crate::id::CounterId;

/// How many hashes the index of what is pending has. More would make an empty index dearer to read,
/// fewer would make the hashes of a cluster's index lie on fewer nodes.
pub(crate) const DIRTY_HASHES: u8 = 64;

/// Returns the number of the hash that names a counter. All counters of an owner have the same.
pub(crate) fn dirty_hash_of(id: &CounterId) -> u8 {
    (crc16(id.encoded_owner().as_bytes()) % u16::from(DIRTY_HASHES)) as u8
}

/// Returns the number of a hash from its text, if it is written as this library writes it.
pub(super) fn parse_dirty_hash(text: &str) -> Option<u8> {
    let number = text.parse::<u8>().ok().filter(|number| *number < DIRTY_HASHES)?;
    (number.to_string() == text).then_some(number)
}

/// Returns the checksum by which a Redis cluster finds the slot of a name.
pub(super) fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte) << 8, |crc: u16, _| {
            if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ 0x1021 }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_a_cluster() {
        assert_eq!(crc16(b"123456789"), 0x31C3);
        assert_eq!(crc16(b""), 0);
    }

    #[test]
    fn the_counters_of_an_owner_are_in_one_hash_and_owners_in_all() {
        let hash_of = |owner, key| dirty_hash_of(&CounterId::new("post", owner, key).unwrap());
        assert_eq!(hash_of(42, "views"), hash_of(42, "li:kes"));
        let hashes = (0..1000).map(|owner| hash_of(owner, "views"));
        let hashes = hashes.collect::<std::collections::BTreeSet<_>>();
        assert_eq!(hashes, (0..DIRTY_HASHES).collect());
    }

    #[test]
    fn only_the_numbers_that_this_library_writes_are_hashes() {
        assert_eq!(["0", "7", "63"].map(parse_dirty_hash), [Some(0), Some(7), Some(63)]);
        for text in ["64", "256", "07", "+7", "-0", "", " 7", "a"] {
            assert_eq!(parse_dirty_hash(text), None, "{text:?}");
        }
    }
}
