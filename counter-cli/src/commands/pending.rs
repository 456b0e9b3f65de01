use clap::Args;
use counter_diesel::Pattern;
use counter_diesel::overview::{OldestClaim, PendingOverview, PendingSums};

use crate::connect;
use crate::failure::{Exit, Failure};
use crate::output::{Output, complain, listed, op_text, shown, table};
use crate::settings::CommandSettings;

/// Show what is pending in the store: by owner type, and the oldest claim
///
/// A claim is what a sync has taken and not settled yet. One that is older than half a minute was
/// left behind by a sync that died; the next sync finishes it. Needs no database, and changes
/// nothing.
#[derive(Args)]
pub(crate) struct Pending {
    /// Only counters whose id matches, such as 'user:*' or '*:123:*'; write \\ for a backslash
    #[arg(long, default_value_t)]
    pattern: Pattern,
}

impl Pending {
    pub(crate) fn run(self, settings: &CommandSettings, output: Output) -> Result<Exit, Failure> {
        let waiting = connect::store_only(settings)?.pending_overview(&self.pattern)?;
        output.result("pending", &waiting, || in_text(&waiting))?;
        if !output.json {
            let lines = listed(&waiting.foreign, "names are not a counter's", ToString::to_string);
            lines.iter().for_each(|line| complain(line));
        }
        Ok(Exit::Done)
    }
}

fn in_text(waiting: &PendingOverview) -> String {
    let sums = if waiting.total.buckets == 0 {
        table(&rows(waiting, ["counters", "pending", "claims"], |sums| {
            [sums.counters.to_string(), sums.pending.to_string(), sums.claims.to_string()]
        }))
    } else {
        table(&rows(waiting, ["counters", "pending", "buckets", "claims"], |sums| {
            let PendingSums { counters, pending, claims, buckets, .. } = sums;
            [counters.to_string(), pending.to_string(), buckets.to_string(), claims.to_string()]
        }))
    };
    let oldest = waiting.oldest_claim.as_ref().map(oldest_in_text);
    sums + &oldest.unwrap_or_default()
}

/// Returns the rows of a table: its heading, one for each type of owners, and the sums of all.
fn rows<const N: usize>(
    waiting: &PendingOverview,
    heading: [&str; N],
    numbers: impl Fn(PendingSums) -> [String; N],
) -> Vec<([String; N], String)> {
    let mut rows = vec![(heading.map(str::to_owned), "owner type".to_owned())];
    rows.extend(waiting.owner_types.iter().map(|(name, sums)| (numbers(*sums), name.clone())));
    rows.push((numbers(waiting.total), "in all".to_owned()));
    rows
}

fn oldest_in_text(oldest: &OldestClaim) -> String {
    let (op, id) = (op_text(oldest.claim.op), shown(oldest.claim.id.as_str()));
    let time = oldest.made_at.map(|time| time.to_string()).unwrap_or_default();
    let age = oldest.age_seconds();
    format!("oldest claim: {op} of {id}, made at {time}, {age:.0} s ago\n")
}
