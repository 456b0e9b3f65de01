//! What is compiled in is what is in the folders.

use std::path::Path;

use counter_diesel::ledger::{MigrationFiles, TableName, migration_files};
use diesel::{MysqlConnection, PgConnection, SqliteConnection};

/// A folder that is added does not by itself make the macro run again that compiles the folders in.
#[test]
fn every_migration_of_the_folders_is_compiled_in_with_both_files() {
    let table = TableName::default();
    assert_are_those_in("postgres", &migration_files::<PgConnection>(&table));
    assert_are_those_in("mysql", &migration_files::<MysqlConnection>(&table));
    assert_are_those_in("sqlite", &migration_files::<SqliteConnection>(&table));
}

fn assert_are_those_in(database: &str, files: &[MigrationFiles]) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../migrations").join(database);
    let entries = std::fs::read_dir(&root).unwrap();
    let mut folders = entries.map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    folders.sort();
    assert_eq!(files.len(), folders.len(), "{database}: change counter-diesel to compile it anew");
    for (files, folder) in files.iter().zip(folders) {
        let read = |name| std::fs::read_to_string(folder.join(name)).unwrap();
        assert_eq!(files.name, folder.file_name().unwrap().to_str().unwrap());
        assert_eq!((&files.up, &files.down), (&read("up.sql"), &read("down.sql")), "{database}");
        assert!(!files.up.is_empty() && !files.down.is_empty(), "{database}");
    }
}
