use crate::sync::batches::batch::Locks;
use crate::sync::options::OnConflict;

/// Who made the claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// This pass.
    Fresh,
    /// An earlier pass, of this process or another.
    Recovered,
}

/// How a pass applies its claims.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Manner {
    pub(crate) on_conflict: OnConflict,
    /// The treatment of locks in the next batch. Once a batch has waited for one, the pass waits
    /// only shortly.
    pub(crate) locks: Locks,
}

impl Manner {
    pub(crate) const fn new(on_conflict: OnConflict, locks: Locks) -> Self {
        Self { on_conflict, locks }
    }
}
