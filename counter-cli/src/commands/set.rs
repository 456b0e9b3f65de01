use clap::Args;
use serde_json::json;

use crate::connect::{self, Access};
use crate::failure::{Exit, Failure};
use crate::output::{Output, shown};
use crate::owner::OwnerArgument;
use crate::settings::CommandSettings;

/// Set a counter to a value
///
/// Earlier increments are dropped, later ones count. It settles a conflict, too.
#[derive(Args)]
pub(crate) struct Set {
    /// Owner of the counter, such as user:123
    owner: OwnerArgument,
    /// Name of the counter
    key: String,
    /// New value
    #[arg(allow_negative_numbers = true)]
    value: i64,
}

impl Set {
    pub(crate) fn run(self, settings: &CommandSettings, output: Output) -> Result<Exit, Failure> {
        let Self { owner: OwnerArgument { owner, text: owner_text }, key, value } = self;
        let counters = connect::counters_with_shared_store(settings, Access::Write)?;
        counters.set(&owner, key.as_str(), value)?;
        output.result(
            "set",
            &json!({ "owner": owner_text, "key": key, "value": value }),
            || format!("{} of {} is now {value}\n", shown(&key), shown(&owner_text)),
        )?;
        Ok(Exit::Done)
    }
}
