use std::time::Duration;

use clap::Args;
use counter_diesel::query::Grain;
use counter_diesel::sync::{PruneOptions, Pruned, Retention};
use serde_json::json;

use crate::connect::{self, Access};
use crate::failure::{Exit, Failure};
use crate::output::{Output, complain, listed};
use crate::settings::CommandSettings;

/// Remove what was counted in periods that ended long ago
///
/// Totals and other grains stay. The first call sets the buckets to 0, and a call that comes at
/// least an hour later removes their rows, so run it regularly. It can be stopped and repeated at
/// any time. Without --grain it removes what COUNTER_RETENTION does not keep.
#[derive(Args)]
pub(crate) struct Prune {
    /// Grain of the periods: hour, day, week, month, quarter or year
    #[arg(long, requires = "older_than")]
    grain: Option<Grain>,
    /// Time since the end of a period after which it goes, such as 90d
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration, requires = "grain")]
    older_than: Option<Duration>,
    /// Longer grain to which the counts are added: days to weeks, months, quarters or years, months
    /// to quarters or years, quarters to years
    #[arg(long, value_name = "GRAIN", requires = "grain")]
    roll_up: Option<Grain>,
    /// Remove also what late events are still counted in: what they count there is lost
    #[arg(long)]
    even_if_late: bool,
    /// Only count what would be done
    #[arg(long)]
    dry_run: bool,
}

impl Prune {
    pub(crate) fn run(self, settings: &CommandSettings, output: Output) -> Result<Exit, Failure> {
        let access = if self.dry_run { Access::Read } else { Access::Write };
        let counters = connect::counters_with_shared_store(settings, access)?;
        let retention = self.retention().unwrap_or_else(|| counters.config().retention.clone());
        let options = PruneOptions::of(retention.clone()).dry_run(self.dry_run);
        let pruned = counters.prune(&options.even_if_late(self.even_if_late))?;
        let found = json!({
            "retention": retention.to_string(),
            "dry_run": self.dry_run,
            "rows": pruned.rows,
            "cleared": pruned.cleared,
            "rolled_up": pruned.rolled_up,
            "held": pruned.held,
            "removed": pruned.removed,
            "failed": {
                "count": pruned.failed.count(),
                "first": pruned.failed.iter().map(|failed| {
                    json!({ "counter": failed.counter.as_str(), "why": failed.why })
                }).collect::<Vec<_>>(),
            },
        });
        output.result("prune", &found, || self.in_text(&retention, &pruned))?;
        if pruned.failed.is_empty() {
            return Ok(Exit::Done);
        }
        if !output.json {
            let failed = listed(&pruned.failed, "buckets could not be removed", |failed| {
                format!("{} could not be removed: {}", failed.counter, failed.why)
            });
            failed.iter().for_each(|line| complain(line));
            complain("not everything was removed, and the same command goes on");
        }
        Ok(Exit::Failed)
    }

    fn retention(&self) -> Option<Retention> {
        let (grain, older_than) = self.grain.zip(self.older_than)?;
        let retention = Retention::default().keep_for(grain, older_than);
        Some(match self.roll_up {
            Some(into) => retention.roll_up(grain, into),
            None => retention,
        })
    }

    fn in_text(&self, retention: &Retention, pruned: &Pruned) -> String {
        if retention.is_empty() {
            return "everything is kept: no --grain is given and COUNTER_RETENTION is not set\n"
                .to_owned();
        }
        let [cleared, removed] = match self.dry_run {
            true => ["would be set to 0", "would be removed"],
            false => ["set to 0", "removed"],
        };
        let Pruned { rows, rolled_up, held, .. } = pruned;
        let of = self.grain.map_or_else(String::new, |grain| format!(" of the grain {grain}"));
        let numbers = format!("{} {cleared}, {} {removed}", pruned.cleared, pruned.removed);
        let rolled = match *rolled_up {
            0 => String::new(),
            rolled_up => format!(", {rolled_up} of these added to longer periods"),
        };
        let held =
            if *held == 0 { String::new() } else { format!(", {held} left to a later call") };
        format!("{rows} rows{of} are old enough: {numbers}{rolled}{held}\n")
    }
}
