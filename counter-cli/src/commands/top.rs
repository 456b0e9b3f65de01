use std::num::NonZeroUsize;

use clap::Args;
use counter_diesel::{CounterKey, Owner};
use serde_json::{Value, json};

use super::values::in_table;
use crate::connect;
use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::owner::{OwnerTypeArgument, text_of};
use crate::periods::PeriodArguments;
use crate::settings::CommandSettings;

/// Print the owners with the highest values of a counter
///
/// The highest first. Owners are chosen by their values in the table and shown with their current
/// ones, so an owner that has risen since the last sync is missing until the next. The database
/// reads every counter of the type, which takes a while if there are millions. With --during they
/// are the owners that counted the most in that period.
#[derive(Args)]
pub(crate) struct Top {
    /// Type of the owners, such as user
    owner_type: OwnerTypeArgument,
    /// Name of the counter
    key: CounterKey,
    /// Maximum number of owners
    #[arg(short, value_name = "N", default_value = "10")]
    n: NonZeroUsize,
    #[command(flatten)]
    period: PeriodArguments,
}

impl Top {
    pub(crate) fn run(self, settings: &CommandSettings, output: Output) -> Result<Exit, Failure> {
        let Self { owner_type: OwnerTypeArgument { owner_type, text }, key, n, period } = self;
        let counters = connect::counters(settings)?;
        let top: Vec<(Owner, i64)> = match period.of_type(&counters, &owner_type, &key)? {
            None => counters.top_of(&owner_type, &key, n.get())?,
            Some(during) => during.top_of(&owner_type, &key, n.get())?,
        };
        let top = top.iter().map(|(owner, value)| (text_of(owner), *value)).collect::<Vec<_>>();
        let in_json = |(owner, value): &(_, _)| json!({ "owner": owner, "value": value });
        let owners = top.iter().map(in_json).collect::<Value>();
        output.result(
            "top",
            &json!({
                "owner_type": text, "during": period.text(), "key": key.as_str(), "owners": owners
            }),
            || in_table(&top),
        )?;
        Ok(Exit::Done)
    }
}
