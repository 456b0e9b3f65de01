use clap::Args;
use counter_diesel::check::{CheckUp, Finding, FindingCode, Severity};

use crate::connect;
use crate::failure::{Exit, Failure};
use crate::output::{Output, shown};
use crate::settings::CommandSettings;

/// Look for what is wrong with the store and the database
///
/// Or could go wrong: settings under which a crash forgets counts, tables that are missing, a store that was replaced
/// or came back from an old copy, claims that nobody finishes, and so on; each with what to do about it. A side that
/// is away is a finding too, and the other one is looked at all the same. Changes nothing, and ends soon: of what
/// the store holds it looks at the first 100,000 names, or as many as it gets in ten seconds. Where increments wait
/// in the application's own memory (COUNTER_STORE=memory), only the database is looked at.
///
/// Exit code 1 if a finding is an error, 3 if a side cannot be reached, and 0 with warnings and notes alone.
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

/// The servers and how much was found, then each finding by itself: lines that are long, but few.
fn in_text(check_up: &CheckUp) -> String {
    let summary = check_up.to_string();
    let summary = summary.lines().next().unwrap_or_default();
    let finding = |Finding { severity, code, message, advice, .. }: &Finding| {
        format!("\n{severity} {code}\n  {}\n  to do: {advice}\n", shown(message))
    };
    format!("{}\n", shown(summary)) + &check_up.findings.iter().map(finding).collect::<String>()
}
