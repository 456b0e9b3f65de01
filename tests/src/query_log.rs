//! The statements of a connection, as Diesel reports them.

use std::sync::{Arc, Mutex};

use diesel::connection::{Connection, InstrumentationEvent};

/// Everything that a connection was asked since it is watched.
#[derive(Debug, Clone, Default)]
pub struct QueryLog {
    queries: Arc<Mutex<Vec<String>>>,
    prepared: Arc<Mutex<Vec<String>>>,
}

impl QueryLog {
    /// Watches a connection from now on.
    pub fn on(conn: &mut impl Connection) -> Self {
        let seen = Self::default();
        let Self { queries, prepared } = seen.clone();
        conn.set_instrumentation(move |event: InstrumentationEvent<'_>| match event {
            InstrumentationEvent::StartQuery { query, .. } => {
                queries.lock().unwrap().push(query.to_string());
            }
            InstrumentationEvent::CacheQuery { sql, .. } => {
                prepared.lock().unwrap().push(sql.to_owned());
            }
            _ => {}
        });
        seen
    }

    /// The queries since the last call, with what was bound to them.
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.queries.lock().unwrap())
    }

    /// The statements that were prepared and kept since the last call.
    pub fn take_prepared(&self) -> Vec<String> {
        std::mem::take(&mut *self.prepared.lock().unwrap())
    }
}
