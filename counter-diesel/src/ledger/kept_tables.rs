use std::sync::{Arc, OnceLock};

use counter_core::TableName;
use diesel::result::QueryResult;

use crate::ledger::dialect::connection::CounterConnection;
use crate::ledger::dialect::tables::Tables;

/// The tables of a ledger, in the schema in which they were found first.
///
/// A name without a schema means what the connection makes of it: by `search_path` in PostgreSQL,
/// by the current database in MySQL. A connection on which an application has changed that would
/// write counts into the tables of another tenant.
#[derive(Debug)]
pub(crate) struct KeptTables {
    named: Arc<Tables>,
    found: OnceLock<Arc<Tables>>,
}

impl KeptTables {
    pub(crate) fn new(name: &TableName) -> Self {
        Self { named: Arc::new(Tables::new(name)), found: OnceLock::new() }
    }

    /// Returns the schema that is kept, if the name has none and the tables were found.
    pub(crate) fn schema(&self) -> Option<&str> {
        self.found.get().and_then(|tables| tables.totals().schema())
    }

    /// Returns the tables as they are configured.
    pub(crate) fn named(&self) -> &Arc<Tables> {
        &self.named
    }

    /// Returns the tables that were found, or `None` before that. A name with a schema, and any
    /// name in SQLite, is never looked for.
    pub(crate) fn found(&self) -> Option<&Arc<Tables>> {
        self.found.get()
    }

    /// Looks for the tables on this connection and keeps the first schema that has them.
    pub(crate) fn find<C: CounterConnection>(&self, conn: &mut C) -> QueryResult<&Arc<Tables>> {
        let Some(schema) = self.schema_on(conn)? else { return Ok(&self.named) };
        let tables = self.named.in_schema(&schema);
        let is_there = conn.has_table(tables.totals())?;
        Ok(if is_there { self.found.get_or_init(|| Arc::new(tables)) } else { &self.named })
    }

    /// Returns the tables that migrations are about: those that are kept, or those that this
    /// connection would make.
    pub(crate) fn to_migrate<C: CounterConnection>(
        &self,
        conn: &mut C,
    ) -> QueryResult<Arc<Tables>> {
        if self.found().is_none() {
            self.find(conn)?;
        }
        if let Some(found) = self.found() {
            return Ok(Arc::clone(found));
        }
        let schema = self.schema_on(conn)?;
        Ok(match schema {
            Some(schema) => Arc::new(self.named.in_schema(&schema)),
            None => Arc::clone(&self.named),
        })
    }

    /// Returns the other schema in which this connection looks for the tables, if it does.
    pub(crate) fn other_schema<C: CounterConnection>(
        &self,
        conn: &mut C,
    ) -> QueryResult<Option<String>> {
        let Some(kept) = self.schema() else { return Ok(None) };
        if conn.finds(self.named.totals(), kept)? {
            return Ok(None);
        }
        Ok(self.schema_on(conn)?.filter(|schema| schema != kept))
    }

    /// Returns whether the tables are in this schema.
    pub(crate) fn are_in<C: CounterConnection>(
        &self,
        conn: &mut C,
        schema: &str,
    ) -> QueryResult<bool> {
        conn.has_table(self.named.in_schema(schema).totals())
    }

    fn schema_on<C: CounterConnection>(&self, conn: &mut C) -> QueryResult<Option<String>> {
        match self.named.totals().schema() {
            Some(_) => conn.check_texts().map(|()| None),
            None => conn.schema_of(self.named.totals()),
        }
    }
}
