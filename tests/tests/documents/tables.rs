//! Tables that have to name all there is.

use std::collections::BTreeSet;

use counter_diesel::SyncReport;
use counter_diesel::check::FindingCode;

use super::document::document;

/// What stands between quotes in the first column of the tables under a heading.
fn first_column(heading: &str) -> BTreeSet<String> {
    let guide = document("docs/operating.md");
    let section = guide.text.split(&format!("\n## {heading}\n")).nth(1).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
    let cells = rows.filter_map(|row| row.split(" | ").next());
    // A cell may name two, and another name of each in brackets.
    let names = cells.flat_map(|cell| cell.split('(').next().unwrap_or_default().split(", "));
    names.map(|name| name.trim_matches(|c: char| !c.is_ascii_alphanumeric()).to_owned()).collect()
}

#[test]
fn every_finding_of_the_doctor_is_explained() {
    let codes = FindingCode::ALL.iter().map(|code| code.as_str().to_owned());
    assert_eq!(first_column("What the doctor says"), codes.collect::<BTreeSet<_>>());
}

#[test]
fn every_field_of_a_report_is_explained() {
    let source = document("counter-diesel/src/sync/report/report.rs").text;
    let report = syn::parse_file(&source).unwrap().items.into_iter().find_map(|item| match item {
        syn::Item::Struct(item) if item.ident == "SyncReport" => Some(item),
        _ => None,
    });
    let fields = report.unwrap().fields.into_iter().filter_map(|field| field.ident);
    let fields = fields.map(|field| field.to_string());
    assert_eq!(first_column("What a report says"), fields.collect::<BTreeSet<_>>());
}

/// Under its own name, but for what the command's JSON has had other names for from the beginning.
#[test]
fn every_count_of_a_report_is_in_its_json() {
    let report = SyncReport::default();
    let json = serde_json::to_value(&report).unwrap();
    let rest = report.counts().into_iter().chain(report.troubles()).map(|(name, _)| name);
    for name in rest {
        let name = match name {
            "scanned" => "found",
            "zeros" | "superseded" => "skipped",
            name => name,
        };
        assert!(json.get(name).is_some(), "{name}: {json}");
    }
}

/// What makes a report unclean and is counted has a metric, too, or an alarm would not know of it.
#[test]
fn every_count_that_makes_a_report_unclean_is_a_metric() {
    let report = SyncReport::default();
    let metrics = document("docs/observing.md").text;
    let counts = report.counts().into_iter().map(|(name, _)| name).collect::<BTreeSet<_>>();
    let troubles = report.troubles().into_iter().map(|(name, _)| name).collect::<BTreeSet<_>>();
    for name in counts.intersection(&troubles) {
        assert!(metrics.contains(&format!("| `counter_sync_{name}_total` |")), "{name}");
    }
}
