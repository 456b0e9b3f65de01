use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};

/// Returns 64 random bits. The standard library's hashers start from random keys, which is random
/// enough for what there is no reason to guess.
pub(super) fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}
