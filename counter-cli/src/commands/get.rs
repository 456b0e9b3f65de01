use clap::Args;
use serde_json::json;

use super::unknown;
use super::values::{in_json, in_table};
use crate::connect;
use crate::failure::{Exit, Failure};
use crate::key::KeyArgument;
use crate::output::{Output, complain};
use crate::owner::OwnerArgument;
use crate::periods::PeriodArguments;
use crate::settings::CommandSettings;

/// Print the current values of counters
///
/// Prints a bare number for one key and a table for several. A counter that was never incremented
/// is 0, and standard error says that nothing is known of it. Values are exact, also in the middle
/// of a sync. If increments wait in the application's own memory (COUNTER_STORE=memory), the values
/// are those of its last sync. With --during they are what was counted in that period, added up
/// from the shorter periods by which the application counts.
#[derive(Args)]
pub(crate) struct Get {
    /// Owner of the counters, such as user:123
    owner: OwnerArgument,
    /// Names of the counters
    #[arg(required = true, value_name = "KEY")]
    keys: Vec<String>,
    #[command(flatten)]
    period: PeriodArguments,
}

impl Get {
    pub(crate) fn run(self, settings: &CommandSettings, output: Output) -> Result<Exit, Failure> {
        let counters = connect::counters(settings)?;
        let (owner, during) = (&self.owner.owner, self.period.text());
        let keys = KeyArgument::read_all(self.keys)?;
        let are_totals = self.period.during.is_none() && keys.iter().all(KeyArgument::is_total);
        let values = if are_totals {
            let values = counters.get_many(keys.iter().map(|key| (owner, &key.key)))?;
            keys.into_iter().map(|key| key.text).zip(values).collect::<Vec<_>>()
        } else {
            let asked = self.period.counters(&counters, owner, keys)?.into_iter();
            asked
                .map(|asked| Ok((asked.argument.text.clone(), asked.get()?)))
                .collect::<Result<Vec<_>, Failure>>()?
        };
        output.result(
            "get",
            &json!({ "owner": self.owner.text, "during": during, "counters": in_json(&values) }),
            || match values.as_slice() {
                [(_, value)] => format!("{value}\n"),
                values => in_table(values),
            },
        )?;
        if are_totals
            && !output.json
            && let Some(hint) = unknown::hint(&counters, &self.owner, &values)
        {
            complain(&hint);
        }
        Ok(Exit::Done)
    }
}
