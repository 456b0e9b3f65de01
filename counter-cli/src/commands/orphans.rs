use std::ops::ControlFlow;
use std::time::Duration;

use clap::Args;
use counter_diesel::Owner;
use counter_diesel::error::one_line;
use counter_diesel::ledger::TableName;
use counter_diesel::sync::Orphaned;
use serde_json::{Value, json};

use crate::connect::{self, Access};
use crate::failure::{Exit, Failure};
use crate::output::{BatchProgress, Output, complain, listed, shown};
use crate::owner::{OwnerTypeArgument, text_of};
use crate::settings::CommandSettings;
use crate::signals::Signals;

/// Find owners that are gone and have counters still, and delete these if asked
///
/// An owner is gone if its id is not in the column of the table. Without --delete this changes
/// nothing: look at what it finds first, because with a wrong table or column every owner is gone.
/// Owners of which a row has changed within the last hour are left alone: their own rows may not be
/// committed yet. Owners are found by the rows of their counters, so what was never synced is found
/// after a sync.
///
/// The column may hold integers, texts, UUIDs or the bytes of UUIDs. Ids are compared as values of
/// its type, by its index.
///
/// Exit code 1 if the counters of some could not be deleted: they are named, and all others are
/// deleted. 130 or 143 if SIGINT or SIGTERM stopped it, after at most ten owners.
#[derive(Args)]
pub(crate) struct OrphansCommand {
    /// Type of the owners, such as post
    #[arg(long, value_name = "TYPE")]
    owner_type: OwnerTypeArgument,
    /// Table of the model, such as posts or blog.posts
    #[arg(long)]
    table: TableName,
    /// Column of its primary key
    #[arg(long, default_value = "id")]
    column: String,
    /// Leave owners alone of which a row has changed within this time
    #[arg(
        long,
        value_name = "TIME",
        default_value = "1h",
        value_parser = humantime::parse_duration
    )]
    older_than: Duration,
    /// Delete all counters of the owners that are gone
    #[arg(long)]
    delete: bool,
    /// Delete them even if none of the owners is there, as with a wrong table
    #[arg(long, requires = "delete")]
    all_gone: bool,
}

impl OrphansCommand {
    pub(crate) fn run(self, settings: &CommandSettings, output: Output) -> Result<Exit, Failure> {
        let access = if self.delete { Access::Write } else { Access::Read };
        let counters = connect::counters_with_shared_store(settings, access)?;
        let signals = Signals::catch()?;
        let mut progress = BatchProgress::new(output);
        let mut observer = |found: &Orphaned| {
            let gone = found.orphans.count();
            progress.show(|| format!("{} owners looked at, {gone} gone", found.owners));
            if signals.arrived().is_some() {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        };
        let search = counters.orphans_of(&self.owner_type.owner_type).older_than(self.older_than);
        let search = if self.all_gone { search.even_if_all_are_gone() } else { search };
        let search = search.observed(&mut observer);
        let found = if self.delete {
            search.delete_in(&self.table, &self.column)
        } else {
            search.find_in(&self.table, &self.column)
        };
        progress.finish();
        let found = found?;
        output.result("orphans", &self.in_json(&found), || self.in_text(&found))?;
        complain_of_orphans(&found, output);
        Ok(match signals.arrived() {
            Some(signal) if found.interrupted => signal,
            _ if found.failed.is_empty() => Exit::Done,
            _ => Exit::Failed,
        })
    }

    fn in_json(&self, found: &Orphaned) -> Value {
        let first = found.orphans.iter().map(|owner| json!({ "owner": text_of(owner) }));
        let failed = found.failed.iter().map(
            |failed| json!({ "owner": text_of(&failed.owner), "why": one_line(&failed.error) }),
        );
        json!({
            "owner_type": self.owner_type.text,
            "table": self.table.to_string(),
            "column": self.column,
            "dry_run": !self.delete,
            "interrupted": found.interrupted,
            "owners": found.owners,
            "orphans": { "count": found.orphans.count(), "first": first.collect::<Vec<_>>() },
            "rows": found.rows,
            "young": found.young,
            "deleted": found.deleted,
            "failed": { "count": found.failed.count(), "first": failed.collect::<Vec<_>>() },
        })
    }

    fn in_text(&self, found: &Orphaned) -> String {
        let line = |owner: &Owner| shown(&text_of(owner));
        let mut lines = listed(&found.orphans, "owners", line);
        let table = self.table.to_string();
        lines.push(format!(
            "{} of {} owners of type {} are not in {}: {} counters",
            found.orphans.count(),
            found.owners,
            shown(&self.owner_type.text),
            shown(&table),
            found.rows
        ));
        if found.young > 0 {
            lines.push(format!("{} more changed too recently", found.young));
        }
        lines.push(match (self.delete, found.orphans.is_empty()) {
            (true, _) => format!("{} counters deleted", found.deleted),
            (false, true) => "nothing to delete".to_owned(),
            (false, false) => "nothing was changed; to delete them: --delete".to_owned(),
        });
        lines.join("\n") + "\n"
    }
}

/// Prints which orphans are left to standard error. In JSON they are part of the result.
fn complain_of_orphans(found: &Orphaned, output: Output) {
    if output.json {
        return;
    }
    let failed = listed(&found.failed, "owners could not be deleted", |failed| {
        format!("{} was not deleted: {}", shown(&text_of(&failed.owner)), one_line(&failed.error))
    });
    failed.iter().for_each(|line| complain(line));
}
