use clap::Args;
use serde_json::json;

use super::values::{in_json, in_table};
use crate::connect;
use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::owner::OwnerArgument;
use crate::settings::CommandSettings;

/// Print the current values of counters
///
/// Prints a bare number for one key and a table for several. A counter that was never incremented
/// is 0. Values are exact, also in the middle of a sync. If increments wait in the application's
/// own memory (COUNTER_STORE=memory), the values are those of its last sync.
#[derive(Args)]
pub(crate) struct Get {
    /// Owner of the counters, such as user:123
    owner: OwnerArgument,
    /// Names of the counters
    #[arg(required = true, value_name = "KEY")]
    keys: Vec<String>,
}

impl Get {
    pub(crate) fn run(self, settings: &CommandSettings, output: Output) -> Result<Exit, Failure> {
        let counters = connect::counters(settings)?;
        let asked = self.keys.iter().map(|key| (&self.owner.owner, key.as_str()));
        let values = counters.get_many(asked)?;
        let values = self.keys.into_iter().zip(values).collect::<Vec<_>>();
        output.result(
            "get",
            &json!({ "owner": self.owner.text, "counters": in_json(&values) }),
            || match values.as_slice() {
                [(_, value)] => format!("{value}\n"),
                values => in_table(values),
            },
        )?;
        Ok(Exit::Done)
    }
}
