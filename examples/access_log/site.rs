use std::fmt;

use anyhow::Result;
use counter_diesel::query::{Grain, Period};
use counter_diesel::schema::{PeriodCount, model_counters_periods as periods};
use counter_diesel::{CounterOwner, HasCounters};
use diesel::prelude::*;

use crate::database::AnyConnection;

/// The site as a whole, whose hits are counted by hours and days, too.
#[derive(HasCounters)]
#[counters(keys(hits(every(hour, day))))]
pub struct Site {
    id: i64,
}

/// A log is of one site.
pub const SITE: Site = Site { id: 1 };

/// The hits of the hours or days in which there were any, oldest first.
pub struct Chart(Vec<(Period, i64)>);

impl Chart {
    /// Reads what the last sync wrote.
    pub fn read(conn: &mut AnyConnection, grain: Grain) -> Result<Self> {
        let rows = PeriodCount::of(&*(&SITE).owner()?)?
            .filter(periods::key.eq(SiteCounter::Hits.as_str()))
            .filter(periods::grain.eq(grain.as_str()))
            .order(periods::starts_at)
            .load::<PeriodCount>(conn)?;
        let hits = rows.iter().map(|row| Ok((row.period()?, row.count)));
        Ok(Self(hits.collect::<Result<_>>()?))
    }
}

/// A line for each period: its label, its hits, and a bar whose length is in proportion to them.
impl fmt::Display for Chart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const WIDTH: i64 = 50;
        let highest = self.0.iter().map(|(_, hits)| *hits).max().unwrap_or_default().max(1);
        for (period, hits) in &self.0 {
            let bar = "#".repeat(usize::try_from(hits * WIDTH / highest).unwrap_or_default());
            writeln!(f, "{:<18} {hits:>10}  {bar}", period.to_string())?;
        }
        Ok(())
    }
}
