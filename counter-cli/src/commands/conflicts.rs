use clap::{Args, ValueEnum};
use counter_diesel::SyncOptions;
use counter_diesel::overview::Timestamp;
use counter_diesel::store::ClaimSeq;
use counter_diesel::sync::{Conflict, OnConflict, WentBack};

use super::sync::Syncing;
use crate::connect::{self, Access};
use crate::failure::{Exit, Failure};
use crate::output::{Output, op_text, table};
use crate::settings::CommandSettings;

/// Show what may have been counted already, or decide about it
///
/// If Redis came back from an old copy, everything in it may already be in the table. Otherwise
/// only claims that are older than what their row has seen may be there. No sync touches them
/// before you decide, by what happened to Redis.
///
/// Without a decision this changes nothing. It shows the claim that the store holds of each counter
/// and when it was made, what is pending beside it, when the newest claim in the table was made,
/// and the value in the table. Exit code 1 if there is anything to decide.
///
/// A decision is carried out for all of them at once, without asking for confirmation, and cannot
/// be undone. The sync that does it moves everything else, too, and does not wait for other syncs:
/// it takes over their claims, which neither loses nor doubles anything. To settle a single
/// counter, set it to its right value: counter set.
#[derive(Args)]
pub(crate) struct Conflicts {
    /// What to do with everything that is shown
    decision: Option<Decision>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Decision {
    /// Add it to the table: nothing is lost, but what was counted already is counted twice
    Apply,
    /// Drop it from the store: nothing is counted twice, but what was not counted yet is lost. If
    /// Redis came back from an old copy, that is everything it holds, including later increments
    Discard,
}

impl Conflicts {
    pub(crate) fn run(self, settings: &CommandSettings, output: Output) -> Result<Exit, Failure> {
        match self.decision {
            Some(Decision::Apply) => decide("apply", OnConflict::Apply, settings, output),
            Some(Decision::Discard) => decide("discard", OnConflict::Discard, settings, output),
            None => show(settings, output),
        }
    }
}

/// Takes over claims of any age, because the youngest would otherwise stay undecided.
fn decide(
    action: &'static str,
    on_conflict: OnConflict,
    settings: &CommandSettings,
    output: Output,
) -> Result<Exit, Failure> {
    let counters = connect::impatient_counters(settings)?;
    let options = SyncOptions::default().on_conflict(on_conflict);
    Syncing::new(counters, options, output)?.deciding(action).once(None)
}

fn show(settings: &CommandSettings, output: Output) -> Result<Exit, Failure> {
    let conflicts = connect::counters_with_shared_store(settings, Access::Read)?.conflicts()?;
    output.result("conflicts", &conflicts, || in_text(&conflicts))?;
    Ok(if conflicts.is_empty() { Exit::Done } else { Exit::Failed })
}

fn in_text(conflicts: &counter_diesel::sync::Conflicts) -> String {
    if conflicts.is_empty() {
        return "no conflicts\n".to_owned();
    }
    let mut text = conflicts.went_back.as_ref().map(went_back_in_text).unwrap_or_default();
    text += &parts_in_text(conflicts);
    if !conflicts.conflicts.is_empty() {
        let heading = ["claimed at", "claimed", "pending", "table of", "table"].map(str::to_owned);
        let mut rows = vec![(heading, "counter".to_owned())];
        rows.extend(conflicts.conflicts.iter().map(row));
        text += &table(&rows);
    }
    let more = conflicts.conflicts.count() - conflicts.conflicts.iter().len() as u64;
    if more > 0 {
        text += &format!("{more} more counters\n");
    }
    text + "to decide: `counter conflicts apply` loses nothing, but may count twice;\n           \
            `counter conflicts discard` counts nothing twice, but may lose\n"
}

fn went_back_in_text(went_back: &WentBack) -> String {
    let WentBack { found, newest, recorded, .. } = went_back;
    let synced_at = recorded.as_ref().and_then(|recorded| recorded.synced_at);
    let synced =
        synced_at.map(|time| format!("the last good sync ended at {}\n", Timestamp::from(time)));
    let (found, newest) = (time_or_dash(*found), time_or_dash(*newest));
    format!(
        "the store came back from an old copy: the newest claim that it knows was made at \
         {found},\n\
         but it has made claims until {newest}; nothing is synced\n"
    ) + &synced.unwrap_or_default()
}

/// Returns a line about the parts of the store that went back, if there are any.
fn parts_in_text(conflicts: &counter_diesel::sync::Conflicts) -> String {
    let parts = &conflicts.parts_went_back;
    let (Some(first), count) = (parts.iter().next(), parts.count()) else {
        return String::new();
    };
    let (found, newest) = (time_or_dash(first.found), time_or_dash(first.forgotten));
    format!(
        "{count} parts of the store came back from an old copy: part {} knows a claim of {found},\n\
         but has made claims until {newest}; nothing of these parts is synced\n",
        first.part
    )
}

fn row(both: &Conflict) -> ([String; 5], String) {
    let claim = both.held.claim.as_ref();
    let claimed = claim.map_or_else(|| "-".to_owned(), |claim| op_text(claim.op));
    let claimed_at = time_or_dash(claim.map_or(ClaimSeq::ZERO, |claim| claim.seq));
    let pending = match both.held.pending {
        0 => "-".to_owned(),
        pending => format!("{pending:+}"),
    };
    let cells =
        [claimed_at, claimed, pending, time_or_dash(both.row.seq), both.row.count.to_string()];
    (cells, both.id.as_str().to_owned())
}

fn time_or_dash(seq: ClaimSeq) -> String {
    Timestamp::of(seq).map_or_else(|| "-".to_owned(), |time| time.to_string())
}
