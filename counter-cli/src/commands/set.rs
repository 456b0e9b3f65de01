use clap::Args;
use serde_json::json;

use crate::connect::{self, Access};
use crate::failure::{Exit, Failure};
use crate::key::KeyArgument;
use crate::output::{Output, shown};
use crate::owner::OwnerArgument;
use crate::periods::PeriodArguments;
use crate::settings::CommandSettings;

/// Set a counter to a value
///
/// Earlier increments are dropped, later ones count. It settles a conflict, too. A total and what
/// was counted in periods are set apart from each other: views@day:2026-11-28, or --during.
#[derive(Args)]
pub(crate) struct Set {
    /// Owner of the counter, such as user:123
    owner: OwnerArgument,
    /// Name of the counter
    key: String,
    /// New value
    #[arg(allow_negative_numbers = true)]
    value: i64,
    #[command(flatten)]
    period: PeriodArguments,
}

impl Set {
    pub(crate) fn run(self, settings: &CommandSettings, output: Output) -> Result<Exit, Failure> {
        let Self { owner: OwnerArgument { owner, text: owner_text }, key, value, period } = self;
        let counters = connect::counters_with_shared_store(settings, Access::Write)?;
        let keys = vec![KeyArgument::read(key.clone())?];
        period.to_change(&counters, &owner, keys)?.iter().try_for_each(|it| it.set(value))?;
        output.result(
            "set",
            &json!({ "owner": owner_text, "during": period.text(), "key": key, "value": value }),
            || {
                let (key, owner, period) = (shown(&key), shown(&owner_text), period.suffix());
                format!("{key} of {owner}{period} is now {value}\n")
            },
        )?;
        Ok(Exit::Done)
    }
}
