//! The folder of an application's migrations, as Diesel reads it.

use std::fs;
use std::io;
use std::path::Path;

use chrono::{NaiveDateTime, TimeDelta};

/// The date at the beginning of a folder's name.
const DATED: &str = "%Y-%m-%d-%H%M%S";

/// The date as a migration's version: a folder's name up to the first `_`, without hyphens.
const VERSION: &str = "%Y%m%d%H%M%S";

/// Returns the names of the migrations in a folder.
pub(super) fn names_in(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !entry.metadata()?.is_file() && !name.starts_with('.') {
            names.push(name);
        }
    }
    Ok(names)
}

/// Returns the folder that holds this migration already, under whatever date.
pub(super) fn find<'a>(there: &'a [String], migration: &str) -> Option<&'a String> {
    there.iter().find(|name| title(name) == title(migration))
}

/// Returns these migrations under new names, of which each has a version that is greater than that
/// of any migration in the folder: Diesel runs one of two with the same version, and reverts the
/// greatest. `Err` with the migration after which there is none.
pub(super) fn dated_after<'a>(
    there: &'a [String],
    migrations: &[&str],
    now: NaiveDateTime,
) -> Result<Vec<String>, &'a str> {
    let newest = there.iter().max_by_key(|name| version(name));
    let mut dates = Vec::new();
    let mut last = newest.map_or_else(String::new, |name| version(name));
    for migration in migrations {
        let after = NaiveDateTime::parse_from_str(&last, VERSION).ok();
        let after = after.and_then(|last| last.checked_add_signed(TimeDelta::seconds(1)));
        let date = after.map_or(now, |after| after.max(now));
        let this = date.format(VERSION).to_string();
        if this <= last {
            return Err(newest.map_or("", String::as_str));
        }
        dates.push(format!("{}_{}", date.format(DATED), title(migration)));
        last = this;
    }
    Ok(dates)
}

fn version(name: &str) -> String {
    name.split('_').next().unwrap_or_default().replace('-', "")
}

fn title(name: &str) -> &str {
    name.split_once('_').map_or(name, |(_, title)| title)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: [&str; 2] = ["2026-01-01-000000_make", "2026-02-01-000000_change"];

    fn dated(there: &[&str]) -> Result<Vec<String>, String> {
        let now = NaiveDateTime::parse_from_str("20260601120000", VERSION).unwrap();
        let there = there.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        dated_after(&there, &OURS, now).map_err(str::to_owned)
    }

    #[test]
    fn copies_are_dated_now_or_after_the_newest_that_is_there() {
        for (there, first, second) in [
            (&[] as &[&str], "2026-06-01-120000_make", "2026-06-01-120001_change"),
            (
                &["2026-01-01-000000_init", "00000000000000_diesel_initial_setup", "0001_x"],
                "2026-06-01-120000_make",
                "2026-06-01-120001_change",
            ),
            (
                &["2027-01-01-000000_init", "20271231235959_more"],
                "2028-01-01-000000_make",
                "2028-01-01-000001_change",
            ),
            (&["20260601120000_now"], "2026-06-01-120001_make", "2026-06-01-120002_change"),
        ] {
            assert_eq!(dated(there).unwrap(), [first, second], "{there:?}");
        }
    }

    #[test]
    fn after_a_version_that_no_date_follows_there_is_none() {
        for newest in ["init", "9999_x", "9999-12-31-235959_x", "2026061_x"] {
            assert_eq!(dated(&["0001_x", newest]).unwrap_err(), newest);
        }
    }

    #[test]
    fn a_copy_is_known_under_any_date() {
        let there = ["2026-06-01-120000_make".to_owned()];
        assert_eq!(find(&there, OURS[0]), Some(&there[0]));
        assert_eq!(find(&there, OURS[1]), None);
    }
}
