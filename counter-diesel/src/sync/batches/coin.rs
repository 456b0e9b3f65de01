use std::hash::{BuildHasher, Hasher, RandomState};

/// A coin to toss, where any order is as good as another and none may be the same each time.
#[derive(Debug)]
pub(crate) struct Coin(u64);

impl Coin {
    /// Returns a coin that falls in an order of its own.
    pub(crate) fn new() -> Self {
        // The one thing of the standard library that is random.
        Self::of_seed(RandomState::new().build_hasher().finish())
    }

    /// Returns a coin that falls in the order of this seed.
    pub(crate) const fn of_seed(seed: u64) -> Self {
        // 0 would stay 0.
        Self(seed | 1)
    }

    /// Tosses it: xorshift64.
    pub(crate) const fn is_heads(&mut self) -> bool {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 >> 63 == 1
    }
}
