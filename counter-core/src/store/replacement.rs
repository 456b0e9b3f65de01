/// The replacement that [`replace`](crate::DeltaStore::replace) puts in the place of everything
/// before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replacement {
    /// The counter now has this value.
    Set(i64),
    /// The counter is now gone.
    Delete,
}
