use clap::Args;
use serde_json::json;

use super::values::in_json;
use crate::connect::{self, Access};
use crate::failure::{Exit, Failure};
use crate::output::{Output, shown};
use crate::owner::OwnerArgument;
use crate::settings::CommandSettings;

/// Set counters to 0
///
/// One after the other: if one fails, those before it are already 0.
#[derive(Args)]
pub(crate) struct Reset {
    /// Owner of the counters, such as user:123
    owner: OwnerArgument,
    /// Names of the counters
    #[arg(required = true, value_name = "KEY")]
    keys: Vec<String>,
}

impl Reset {
    pub(crate) fn run(self, settings: &CommandSettings, output: Output) -> Result<Exit, Failure> {
        let counters = connect::counters_with_shared_store(settings, Access::Write)?;
        let owner = &self.owner.owner;
        // All names first, so that bad input changes nothing.
        let handles = self.keys.iter().map(|key| counters.handle(owner, key.as_str()));
        for handle in handles.collect::<Result<Vec<_>, _>>()? {
            handle.reset()?;
        }
        let values = self.keys.into_iter().map(|key| (key, 0)).collect::<Vec<_>>();
        let owner = shown(&self.owner.text);
        let line = |(key, _): &(String, i64)| format!("{} of {owner} is now 0\n", shown(key));
        output.result(
            "reset",
            &json!({ "owner": self.owner.text, "counters": in_json(&values) }),
            || values.iter().map(line).collect(),
        )?;
        Ok(Exit::Done)
    }
}
