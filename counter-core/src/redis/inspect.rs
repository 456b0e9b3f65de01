//! Questions that change nothing.

pub(crate) mod info;
pub(crate) mod misplaced;
pub(crate) mod rights;
