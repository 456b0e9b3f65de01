use std::ops::ControlFlow;

use clap::Args;
use counter_diesel::sync::Merged;

use crate::connect::{self, Access};
use crate::failure::{Exit, Failure};
use crate::output::{BatchProgress, Output, complain_of_merge, merged_in_json, merged_in_text};
use crate::owner::OwnerTypeArgument;
use crate::settings::CommandSettings;
use crate::signals::Signals;

/// Move the counters of all owners of a type to another type, while they are counted
///
/// For a model that gets another name: OLD:1 is merged into NEW:1, and so on, as `counter merge`
/// does it. Works in batches of a thousand counters. After an error or a signal, the same command
/// goes on. Run it once more when no process counts under the old name any more.
///
/// Exit code 1 if something is left; 130 or 143 if SIGINT or SIGTERM stopped it.
#[derive(Args)]
pub(crate) struct RenameType {
    /// Type whose counters are moved, such as blog_post
    old: OwnerTypeArgument,
    /// Type that gets them
    new: OwnerTypeArgument,
}

impl RenameType {
    pub(crate) fn run(self, settings: &CommandSettings, output: Output) -> Result<Exit, Failure> {
        let Self { old, new } = self;
        let counters = connect::counters_with_shared_store(settings, Access::Write)?;
        let signals = Signals::catch()?;
        let mut progress = BatchProgress::new(output);
        let mut observer = |merged: &Merged| {
            let removed = merged.rows_removed;
            progress.show(|| format!("{} counters moved, {removed} rows removed", merged.moved));
            if signals.arrived().is_some() {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        };
        let merged =
            counters.rename_owner_type_observed(&old.owner_type, &new.owner_type, &mut observer);
        progress.finish();
        let merged = merged?;
        let found = merged_in_json(&merged, &old.text, &new.text);
        output.result("rename-type", &found, || merged_in_text(&merged, &old.text, &new.text))?;
        complain_of_merge(&merged, output);
        Ok(match signals.arrived() {
            Some(signal) if merged.interrupted => signal,
            _ if merged.is_complete() => Exit::Done,
            _ => Exit::Failed,
        })
    }
}
