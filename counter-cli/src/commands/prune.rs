use std::time::Duration;

use clap::Args;
use counter_diesel::query::Grain;
use counter_diesel::sync::PruneOptions;
use serde_json::json;

use crate::connect::{self, Access};
use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::settings::CommandSettings;

/// Remove what was counted in periods that ended long ago
///
/// Totals and other grains stay. The first call sets the buckets to 0, and a call that comes at
/// least an hour later removes their rows, so run it regularly. It can be stopped and repeated at
/// any time.
#[derive(Args)]
pub(crate) struct Prune {
    /// Grain of the periods: hour, day, week, month, quarter or year
    #[arg(long)]
    grain: Grain,
    /// Time since the end of a period after which it goes, such as 90d
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    older_than: Duration,
    /// Only count what would be done
    #[arg(long)]
    dry_run: bool,
}

impl Prune {
    pub(crate) fn run(self, settings: &CommandSettings, output: Output) -> Result<Exit, Failure> {
        let access = if self.dry_run { Access::Read } else { Access::Write };
        let counters = connect::counters_with_shared_store(settings, access)?;
        let options = PruneOptions::new(self.grain, self.older_than).dry_run(self.dry_run);
        let pruned = counters.prune(&options)?;
        let found = json!({
            "grain": self.grain.as_str(),
            "older_than_seconds": self.older_than.as_secs(),
            "dry_run": self.dry_run,
            "rows": pruned.rows,
            "cleared": pruned.cleared,
            "removed": pruned.removed,
        });
        output.result("prune", &found, || {
            let [cleared, removed] = match self.dry_run {
                true => ["would be set to 0", "would be removed"],
                false => ["set to 0", "removed"],
            };
            format!(
                "{} rows of the grain {} are old enough: {} {cleared}, {} {removed}\n",
                pruned.rows, self.grain, pruned.cleared, pruned.removed
            )
        })?;
        Ok(Exit::Done)
    }
}
