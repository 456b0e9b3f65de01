use std::time::Duration;

/// How long a ledger waits for its database. Only tests need others than these.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct LedgerLimits {
    /// How long a pool is asked for a connection, whose own limit may be longer. It is less than a
    /// read may take, so that a pool without a free connection says so.
    pub connection: Duration,
    /// How long a read may take, or a question to the server.
    pub answer: Duration,
    /// How long a step of a transaction may take that works on a whole batch, or on the disk. It is
    /// longer than its statements may take, so that the server ends them first.
    pub step: Duration,
    /// How long a statement may take, where the server can end it. No statement of a step is begun
    /// after this time either.
    pub statement: Duration,
    /// How long one process waits for another that runs the migrations.
    pub migrations: Duration,
}

impl Default for LedgerLimits {
    fn default() -> Self {
        Self {
            connection: Duration::from_secs(8),
            answer: Duration::from_secs(10),
            step: Duration::from_secs(30),
            statement: Duration::from_secs(25),
            migrations: Duration::from_secs(15),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the documentation of the ledger and the guide to operation say.
    #[test]
    fn a_ledger_waits_as_long_as_is_documented() {
        let limits = LedgerLimits::default();
        let seconds = [limits.connection, limits.answer, limits.step, limits.statement];
        assert_eq!(seconds.map(|limit| limit.as_secs()), [8, 10, 30, 25]);
        assert_eq!(limits.migrations.as_secs(), 15);
    }
}
