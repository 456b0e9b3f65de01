use clap::Args;
use serde_json::json;

use super::values::{in_json, in_table};
use crate::connect;
use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::owner::OwnerArgument;
use crate::settings::CommandSettings;

/// Print all counters of an owner with their current values
///
/// Counters are found in the table, so a new counter appears after its first sync. `counter get`
/// has its value before that.
#[derive(Args)]
pub(crate) struct All {
    /// Owner of the counters, such as user:123
    owner: OwnerArgument,
}

impl All {
    pub(crate) fn run(self, settings: &CommandSettings, output: Output) -> Result<Exit, Failure> {
        let values = connect::counters(settings)?.all(&self.owner.owner)?;
        let values = values.into_iter().collect::<Vec<_>>();
        output.result(
            "all",
            &json!({ "owner": self.owner.text, "counters": in_json(&values) }),
            || in_table(&values),
        )?;
        Ok(Exit::Done)
    }
}
