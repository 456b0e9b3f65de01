use counter_diesel::ledger::CounterConnection;
use diesel::connection::SimpleConnection;
use diesel::r2d2::{ConnectionManager, Pool};

use super::rows::Batch;

/// A database as the measures need it.
pub trait BareConnection: CounterConnection + SimpleConnection {
    /// Removes all counters' rows.
    const EMPTY: &'static str;

    /// Flushes earlier writes, so that they do not slow down what is measured next.
    const SETTLE: &'static str;

    /// Makes a connection pool as an application does.
    fn pool(url: &str) -> Pool<ConnectionManager<Self>>;

    /// Runs the guarded upsert of a sync, prepared once and kept. Returns the number of changed
    /// rows, as the database counts them.
    fn write(&mut self, batch: &Batch) -> usize;

    /// Writes all batches, each in a transaction of its own.
    fn upsert_all(&mut self, batches: &[Batch]) {
        for batch in batches {
            self.begin();
            self.write(batch);
            self.batch_execute("COMMIT").unwrap();
        }
    }

    fn begin(&mut self) {
        self.batch_execute("BEGIN").unwrap();
    }
}
