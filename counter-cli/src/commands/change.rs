use clap::Args;
use counter_diesel::error::{CoreError, Operation, Overflow};
use counter_diesel::{CounterId, CounterKey};
use serde_json::json;

use crate::connect;
use crate::failure::{Exit, Failure};
use crate::key::KeyArgument;
use crate::output::{Output, shown};
use crate::owner::OwnerArgument;
use crate::settings::CommandSettings;

/// The arguments of `increment` and `decrement`, which need only the store.
#[derive(Args)]
pub(crate) struct ChangeCommand {
    /// Owner of the counter, such as user:123
    owner: OwnerArgument,
    /// Name of the counter
    key: CounterKey,
    /// Amount; may be negative
    #[arg(default_value_t = 1, allow_negative_numbers = true)]
    by: i64,
}

impl ChangeCommand {
    pub(crate) fn increment(
        self,
        settings: &CommandSettings,
        output: Output,
    ) -> Result<Exit, Failure> {
        self.require_total()?;
        connect::store_only(settings)?.increment(&self.owner.owner, self.key.as_str(), self.by)?;
        self.print("increment", self.by.into(), output)
    }

    pub(crate) fn decrement(
        self,
        settings: &CommandSettings,
        output: Output,
    ) -> Result<Exit, Failure> {
        self.require_total()?;
        // Refused before anything is opened, whatever state the store is in.
        let by = self.by.checked_neg().ok_or_else(|| self.overflow())?;
        connect::store_only(settings)?.increment(&self.owner.owner, self.key.as_str(), by)?;
        self.print("decrement", -i128::from(self.by), output)
    }

    /// A bucket alone would not be part of its total.
    fn require_total(&self) -> Result<(), Failure> {
        if KeyArgument::read(self.key.to_string())?.is_total() {
            return Ok(());
        }
        let what = format!("{} is what a counter counted in a period", shown(self.key.as_str()));
        Err(Failure::usage(what).hint("count in the counter itself, or set what it counted then"))
    }

    fn overflow(&self) -> CoreError {
        let counter = CounterId::of(&self.owner.owner, &self.key);
        let operation = Operation::Increment;
        CoreError::NotCounted { operation, counter, source: Overflow.into() }
    }

    fn print(&self, command: &str, delta: i128, output: Output) -> Result<Exit, Failure> {
        let (key, owner) = (self.key.as_str(), &self.owner.text);
        output.result(command, &json!({ "owner": owner, "key": key, "by": self.by }), || {
            format!("{} of {}: {delta:+}\n", shown(key), shown(owner))
        })?;
        Ok(Exit::Done)
    }
}
