use counter_core::Zone;

/// In which zone the days of an owner begin: see [`CounterOwner::zone`](crate::CounterOwner::zone).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum OwnerZone {
    /// In the configured one, because it has none of its own.
    Configured,
    /// Its model names no zone: in the configured one, unless another model of this type, which
    /// the [builder knows](crate::CountersBuilder::model), names a field for it.
    Undeclared,
    /// In its own.
    Own(Zone),
    /// In one of its own, which is not known because only its id is.
    Unknown,
}
