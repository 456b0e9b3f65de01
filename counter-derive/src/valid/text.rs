//! The rules for texts. `counter-core` has the same rules, but its errors cannot point at the text.

/// Equals `OwnerType::MAX_CHARS`.
pub(super) const OWNER_TYPE_CHARS: usize = 255;

/// Equals `CounterKey::MAX_CHARS`.
pub(super) const KEY_CHARS: usize = 100;

/// Returns what is wrong with a text of at most `limit` characters.
pub(super) fn flaw(text: &str, limit: usize) -> Option<String> {
    let chars = text.chars().count();
    if chars == 0 {
        Some("is empty".to_owned())
    } else if text.contains('\0') {
        Some("contains NUL, which PostgreSQL cannot store".to_owned())
    } else if chars > limit {
        Some(format!("has {chars} characters, but at most {limit} fit"))
    } else {
        None
    }
}
