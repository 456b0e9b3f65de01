use std::hash::{BuildHasher as _, Hasher as _, RandomState};

/// Returns a word that nothing else draws.
pub(crate) fn random_word() -> u64 {
    // The one thing of the standard library that is random.
    RandomState::new().build_hasher().finish()
}

/// Returns one of these at random, or `None` if there are none.
pub(crate) fn one_of<T: Copy>(these: &[T]) -> Option<T> {
    let place = random_word().checked_rem(these.len() as u64)?;
    these.get(usize::try_from(place).ok()?).copied()
}
