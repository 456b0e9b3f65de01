use clap::Args;

use crate::connect::{self, Access};
use crate::failure::{Exit, Failure};
use crate::output::{Output, complain_of_merge, merged_in_json, merged_in_text};
use crate::owner::OwnerArgument;
use crate::settings::CommandSettings;

/// Move all counters of an owner to another owner, exactly, while both are counted
///
/// The counters of INTO with the same keys grow by as much, and rows of FROM that have been 0 for
/// an hour are removed. Run it again at any time: it moves what was counted for FROM since. After
/// an error or a signal, the same command goes on. Gauges are not merged: they stay and are named.
///
/// Exit code 1 if something is left: a gauge, a counter that is counted all the time, one that
/// could not be moved or synced, or a step of which no answer came.
#[derive(Args)]
pub(crate) struct Merge {
    /// Owner whose counters are moved, such as user:123
    from: OwnerArgument,
    /// Owner that gets them
    into: OwnerArgument,
}

impl Merge {
    pub(crate) fn run(self, settings: &CommandSettings, output: Output) -> Result<Exit, Failure> {
        let Self { from, into } = self;
        let counters = connect::counters_with_shared_store(settings, Access::Write)?;
        let merged = counters.merge(&from.owner, &into.owner)?;
        let found = merged_in_json(&merged, &from.text, &into.text);
        output.result("merge", &found, || merged_in_text(&merged, &from.text, &into.text))?;
        complain_of_merge(&merged, output);
        Ok(if merged.is_complete() { Exit::Done } else { Exit::Failed })
    }
}
