/// A step of the schema, from the files under `migrations/` for each database.
#[derive(Debug)]
pub struct Migration {
    pub(crate) name: &'static str,
    pub(crate) up: &'static str,
    pub(crate) down: &'static str,
}

/// The migration of this name for this database.
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
macro_rules! migration {
    ($database:literal, $name:literal) => {
        $crate::ledger::dialect::migration::Migration {
            name: $name,
            up: $crate::ledger::dialect::migration::file!($database, $name, "up.sql"),
            down: $crate::ledger::dialect::migration::file!($database, $name, "down.sql"),
        }
    };
}
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
pub(crate) use migration;

/// A file of a migration.
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
macro_rules! file {
    ($database:literal, $name:literal, $file:literal) => {
        include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/migrations/",
            $database,
            "/",
            $name,
            "/",
            $file
        ))
    };
}
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
pub(crate) use file;
