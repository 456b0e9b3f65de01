use chrono::{NaiveDate, NaiveDateTime};
use clap::Args;
use counter_diesel::CounterKey;
use counter_diesel::ledger::Kept as KeptRow;
use counter_diesel::query::Grain;
use serde_json::{Value, json};

use crate::connect::{self, Access};
use crate::failure::{Exit, Failure};
use crate::output::{Output, table};
use crate::owner::OwnerTypeArgument;
use crate::settings::CommandSettings;

/// Print or correct since when counts of periods are kept
///
/// Reads of earlier periods are an error. A sync finds out by itself since when a key is counted by
/// a grain, and prune moves it on. Correct it where processes that did not count by the grain yet
/// went on for longer, or where earlier periods were filled in.
#[derive(Args)]
pub(crate) struct Kept {
    /// Type of the owners, such as post; default: all
    owner_type: Option<OwnerTypeArgument>,
    /// Name of the counter; default: all
    key: Option<CounterKey>,
    /// Grain of the periods: hour, day, week, month, quarter or year; default: all
    grain: Option<Grain>,
    /// Keep them from this date on, such as 2026-12-01
    #[arg(long, value_name = "DATE", requires = "grain")]
    since: Option<NaiveDate>,
    /// Keep all of them
    #[arg(long, requires = "grain", conflicts_with = "since")]
    always: bool,
}

impl Kept {
    pub(crate) fn run(self, settings: &CommandSettings, output: Output) -> Result<Exit, Failure> {
        let is_changed = self.since.is_some() || self.always;
        let access = if is_changed { Access::Write } else { Access::Read };
        let counters = connect::existing_database_to(settings, access)?;
        if let (true, Some(of), Some(key), Some(grain)) =
            (is_changed, &self.owner_type, &self.key, self.grain)
        {
            counters.set_kept(&of.owner_type, key, grain, self.since)?;
        }
        let mut rows = counters.kept()?;
        rows.retain(|row| self.is_about(row));
        let found = json!({ "kept": rows.iter().map(in_json).collect::<Value>() });
        output.result("kept", &found, || {
            table(&rows.iter().map(|row| ([], in_text(row))).collect::<Vec<_>>())
        })?;
        Ok(Exit::Done)
    }

    fn is_about(&self, row: &KeptRow) -> bool {
        self.owner_type.as_ref().is_none_or(|of| of.owner_type == row.owner_type)
            && self.key.as_ref().is_none_or(|key| *key == row.key)
            && self.grain.is_none_or(|grain| grain == row.grain)
    }
}

fn in_json(row: &KeptRow) -> Value {
    json!({
        "owner_type": row.owner_type.as_str(),
        "key": row.key.as_str(),
        "grain": row.grain.as_str(),
        "since": row.since.map(in_full),
        "rolled_from": row.rolled_from.map(Grain::as_str),
        "rolled_until": row.rolled_from.and(row.rolled_until).map(in_full),
    })
}

fn in_full(at: NaiveDateTime) -> String {
    at.format("%Y-%m-%dT%H:%M:%S").to_string()
}

fn in_text(row: &KeptRow) -> String {
    let KeptRow { owner_type, key, grain, since, rolled_from, rolled_until, .. } = row;
    let since = since.map_or_else(
        || "always".to_owned(),
        |since| format!("since {}", since.format("%Y-%m-%dT%H:%M")),
    );
    let until = rolled_until
        .map_or_else(String::new, |until| format!(" until {}", until.format("%Y-%m-%dT%H:%M")));
    let rolled =
        rolled_from.map_or_else(String::new, |from| format!(", added up from each {from}{until}"));
    format!("{} {} by {grain}: {since}{rolled}", owner_type.as_str(), key.as_str())
}
