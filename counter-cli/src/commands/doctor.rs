use clap::Args;
use counter_diesel::check::{CheckUp, Finding, FindingCode, PrefixUse, Severity};

use crate::connect;
use crate::failure::{Exit, Failure};
use crate::output::{Output, shown};
use crate::settings::CommandSettings;

/// Check the store and the database for problems
///
/// Looks for what is wrong or could go wrong: settings with which a crash forgets counts, missing
/// tables, a store that was replaced or came back from an old copy, claims that no sync finishes,
/// and so on, each with advice. A side that is away is a finding, and the other side is checked all
/// the same. Changes nothing and ends soon: it reads the first 100,000 names in the store, or as
/// many as it can in ten seconds. If increments wait in the application's own memory
/// (COUNTER_STORE=memory), only the database is checked.
///
/// Exit code 1 if a finding is an error, 3 if a side cannot be reached, and 0 if there are only
/// warnings and notes.
#[derive(Args)]
pub(crate) struct Doctor {}

impl Doctor {
    pub(crate) fn run(self, settings: &CommandSettings, output: Output) -> Result<Exit, Failure> {
        let check_up = connect::counters_to_check(settings)?.check();
        output.result("doctor", &check_up, || in_text(&check_up))?;
        Ok(exit_of(&check_up))
    }
}

fn exit_of(check_up: &CheckUp) -> Exit {
    let is_away = |finding: &Finding| {
        matches!(finding.code, FindingCode::StoreUnreachable | FindingCode::DatabaseUnreachable)
    };
    if check_up.findings.iter().any(is_away) {
        return Exit::Unreachable;
    }
    if check_up.worst() == Some(Severity::Error) { Exit::Failed } else { Exit::Done }
}

/// Formats the servers and the number of findings, then each finding: few lines, but long ones.
fn in_text(check_up: &CheckUp) -> String {
    let summary = check_up.to_string();
    let summary = summary.lines().next().unwrap_or_default();
    let finding = |Finding { severity, code, message, advice, .. }: &Finding| {
        format!("\n{severity} {code}\n  {}\n  to do: {advice}\n", shown(message))
    };
    let findings = check_up.findings.iter().map(finding).collect::<String>();
    format!("{}\n", shown(summary)) + &findings + &prefixes_in_text(&check_up.prefixes)
}

/// Lists the prefixes, if there is another than the present one.
fn prefixes_in_text(prefixes: &[PrefixUse]) -> String {
    if prefixes.iter().all(|used| used.is_present) {
        return String::new();
    }
    let line = |used: &PrefixUse| {
        let present = if used.is_present { " (the present one)" } else { "" };
        let synced = match used.synced_at {
            Some(at) => format!("synced last at {} UTC", at.format("%Y-%m-%d %H:%M:%S")),
            None => "never synced".to_owned(),
        };
        let held = match used.held {
            Some(held) => format!(", {held} counters hold something"),
            None => String::new(),
        };
        format!("  {}{present}: {synced}{held}\n", shown(&used.prefix))
    };
    "\nprefixes\n".to_owned() + &prefixes.iter().map(line).collect::<String>()
}
