//! In which slot of a cluster a name is.

use std::sync::LazyLock;

use super::dirty::crc16;

/// One of the slots of a cluster.
pub(crate) type Slot = u16;

/// How many there are.
pub(crate) const SLOTS: Slot = 16_384;

/// For each slot the smallest number N for which `{seq:N}` is in it.
static NUMBERS: LazyLock<Vec<u32>> = LazyLock::new(|| {
    let mut numbers = vec![None; usize::from(SLOTS)];
    let mut missing = numbers.len();
    for number in 0.. {
        if missing == 0 {
            break;
        }
        let slot = slot_of(tag_of_number(number).as_bytes());
        if let Some(free @ None) = numbers.get_mut(usize::from(slot)) {
            *free = Some(number);
            missing -= 1;
        }
    }
    numbers.into_iter().flatten().collect()
});

/// Returns the slot of a name: that of its tag in braces, if it has one.
pub(crate) fn slot_of(name: &[u8]) -> Slot {
    crc16(tag_of(name)) % SLOTS
}

fn tag_of(name: &[u8]) -> &[u8] {
    let mut after_open = name.splitn(2, |byte| *byte == b'{').skip(1);
    let Some(rest) = after_open.next() else { return name };
    let end = rest.iter().position(|byte| *byte == b'}');
    match end.and_then(|end| rest.get(..end)) {
        Some(tag) if !tag.is_empty() => tag,
        _ => name,
    }
}

/// Returns the tag of the names that belong to a slot and to no counter.
pub(super) fn tag_of_slot(slot: Slot) -> String {
    let number = NUMBERS.get(usize::from(slot % SLOTS));
    tag_of_number(number.copied().unwrap_or_default())
}

fn tag_of_number(number: u32) -> String {
    format!("seq:{number}")
}

/// Returns whether a tag is that of a slot, as this library writes it.
pub(super) fn is_tag_of_slot(tag: &str) -> bool {
    tag.starts_with("seq:") && tag_of_slot(slot_of(tag.as_bytes())) == tag
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_that_of_the_tag() {
        for (name, as_if) in [
            ("counter:{app}:post:1", "app"),
            ("counter:{counter:post:1:views}", "counter:post:1:views"),
            ("{a}{b}", "a"),
            ("a{}b", "a{}b"),
            ("a{b", "a{b"),
            ("a}b{c}", "c"),
            ("foo{{bar}}zap", "{bar"),
        ] {
            assert_eq!(slot_of(name.as_bytes()), crc16(as_if.as_bytes()) % SLOTS, "{name}");
        }
        assert_eq!(slot_of(b"123456789"), 0x31C3);
    }

    #[test]
    fn every_slot_has_a_tag_of_its_own_and_no_other() {
        for slot in 0..SLOTS {
            let tag = tag_of_slot(slot);
            assert_eq!(slot_of(tag.as_bytes()), slot);
            assert!(is_tag_of_slot(&tag));
        }
        for tag in ["seq", "seq:", "seq:-1", "seq:00", "seq:147952", "seq:4294967296", "id"] {
            assert!(!is_tag_of_slot(tag), "{tag}");
        }
    }
}
