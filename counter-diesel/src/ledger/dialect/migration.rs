use std::any::Any;

use diesel::backend::Backend;
use diesel::connection::{BoxableConnection, SimpleConnection};
use diesel::migration::MigrationSource;
use diesel::result::QueryResult;
use diesel_migrations::EmbeddedMigrations;

/// A step of the schema, from the files under `migrations/` for each database.
#[derive(Debug)]
pub struct Migration {
    pub(crate) name: String,
    pub(crate) up: String,
    pub(crate) down: String,
}

impl Migration {
    /// Reads what [`embed_migrations!`](diesel_migrations::embed_migrations) has compiled in,
    /// oldest first.
    pub(crate) fn read<DB: Backend>(embedded: &EmbeddedMigrations) -> Vec<Self> {
        // It fails for files that cannot be read, and these are compiled in.
        let all = MigrationSource::<DB>::migrations(embedded).unwrap_or_default();
        let read = |migration: Box<dyn diesel::migration::Migration<DB>>| {
            let (mut up, mut down) = (Script::default(), Script::default());
            // It fails as the connection does, and this one never does.
            let _ = migration.run(&mut up).and_then(|()| migration.revert(&mut down));
            Self { name: migration.name().to_string(), up: up.0, down: down.0 }
        };
        all.into_iter().map(read).collect()
    }
}

/// A connection that keeps what it is asked to run. It is the only way to the text of an embedded
/// migration, into which the table's name must be put.
#[derive(Default)]
struct Script(String);

impl SimpleConnection for Script {
    fn batch_execute(&mut self, sql: &str) -> QueryResult<()> {
        self.0.push_str(sql);
        Ok(())
    }
}

impl<DB: Backend> BoxableConnection<DB> for Script {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}
