use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;
use counter_diesel::ledger::MigrationFiles;
use counter_diesel::overview::MigrationState;
use serde_json::json;

use super::migration_folder;
use crate::connect;
use crate::failure::{Exit, Failure};
use crate::output::{Output, shown};
use crate::settings::CommandSettings;

/// Create the counters' tables, or bring them up to date
///
/// Any number of processes may do it at once. Which migrations were run is recorded in a separate
/// table, apart from the application's migrations. Use --copy to have them among those instead.
#[derive(Args)]
pub(crate) struct Migrate {
    /// Only show which migrations were run. Exit code 1 if any is pending
    #[arg(long, conflicts_with = "copy")]
    status: bool,

    /// Only write the migrations into the application's own folder, for `diesel migration run`
    ///
    /// Writes DATE_NAME/up.sql and DATE_NAME/down.sql with the table's name in them. The date comes
    /// after those of all migrations in the folder. Overwrites nothing and skips what was copied
    /// before. Does not connect to the database, whose URL only says which kind it is. In that
    /// database `counter migrate` finds nothing to run afterwards.
    #[arg(long, value_name = "DIR")]
    copy: Option<PathBuf>,
}

impl Migrate {
    pub(crate) fn run(self, settings: &CommandSettings, output: Output) -> Result<Exit, Failure> {
        match self.copy {
            Some(folder) => copy(&folder, settings, output),
            None if self.status => status(settings, output),
            None => run(settings, output),
        }
    }
}

fn run(settings: &CommandSettings, output: Output) -> Result<Exit, Failure> {
    let counters = connect::database_only(settings)?;
    let run = counters.run_pending_migrations()?;
    let table = counters.config().table_name.to_string();
    let is_of_application = run.is_empty() && {
        let all = counters.migration_status(&connect::migrations(settings)?)?;
        all.iter().any(|one| one.state == MigrationState::ByApplication)
    };
    output.result(
        "migrate",
        &json!({ "action": "run", "table": table, "run": run }),
        || match run.as_slice() {
            [] if is_of_application => {
                let whose = "the application's own migrations";
                format!("nothing to run: {whose} made the tables of {table}\n")
            }
            [] => format!("the tables of {table} are up to date\n"),
            run => run.iter().map(|name| format!("run: {name}\n")).collect(),
        },
    )?;
    Ok(Exit::Done)
}

fn status(settings: &CommandSettings, output: Output) -> Result<Exit, Failure> {
    let counters = connect::existing_database_only(settings)?;
    let all = counters.migration_status(&connect::migrations(settings)?)?;
    let table = counters.config().table_name.to_string();
    output.result(
        "migrate",
        &json!({ "action": "status", "table": table, "migrations": all }),
        || all.iter().map(|one| format!("{}: {}\n", one.state, one.name)).collect(),
    )?;
    let is_pending = all.iter().any(|one| one.state == MigrationState::Pending);
    Ok(if is_pending { Exit::Failed } else { Exit::Done })
}

fn copy(folder: &Path, settings: &CommandSettings, output: Output) -> Result<Exit, Failure> {
    let problem = |what: &str, path: &Path| format!("{what} {}", shown(&path.to_string_lossy()));
    if !folder.is_dir() {
        return Err(Failure::usage(problem("there is no folder", folder))
            .hint("name the folder of the application's migrations"));
    }
    let there = migration_folder::names_in(folder)
        .map_err(|error| Failure::usage(problem("cannot read", folder)).because(&error))?;
    let mut all = connect::migrations(settings)?;
    let mut copied = None;
    all.retain(|files| {
        let found = migration_folder::find(&there, files.name);
        copied = copied.or(found);
        found.is_none()
    });
    if let (true, Some(copied)) = (all.is_empty(), copied) {
        return Err(Failure::usage(problem("there already is", &folder.join(copied)))
            .hint("nothing was written; remove it if it is to be made anew"));
    }
    let names = all.iter().map(|files| files.name).collect::<Vec<_>>();
    let now = chrono::Utc::now().naive_utc();
    let dated = migration_folder::dated_after(&there, &names, now).map_err(|newest| {
        Failure::usage(problem("no date comes after the version of", &folder.join(newest)))
            .hint("nothing was written; copy into an empty folder and name the copies by hand")
    })?;
    let folders = dated.iter().map(|name| folder.join(name)).collect::<Vec<_>>();
    for (files, folder) in all.iter().zip(&folders) {
        let written = write(files, folder);
        written.map_err(|error| {
            Failure::usage(problem("these files cannot be written:", folder)).because(&error)
        })?;
    }
    let names = folders.iter().map(|folder| folder.to_string_lossy()).collect::<Vec<_>>();
    output.result("migrate", &json!({ "action": "copy", "written": names }), || {
        names.iter().map(|name| format!("written: {}\n", shown(name))).collect()
    })?;
    Ok(Exit::Done)
}

/// Writes the files of a migration. Fails if any of them exists.
fn write(files: &MigrationFiles, folder: &Path) -> std::io::Result<()> {
    fs::create_dir(folder)?;
    for (name, sql) in [("up.sql", &files.up), ("down.sql", &files.down)] {
        File::create_new(folder.join(name))?.write_all(sql.as_bytes())?;
    }
    Ok(())
}
