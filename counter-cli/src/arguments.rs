use clap::{Parser, Subcommand};

use crate::commands::{
    Adopt, All, ChangeCommand, Conflicts, Delete, Doctor, Get, Kept, Merge, Migrate,
    OrphansCommand, Pending, Prune, RenameType, Reset, Series, Set, Sync, Top,
};
use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::settings::CommandSettings;

/// Show and change counters of Diesel models, and move what is pending in the store into the
/// database
#[derive(Parser)]
#[command(name = "counter", version, after_long_help = MANUAL, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) settings: CommandSettings,
    #[command(flatten)]
    pub(crate) output: Output,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The lines fit into 80 columns, because clap does not wrap them.
const MANUAL: &str = "\
Where settings come from:
  A flag overrides the environment variable that is named beside it, and that
  overrides a file `.env` in this folder or one above it. Prefer the
  environment for URLs with passwords: other users can see a command's flags.

Names:
  An OWNER is written type:id, such as user:123 or post:6fa459ea-ee8a-3ca4; a KEY
  is the name of a counter, any text. In type and id the characters % : { } are
  written %25 %3A %7B %7D, as in the store. An id that is a text of digits has its
  first one encoded: user:%3123 is the text 123, user:123 the number.
  The count of a single period is views@day:2026-11-28, so a name that ends like
  that never means a counter of that name.

Exit codes:
  0    done
  1    something failed: a counter could not be synced, read or written; or
       something needs attention: `doctor` found an error, `conflicts` found
       any, `migrate --status` found a migration that was not run, `merge` or
       `rename-type` left something to move
  2    wrong usage or configuration
  3    the store or the database cannot be reached
  130  stopped by SIGINT before everything was done; 143 by SIGTERM.
       Nothing is lost: the same command goes on

JSON:
  With --json every command prints one JSON object on one line, and an error as
  one on standard error. COMMAND.md of counter-cli describes the shapes.

Examples:
  counter migrate
  counter sync
  counter sync --dry-run --pattern 'user:*' -v
  counter sync --watch 10s
  counter get user:123 downloads
  counter series user:123 downloads --last 30d
  counter all user:123 --json
  counter top user downloads -n 3
  counter doctor";

#[derive(Subcommand)]
pub(crate) enum Command {
    Sync(Sync),
    Pending(Pending),
    Get(Get),
    All(All),
    Series(Series),
    Top(Top),
    Set(Set),
    Reset(Reset),
    /// Add to a counter
    ///
    /// The increment is visible to `counter get` at once, and in the table after the next sync.
    /// Needs no database. If the reply is lost, the error says that the increment may have been
    /// counted: look at the value before you retry.
    Increment(ChangeCommand),
    /// Subtract from a counter
    ///
    /// Behaves like `increment` otherwise. A value may become negative.
    Decrement(ChangeCommand),
    Delete(Delete),
    Merge(Merge),
    RenameType(RenameType),
    Orphans(OrphansCommand),
    Prune(Prune),
    Kept(Kept),
    Doctor(Doctor),
    Conflicts(Conflicts),
    Adopt(Adopt),
    Migrate(Migrate),
}

impl Command {
    pub(crate) fn run(self, settings: &CommandSettings, output: Output) -> Result<Exit, Failure> {
        match self {
            Self::Sync(sync) => sync.run(settings, output),
            Self::Pending(pending) => pending.run(settings, output),
            Self::Get(get) => get.run(settings, output),
            Self::All(all) => all.run(settings, output),
            Self::Series(series) => series.run(settings, output),
            Self::Top(top) => top.run(settings, output),
            Self::Set(set) => set.run(settings, output),
            Self::Reset(reset) => reset.run(settings, output),
            Self::Increment(change) => change.increment(settings, output),
            Self::Decrement(change) => change.decrement(settings, output),
            Self::Delete(delete) => delete.run(settings, output),
            Self::Merge(merge) => merge.run(settings, output),
            Self::RenameType(rename) => rename.run(settings, output),
            Self::Orphans(orphans) => orphans.run(settings, output),
            Self::Prune(prune) => prune.run(settings, output),
            Self::Kept(kept) => kept.run(settings, output),
            Self::Doctor(doctor) => doctor.run(settings, output),
            Self::Conflicts(conflicts) => conflicts.run(settings, output),
            Self::Adopt(adopt) => adopt.run(settings, output),
            Self::Migrate(migrate) => migrate.run(settings, output),
        }
    }
}
