/// Whether a pooler shares the connections to a database between clients, so that each transaction
/// may meet another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Pooling {
    /// None was noticed.
    NotNoticed,
    /// There is one, and this process names no prepared statements.
    Unnamed,
    /// There is one, and it follows the names of prepared statements.
    Followed,
    /// There is one, and this process names prepared statements, which it does not follow.
    Named,
}
