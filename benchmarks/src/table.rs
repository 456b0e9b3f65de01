use std::fmt;

use crate::environment;
use crate::rounds::{Rounds, Spread};

/// The measures, in Markdown.
#[derive(Default)]
pub struct Table(Vec<Row>);

impl Table {
    pub fn add(&mut self, row: Row) {
        self.0.push(row);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "| measure | ours | limit | ratio: median (min to max) | to reach | reached | load |"
        )?;
        writeln!(f, "|---|--:|--:|--:|--:|---|--:|")?;
        self.0.iter().try_for_each(|row| writeln!(f, "{row}"))
    }
}

/// One measure.
pub struct Row {
    what: String,
    ours: String,
    limit: String,
    ratio: String,
    to_reach: Bar,
    median: f64,
    load: String,
}

/// What the median of the ratios must reach.
#[derive(Debug, Clone, Copy)]
pub enum Bar {
    AtLeast(f64),
    AtMost(f64),
    None,
}

impl Row {
    /// Makes a row of rates per second. The ratio is that of the rates, where more is better.
    pub fn rates(what: impl Into<String>, rounds: &Rounds, to_reach: Bar) -> Self {
        let rate = |taken: &[f64]| in_thousands(1.0 / median(taken)) + "/s";
        Self {
            ours: rate(&rounds.ours),
            limit: rate(&rounds.limit),
            ..Self::ratio(what, rounds.rates(), to_reach)
        }
    }

    /// Makes a row of rates per second. The ratio is that of the times, where less is better.
    pub fn times(what: impl Into<String>, rounds: &Rounds, to_reach: Bar) -> Self {
        Self { ..Self::rates(what, rounds, to_reach).with_ratio(rounds.times()) }
    }

    /// Makes a row of a number in a unit of its own.
    pub fn number(what: impl Into<String>, unit: &str, number: Spread, to_reach: Bar) -> Self {
        let mut row = Self::ratio(what, number, to_reach);
        row.ours = format!("{} {unit}", std::mem::take(&mut row.ratio));
        row
    }

    /// Makes a row of a fact, with nothing to reach.
    pub fn fact(what: impl Into<String>, ours: String, limit: String) -> Self {
        let nothing = Spread { median: 0.0, min: 0.0, max: 0.0 };
        Self { ours, limit, ratio: String::new(), ..Self::ratio(what, nothing, Bar::None) }
    }

    /// Makes a row of a ratio alone.
    pub fn ratio(what: impl Into<String>, ratio: Spread, to_reach: Bar) -> Self {
        Self {
            what: what.into(),
            ours: String::new(),
            limit: String::new(),
            ratio: String::new(),
            to_reach,
            median: 0.0,
            load: environment::load(),
        }
        .with_ratio(ratio)
    }

    /// Names what stands in the place of the limit.
    pub fn beside(self, limit: String) -> Self {
        Self { limit, ..self }
    }

    /// Sets what stands in the columns of the two sides.
    pub fn with_sides(mut self, ours: String, limit: String) -> Self {
        (self.ours, self.limit) = (ours, limit);
        self
    }

    fn with_ratio(mut self, ratio: Spread) -> Self {
        let Spread { median, min, max } = ratio;
        self.ratio = format!("{median:.2} ({min:.2} to {max:.2})");
        self.median = median;
        self
    }

    fn is_reached(&self) -> &'static str {
        let is_reached = match self.to_reach {
            Bar::AtLeast(least) => self.median >= least,
            Bar::AtMost(most) => self.median <= most,
            Bar::None => return "",
        };
        if is_reached { "yes" } else { "**no**" }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, ours, limit, ratio, to_reach, load, .. } = self;
        let reached = self.is_reached();
        write!(f, "| {what} | {ours} | {limit} | {ratio} | {to_reach} | {reached} | {load} |")
    }
}

impl fmt::Display for Bar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeast(least) => write!(f, "≥ {least:.2}"),
            Self::AtMost(most) => write!(f, "≤ {most:.2}"),
            Self::None => Ok(()),
        }
    }
}

fn median(taken: &[f64]) -> f64 {
    Spread::of(taken.iter().copied()).median
}

/// Formats `1234567.8` as `1,234,568`.
pub fn in_thousands(number: f64) -> String {
    let digits = format!("{number:.0}");
    let groups = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy);
    groups.collect::<Vec<_>>().join(",")
}
