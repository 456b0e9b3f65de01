use std::io::{self, IsTerminal as _};

use clap::Args;
use counter_diesel::query::{Grain, Period, Span, Step};
use counter_diesel::{Counters, Series as Counts};
use serde_json::{Value, json};

use crate::connect;
use crate::failure::{Exit, Failure};
use crate::key::KeyArgument;
use crate::output::{Output, table};
use crate::owner::OwnerArgument;
use crate::periods::{SpanArguments, label, last, period, stored};
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
    /// The periods within this period, such as 2026-11, 2026-Q4 or 2026. Its first and its last
    /// week are whole ones, also if they begin before it or end after it, and so is every other
    /// period
    #[arg(long, value_name = "PERIOD", value_parser = period, conflicts_with = "last")]
    during: Option<Period>,
    /// How long each period of --during is: hour, day, week, month, quarter or year. Default: day,
    /// or hour for an hour
    #[arg(long, value_name = "GRAIN", requires = "during")]
    by: Option<Grain>,
    #[command(flatten)]
    grouped: SpanArguments,
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
        let span = self.span()?;
        let counters = connect::counters(settings)?;
        let counts = self.counts(&counters, &argument, span)?;
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

    fn span(&self) -> Result<Span, Failure> {
        let span = match (self.last, self.during) {
            (None, Some(period)) => self.within(period)?,
            (last, _) => last.unwrap_or_else(|| Span::last(1, Grain::Day)),
        };
        let span = self.grouped.grouped(span);
        Ok(if self.kept { span.kept() } else { span })
    }

    fn within(&self, period: Period) -> Result<Span, Failure> {
        let by = self.by.unwrap_or_else(|| period.grain().min(Grain::Day));
        if by > period.grain() {
            let what = format!("a {by} is longer than {}", label(period));
            return Err(Failure::usage(what).hint("name a longer period, or a shorter --by"));
        }
        if by == period.grain() && self.grouped.are_calendars(by) {
            return Ok(period.into());
        }
        Ok(Span::between(by, period.start().date(), period.end().date()))
    }

    fn counts(
        &self,
        counters: &Counters,
        argument: &KeyArgument,
        span: Span,
    ) -> Result<Counts, Failure> {
        let owner = &self.owner.owner;
        let stored = stored(counters, owner, argument, self.stored)?;
        Ok(counters.during(span).stored_by(stored).series(owner, &argument.key)?)
    }
}

fn in_json(counts: &Counts) -> Value {
    let one = |(step, value): (Step, i64)| {
        let [starts_at, ends_at] =
            [step.start(), step.end()].map(|at| at.format("%Y-%m-%dT%H:%M:%S").to_string());
        let period = label(step.label());
        json!({ "period": period, "starts_at": starts_at, "ends_at": ends_at, "value": value })
    };
    counts.iter().map(one).collect()
}

/// Returns the label of a period, or the first day of what is none.
fn name(step: Step) -> String {
    step.period().map_or_else(|| step.start().date().to_string(), label)
}

fn in_csv(counts: &Counts) -> String {
    let line = |(step, value)| format!("{},{value}\n", name(step));
    "period,count\n".to_owned() + &counts.iter().map(line).collect::<String>()
}

fn in_table(counts: &Counts) -> String {
    let row = |(step, value): (Step, i64)| ([value.to_string()], name(step));
    table(&counts.iter().map(row).collect::<Vec<_>>())
}

/// The longest bar, in columns.
const WIDTH: i128 = 40;

fn in_chart(counts: &Counts) -> String {
    let highest = counts.values().max().unwrap_or_default().max(1);
    let bar = |value: i64| {
        let columns = i128::from(value.max(0)) * WIDTH / i128::from(highest);
        // A count above 0 has a bar.
        let columns = if value > 0 { columns.max(1) } else { 0 };
        "█".repeat(usize::try_from(columns).unwrap_or_default())
    };
    let row = |(step, value): (Step, i64)| {
        ([value.to_string()], format!("{}  {}", name(step), bar(value)).trim_end().to_owned())
    };
    table(&counts.iter().map(row).collect::<Vec<_>>())
}
