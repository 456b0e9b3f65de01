use clap::Args;
use counter_diesel::counter_core::Error as CoreError;
use counter_diesel::{CounterId, CounterKey, Operation, Overflow};
use serde_json::json;

use crate::connect;
use crate::failure::{Exit, Failure};
use crate::output::{Output, shown};
use crate::owner::OwnerArgument;
use crate::settings::Settings;

/// What `increment` and `decrement` take. They need the store only, and no database.
#[derive(Args)]
pub(crate) struct Change {
    /// Whose counter, such as user:123
    owner: OwnerArgument,
    /// Its name
    key: CounterKey,
    /// By how much; may be negative
    #[arg(default_value_t = 1, allow_negative_numbers = true)]
    by: i64,
}

impl Change {
    pub(crate) fn increment(self, settings: &Settings, output: Output) -> Result<Exit, Failure> {
        let by = Some(self.by);
        self.run("increment", by, settings, output)
    }

    pub(crate) fn decrement(self, settings: &Settings, output: Output) -> Result<Exit, Failure> {
        let by = self.by.checked_neg();
        self.run("decrement", by, settings, output)
    }

    fn run(
        self,
        command: &str,
        delta: Option<i64>,
        settings: &Settings,
        output: Output,
    ) -> Result<Exit, Failure> {
        let id = CounterId::of(&self.owner.owner, &self.key);
        let (operation, counter) = (Operation::Increment, id.clone());
        let overflow = CoreError::NotCounted { operation, counter, source: Overflow.into() };
        let delta = delta.ok_or(overflow)?;
        connect::store(settings)?.increment(&id, delta)?;
        output.result(
            command,
            || json!({ "owner": self.owner.text, "key": self.key.as_str(), "by": self.by }),
            || {
                let (key, owner) = (shown(self.key.as_str()), shown(&self.owner.text));
                format!("{key} of {owner}: {delta:+}\n")
            },
        )?;
        Ok(Exit::Done)
    }
}
