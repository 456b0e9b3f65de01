use std::fmt;

use counter_core::{CounterId, TableName};

/// The tables that counters are kept in, all named after the configured one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tables {
    totals: Table,
    periods: Table,
    kept: Table,
    state: Table,
    migrations: Table,
}

/// A table: a checked name, which a dialect quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    schema: Option<String>,
    name: String,
}

impl Tables {
    pub(crate) fn new(name: &TableName) -> Self {
        Self::named(name.schema(), name.table())
    }

    /// Returns the tables of the same names in this schema.
    pub(crate) fn in_schema(&self, schema: &str) -> Self {
        Self::named(Some(schema), &self.totals.name)
    }

    fn named(schema: Option<&str>, name: &str) -> Self {
        let table =
            |suffix| Table { schema: schema.map(str::to_owned), name: format!("{name}{suffix}") };
        Self {
            totals: table(""),
            periods: table("_periods"),
            kept: table("_kept"),
            state: table("_state"),
            migrations: table("_migrations"),
        }
    }

    /// The table with one row for each counter, which has the configured name.
    pub(crate) fn totals(&self) -> &Table {
        &self.totals
    }

    /// The table with one row for each bucket.
    pub(crate) fn periods(&self) -> &Table {
        &self.periods
    }

    /// Returns the table that has the row of this counter. Without one, that of the totals.
    pub(crate) fn of(&self, id: Option<&CounterId>) -> &Table {
        match id.and_then(CounterId::period) {
            None => &self.totals,
            Some(_) => &self.periods,
        }
    }

    /// The table that says since when buckets are kept.
    pub(crate) fn kept(&self) -> &Table {
        &self.kept
    }

    /// The table with what is known of the stores.
    pub(crate) fn state(&self) -> &Table {
        &self.state
    }

    /// The table with the names of the migrations that were run.
    pub(crate) fn migrations(&self) -> &Table {
        &self.migrations
    }
}

impl Table {
    pub(crate) fn schema(&self) -> Option<&str> {
        self.schema.as_deref()
    }

    /// Returns the name without the schema.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Returns the name between double quotes, as standard SQL has it.
    pub(crate) fn quoted(&self) -> String {
        self.quoted_by('"')
    }

    /// Returns the name between these quotes, which are doubled inside of it.
    pub(crate) fn quoted_by(&self, quote: char) -> String {
        let parts = self.schema.iter().chain([&self.name]);
        let parts = parts.map(|part| quoted(part, quote));
        parts.collect::<Vec<_>>().join(".")
    }

    /// Returns the name without the schema, between double quotes.
    #[cfg(any(feature = "postgres", feature = "sqlite"))]
    pub(crate) fn quoted_name(&self) -> String {
        quoted(&self.name, '"')
    }
}

fn quoted(identifier: &str, quote: char) -> String {
    let doubled = identifier.replace(quote, &format!("{quote}{quote}"));
    format!("{quote}{doubled}{quote}")
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(schema) = &self.schema {
            write!(f, "{schema}.")?;
        }
        f.write_str(&self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// PostgreSQL cuts longer identifiers without a word; MySQL takes 64 characters.
    const SHORTEST_LIMIT: usize = 63;

    #[test]
    fn the_longest_table_of_the_longest_name_fits_every_database() {
        let name = "x".repeat(TableName::MAX_TABLE_BYTES).parse().unwrap();
        let Tables { totals, periods, kept, state, migrations } = Tables::new(&name);
        for table in [totals, periods, kept, state, migrations] {
            assert!(table.name().len() <= SHORTEST_LIMIT, "{table}");
        }
        const { assert!(TableName::MAX_SCHEMA_BYTES <= SHORTEST_LIMIT) };
    }

    #[test]
    fn tables_are_in_the_schema_of_the_configured_one() {
        let tables = Tables::new(&"app.hits".parse().unwrap());
        assert_eq!(tables.totals().quoted(), "\"app\".\"hits\"");
        assert_eq!(tables.state().to_string(), "app.hits_state");
        assert_eq!(tables.periods().to_string(), "app.hits_periods");
        assert_eq!(tables.kept().to_string(), "app.hits_kept");
        assert_eq!(tables.migrations().quoted(), "\"app\".\"hits_migrations\"");
        assert_eq!(tables.in_schema("b").state().to_string(), "b.hits_state");
    }

    #[test]
    fn a_bucket_has_its_row_in_a_table_of_its_own() {
        let tables = Tables::new(&TableName::default());
        let total = CounterId::new("post", 1, "views").unwrap();
        let bucket = total.within("day:2026-11-28".parse().unwrap()).unwrap();
        assert_eq!(tables.of(Some(&total)), tables.totals());
        assert_eq!(tables.of(Some(&bucket)), tables.periods());
        assert_eq!(tables.of(None), tables.totals());
    }

    #[test]
    fn quotes_in_a_name_are_doubled() {
        let tables = Tables::new(&"\"a\"\"b`c\".hits".parse().unwrap());
        assert_eq!(tables.totals().quoted(), "\"a\"\"b`c\".\"hits\"");
        assert_eq!(tables.totals().quoted_by('`'), "`a\"b``c`.`hits`");
    }
}
