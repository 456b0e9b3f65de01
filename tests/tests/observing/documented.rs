//! What docs/observing.md says.

use std::collections::BTreeSet;

use counter_tests::log::Logged;

use crate::{Case, events};

const PAGE: &str = include_str!("../../../docs/observing.md");

pub const CASES: &[Case] = &[
    ("what is to be alarmed on is a documented metric", || {
        let names = metrics().into_iter().map(|metric| metric.name).collect::<BTreeSet<_>>();
        let is_word = |character: char| character.is_ascii_alphanumeric() || character == '_';
        let words = PAGE.split(|character| !is_word(character));
        let ours = words.filter(|word| word.starts_with("counter_") && *word != "counter_diesel");
        // Of a histogram the exporter makes two more.
        let whole =
            |word: &str| word.trim_end_matches("_sum").trim_end_matches("_count").to_owned();
        let ours = ours.map(whole).collect::<BTreeSet<_>>();
        assert_eq!(ours, names);
    }),
    ("every event that is shown is documented", || {
        let documented = documented_events();
        for (message, _) in events::SHOWN {
            assert!(documented.iter().any(|event| event.message == *message), "{message}");
        }
        assert_eq!(documented.len(), events::SHOWN.len());
    }),
];

/// An event, as the page has it.
#[derive(Debug)]
pub struct DocumentedEvent {
    level: String,
    target: String,
    pub message: String,
    fields: BTreeSet<String>,
}

impl DocumentedEvent {
    /// Asserts that what was logged is as documented. A report may be missing: a sync that could do
    /// nothing has none.
    pub fn assert_describes(&self, logged: &Logged) {
        assert_eq!((&self.level, &self.target), (&logged.level, &logged.target), "{logged:?}");
        let mut fields = logged.fields.keys().cloned().collect::<BTreeSet<_>>();
        if self.message.starts_with("a sync failed") || self.message.starts_with("the store came") {
            fields.insert("report".to_owned());
        }
        let prefix = (self.target != "counter_diesel::pool").then(|| "prefix".to_owned());
        let expected = self.fields.iter().cloned().chain(prefix).collect::<BTreeSet<_>>();
        assert_eq!(fields, expected, "{logged:?}");
    }
}

pub fn documented_events() -> Vec<DocumentedEvent> {
    let event = |cells: Vec<&str>| DocumentedEvent {
        level: cells[0].to_owned(),
        target: quoted(cells[1]).remove(0),
        message: cells[2].to_owned(),
        fields: quoted(cells[3]).into_iter().collect(),
    };
    table("| level |").into_iter().map(event).collect()
}

/// A metric, as the page has it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Metric {
    pub name: String,
    pub kind: String,
    pub unit: String,
    pub labels: BTreeSet<String>,
}

pub fn metrics() -> Vec<Metric> {
    let metric = |cells: Vec<&str>| Metric {
        name: quoted(cells[0]).remove(0),
        kind: cells[1].to_owned(),
        unit: cells[2].to_owned(),
        labels: quoted(cells[3]).into_iter().collect(),
    };
    table("| name |").into_iter().map(metric).collect()
}

/// The cells of the table whose first line begins so.
fn table(head: &str) -> Vec<Vec<&'static str>> {
    let rows = PAGE.lines().skip_while(|line| !line.starts_with(head)).skip(2);
    let rows = rows.take_while(|line| line.starts_with('|'));
    let rows = rows.map(|row| row.split('|').skip(1).map(str::trim).collect::<Vec<_>>());
    let rows = rows.collect::<Vec<_>>();
    assert!(rows.len() > 5, "{head} {rows:?}");
    rows
}

/// What stands between backticks.
fn quoted(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}
