use clap::Args;
use serde_json::json;

use crate::connect::{self, Access};
use crate::failure::{Exit, Failure};
use crate::key::KeyArgument;
use crate::output::{Output, shown};
use crate::owner::OwnerArgument;
use crate::periods::{Asked, PeriodArguments};
use crate::settings::CommandSettings;

/// Delete counters of an owner, with their rows and what is pending
///
/// One after the other. With --all every counter of the owner is deleted: those that have rows, and
/// all others of which the store holds anything. An increment that comes meanwhile may survive as a
/// new counter, so delete the owner itself first. Without --all, what was counted in periods stays,
/// and is deleted by itself: views@day:2026-11-28, or --during.
#[derive(Args)]
pub(crate) struct Delete {
    /// Owner of the counters, such as user:123
    owner: OwnerArgument,
    /// Names of the counters
    #[arg(required_unless_present = "all", value_name = "KEY")]
    keys: Vec<String>,
    /// Delete every counter of the owner
    #[arg(long, conflicts_with_all = ["keys", "during"])]
    all: bool,
    #[command(flatten)]
    period: PeriodArguments,
}

impl Delete {
    pub(crate) fn run(self, settings: &CommandSettings, output: Output) -> Result<Exit, Failure> {
        let counters = connect::counters_with_shared_store(settings, Access::Write)?;
        let OwnerArgument { owner, text } = self.owner;
        if self.all {
            let deleted = counters.delete_all(&owner)?;
            let found = json!({ "owner": text, "during": null, "keys": null, "deleted": deleted });
            output.result("delete", &found, || {
                format!("{deleted} counters of {} are deleted\n", shown(&text))
            })?;
            return Ok(Exit::Done);
        }
        // All names first, so that bad input changes nothing.
        let keys = KeyArgument::read_all(self.keys.clone())?;
        let asked = self.period.to_change(&counters, &owner, keys)?;
        asked.iter().try_for_each(Asked::delete)?;
        let during = self.period.text();
        let deleted = self.keys.len();
        let found =
            json!({ "owner": text, "during": during, "keys": self.keys, "deleted": deleted });
        let suffix = self.period.suffix();
        let line =
            |key: &String| format!("{} of {}{suffix} is deleted\n", shown(key), shown(&text));
        output.result("delete", &found, || self.keys.iter().map(line).collect())?;
        Ok(Exit::Done)
    }
}
