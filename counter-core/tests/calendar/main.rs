//! How instants become periods: zones, and the steps of spans.
#![allow(clippy::unwrap_used)]

#[cfg(feature = "chrono-tz")]
mod clock_changes;
mod offsets;
mod spans;
mod steps;

use chrono::{DateTime, NaiveDate, Utc};
use counter_core::{Grain, Zone};

const GRAINS: [Grain; 6] =
    [Grain::Hour, Grain::Day, Grain::Week, Grain::Month, Grain::Quarter, Grain::Year];

fn date(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).unwrap()
}

fn instant(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn zone(text: &str) -> Zone {
    text.parse().unwrap()
}
