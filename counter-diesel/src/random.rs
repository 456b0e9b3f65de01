use std::hash::{BuildHasher as _, Hasher as _, RandomState};

/// Returns a word that nothing else draws.
pub(crate) fn random_word() -> u64 {
    // The one thing of the standard library that is random.
    RandomState::new().build_hasher().finish()
}
