use clap::Args;
use serde_json::json;

use super::values::in_json;
use crate::connect::{self, Access};
use crate::failure::{Exit, Failure};
use crate::key::KeyArgument;
use crate::output::{Output, shown};
use crate::owner::OwnerArgument;
use crate::periods::PeriodArguments;
use crate::settings::CommandSettings;

/// Set counters to 0
///
/// One after the other: if one fails, those before it are already 0. A total and what was counted
/// in periods are reset apart from each other: views@day:2026-11-28, or --during.
#[derive(Args)]
pub(crate) struct Reset {
    /// Owner of the counters, such as user:123
    owner: OwnerArgument,
    /// Names of the counters
    #[arg(required = true, value_name = "KEY")]
    keys: Vec<String>,
    #[command(flatten)]
    period: PeriodArguments,
}

impl Reset {
    pub(crate) fn run(self, settings: &CommandSettings, output: Output) -> Result<Exit, Failure> {
        let counters = connect::counters_with_shared_store(settings, Access::Write)?;
        // All names first, so that bad input changes nothing.
        let keys = KeyArgument::read_all(self.keys.clone())?;
        let asked = self.period.to_change(&counters, &self.owner.owner, keys)?;
        asked.iter().try_for_each(|asked| asked.set(0))?;
        let values = self.keys.into_iter().map(|key| (key, 0)).collect::<Vec<_>>();
        let owner = shown(&self.owner.text);
        let during = self.period.suffix();
        let line =
            |(key, _): &(String, i64)| format!("{} of {owner}{during} is now 0\n", shown(key));
        output.result(
            "reset",
            &json!({
                "owner": self.owner.text,
                "during": self.period.text(),
                "counters": in_json(&values),
            }),
            || values.iter().map(line).collect(),
        )?;
        Ok(Exit::Done)
    }
}
