//! The command `counter`, run on the store and the database of a test.

use std::process::Command;

use serde_json::Value;

use crate::program::{self, Program, ProgramEnd};
use crate::servers::redis::shared_url;
use crate::site::Site;
use crate::suite::WorldKind;
use crate::world::{PAIRS, World};

/// Every pair with a store that other processes can reach.
pub fn shared_pairs() -> Vec<WorldKind<World>> {
    PAIRS.iter().copied().filter(|(name, _)| name.starts_with("redis")).collect()
}

/// The command in an environment that has nothing but where things are.
pub fn counter(database_url: &str, redis_url: &str) -> Command {
    let mut command = program::counter();
    // Not in a folder that may have a file `.env`.
    command.env_clear().current_dir("/");
    command.env("DATABASE_URL", database_url).env("REDIS_URL", redis_url);
    command
}

impl World {
    /// The command on this world.
    pub fn command(&self) -> Command {
        let mut command = counter(&self.database.url(), &shared_url());
        command.env("COUNTER_PREFIX", self.prefix.as_str());
        command
    }

    /// Runs it to its end.
    pub fn run(&self, arguments: &[&str]) -> ProgramEnd {
        Program::start(self.command().args(arguments)).finish()
    }

    /// What it prints in a successful run.
    ///
    /// # Panics
    ///
    /// If it does not.
    pub fn output_of(&self, arguments: &[&str]) -> String {
        let ended = self.run(arguments);
        assert_eq!((ended.code(), ended.errors.as_str()), (0, ""), "{arguments:?}: {ended:?}");
        ended.output
    }

    /// What it prints in a successful run with `--json`.
    pub fn json_of(&self, arguments: &[&str]) -> Value {
        json(&self.output_of(&[arguments, &["--json"]].concat()))
    }
}

impl Site {
    /// The command on this site.
    pub fn command(&self) -> Command {
        counter(&self.database().url(), &self.redis().url())
    }
}

impl ProgramEnd {
    /// Its exit code.
    ///
    /// # Panics
    ///
    /// If a signal ended it.
    pub fn code(&self) -> i32 {
        self.status.code().unwrap_or_else(|| panic!("a signal ended it: {self:?}"))
    }
}

/// One line of JSON.
///
/// # Panics
///
/// If it is something else.
pub fn json(line: &str) -> Value {
    assert_eq!(line.lines().count(), 1, "{line}");
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
}
