//! Runs the example as a program, and reverts its migrations beside ours.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::Command;

use chrono::{Days, Utc};
use counter_diesel::query::{Grain, Period};
use counter_diesel::{Counters, Owner, SyncOptions, sqlite_pool};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("blog/migrations");

/// What the program prints, or complains about.
fn blog(folder: &Path, arguments: &[&str]) -> Result<String, String> {
    let tests = std::env::current_exe().unwrap();
    let program = tests.ancestors().nth(2).unwrap().join("examples").join("blog");
    let output = Command::new(program).args(arguments).current_dir(folder).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

#[test]
fn posts_are_viewed_liked_and_listed_by_views() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| blog(folder.path(), arguments).unwrap();
    for title in ["Cold rows", "Hot rows", "No rows"] {
        run(&["write", title]);
    }
    for _ in 0..3 {
        run(&["show", "2"]);
    }
    assert_eq!(run(&["show", "1"]), "Cold rows\nviews: 1, likes: 0\n");
    assert_eq!(run(&["like", "2", "ada"]), "liked\n");
    assert_eq!(run(&["like", "2", "ada"]), "ada likes it already\n");
    assert_eq!(run(&["like", "2", "grace"]), "liked\n");
    assert_eq!(run(&["like", "3", "grace"]), "liked\n");
    assert_eq!(run(&["unlike", "2", "ada"]), "no longer liked\n");
    assert_eq!(run(&["unlike", "2", "ada"]), "ada did not like it\n");
    let lines = run(&["list"]);
    let lines = lines.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    assert_eq!(
        lines.collect::<Vec<_>>(),
        ["2 3 views 1 likes Hot rows", "1 1 views 0 likes Cold rows", "3 0 views 1 likes No rows"]
    );
    // Posts without views are not among them, and neither are views of before.
    count_last_year(folder.path(), 1);
    assert_eq!(run(&["trending"]), "     3 views  Hot rows\n     1 views  Cold rows\n");
    let error = blog(folder.path(), &["like", "9", "ada"]).unwrap_err();
    assert!(error.contains("no such post"), "{error}");
    assert!(blog(folder.path(), &["show", "9"]).unwrap_err().contains("no such post"));
}

/// Counts a hundred views of a post on a day of the past.
fn count_last_year(folder: &Path, post: i64) {
    let pool = sqlite_pool(folder.join("blog.sqlite").to_str().unwrap(), 1).unwrap();
    let counters = Counters::builder(pool).memory().build().unwrap();
    let today = Utc::now().date_naive();
    let day = Period::day(today.checked_sub_days(Days::new(365)).unwrap());
    let post = Owner::new("post", post).unwrap();
    counters.during(day).stored_by([Grain::Day]).set(post, "views", 100).unwrap();
}

/// Reverts as `diesel migration revert` does, which fails for a migration that it does not know.
#[test]
fn the_applications_migrations_are_reverted_beside_ours() {
    let folder = tempfile::tempdir().unwrap();
    blog(folder.path(), &["write", "Hot rows"]).unwrap();
    blog(folder.path(), &["like", "1", "ada"]).unwrap();
    let file = folder.path().join("blog.sqlite");
    let pool = sqlite_pool(file.to_str().unwrap(), 1).unwrap();
    let counters = Counters::builder(pool.clone()).memory().build().unwrap();
    let likes = || counters.get(Owner::new("post", 1).unwrap(), "likes").unwrap();

    let revert = || pool.get().unwrap().revert_last_migration(MIGRATIONS).unwrap().to_string();
    assert_eq!(revert(), "20260111000000");
    assert_eq!(revert(), "20260110000000");
    assert!(pool.get().unwrap().revert_last_migration(MIGRATIONS).is_err(), "none are left");
    assert_eq!(likes(), 1);
    assert_eq!(counters.run_pending_migrations().unwrap(), [""; 0]);

    pool.get().unwrap().run_pending_migrations(MIGRATIONS).unwrap();
    counters.increment(Owner::new("post", 1).unwrap(), "likes", 1).unwrap();
    assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
    assert_eq!(likes(), 2);
}
