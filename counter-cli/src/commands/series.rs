use std::io::{self, IsTerminal as _};

use clap::Args;
use counter_diesel::query::{Grain, Period, Span};
use counter_diesel::{Counters, Series as Counts};
use serde_json::{Value, json};

use crate::connect;
use crate::failure::{Exit, Failure};
use crate::key::KeyArgument;
use crate::output::{Output, table};
use crate::owner::OwnerArgument;
use crate::periods::{label, last, period, stored};
use crate::settings::CommandSettings;

/// Print what a counter counted in each of several periods
///
/// The oldest first, 0 where nothing was counted. Values are exact, also in the middle of a sync. A
/// terminal shows a bar for each. Longer periods are added up from those by which the application
/// counts; shorter ones are an error.
#[derive(Args)]
pub(crate) struct Series {
    /// Owner of the counter, such as user:123
    owner: OwnerArgument,
    /// Name of the counter
    key: String,
    /// The last periods, of which the newest is the running one: 24h, 30d, 8w, 12mo, 4q, 5y
    #[arg(long, value_name = "N", value_parser = last, required_unless_present = "during")]
    last: Option<Span>,
    /// The periods within this one, such as 2026-11, 2026-Q4 or 2026
    #[arg(long, value_name = "PERIOD", value_parser = period, conflicts_with = "last")]
    during: Option<Period>,
    /// How long each period of --during is: hour, day, week, month, quarter or year
    #[arg(long, value_name = "GRAIN", default_value_t = Grain::Day, requires = "during")]
    by: Grain,
    /// Grain by which the application counts: hour, day, week, month, quarter or year. Default:
    /// those by which anything was counted
    #[arg(long, value_name = "GRAIN")]
    stored: Option<Grain>,
    /// Leave out the periods that are not kept, instead of an error
    #[arg(long)]
    kept: bool,
    /// Print lines of CSV: period,count
    #[arg(long)]
    csv: bool,
}

impl Series {
    pub(crate) fn run(self, settings: &CommandSettings, output: Output) -> Result<Exit, Failure> {
        if self.csv && output.json {
            return Err(Failure::usage("--csv and --json exclude each other"));
        }
        let argument = KeyArgument::read(self.key.clone())?;
        if argument.period.is_some() {
            let what = "a series has periods of its own: name the key without one";
            return Err(Failure::usage(what));
        }
        let counters = connect::counters(settings)?;
        let (span, counts) = self.counts(&counters, &argument)?;
        let found = json!({
            "owner": self.owner.text,
            "key": argument.text,
            "step": span.step().as_str(),
            "counts": in_json(&counts),
            "sum": counts.sum().ok(),
        });
        output.result("series", &found, || match (self.csv, io::stdout().is_terminal()) {
            (true, _) => in_csv(&counts),
            (false, true) => in_chart(&counts),
            (false, false) => in_table(&counts),
        })?;
        Ok(Exit::Done)
    }

    fn counts(
        &self,
        counters: &Counters,
        argument: &KeyArgument,
    ) -> Result<(Span, Counts), Failure> {
        let span = match (self.last, self.during) {
            (None, Some(period)) => {
                Span::between(self.by, period.start().date(), period.end().date())
            }
            (last, _) => last.unwrap_or_else(|| Span::last(1, self.by)),
        };
        let span = if self.kept { span.kept() } else { span };
        let owner = &self.owner.owner;
        let stored = stored(counters, owner, argument, self.stored)?;
        let counts = counters.during(span).stored_by(stored).series(owner, &argument.key)?;
        Ok((span, counts))
    }
}

fn in_json(counts: &Counts) -> Value {
    let one = |(period, value): (Period, i64)| {
        let starts_at = period.start().format("%Y-%m-%dT%H:%M:%S").to_string();
        json!({ "period": label(period), "starts_at": starts_at, "value": value })
    };
    counts.iter().map(one).collect()
}

fn in_csv(counts: &Counts) -> String {
    let line = |(period, value)| format!("{},{value}\n", label(period));
    "period,count\n".to_owned() + &counts.iter().map(line).collect::<String>()
}

fn in_table(counts: &Counts) -> String {
    let row = |(period, value): (Period, i64)| ([value.to_string()], label(period));
    table(&counts.iter().map(row).collect::<Vec<_>>())
}

/// The longest bar, in columns.
const WIDTH: i128 = 40;

fn in_chart(counts: &Counts) -> String {
    let highest = counts.values().max().unwrap_or_default().max(1);
    let bar = |value: i64| {
        let columns = i128::from(value.max(0)) * WIDTH / i128::from(highest);
        // What was counted is seen.
        let columns = if value > 0 { columns.max(1) } else { 0 };
        "█".repeat(usize::try_from(columns).unwrap_or_default())
    };
    let row = |(period, value): (Period, i64)| {
        ([value.to_string()], format!("{}  {}", label(period), bar(value)).trim_end().to_owned())
    };
    table(&counts.iter().map(row).collect::<Vec<_>>())
}
