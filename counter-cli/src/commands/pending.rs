use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, HashSet};
use std::hash::BuildHasher as _;
use std::num::NonZeroUsize;

use chrono::Utc;
use clap::Args;
use counter_diesel::{Claim, CounterId, Cursor, DeltaStore, Findings, Foreign, Held, Pattern};
use serde_json::{Value, json};

use super::claims;
use crate::connect;
use crate::failure::{Exit, Failure};
use crate::output::{self, Output, shown, table};
use crate::settings::Settings;

/// Show what waits in the store: by owner type, and the oldest claim
///
/// A claim is what a sync has taken and not settled yet. One that is older than half a minute was left
/// behind by a sync that died; the next sync finishes it. Needs no database, and changes nothing.
#[derive(Args)]
pub(crate) struct Pending {
    /// Only counters whose id matches, such as 'user:*' or '*:123:*'
    #[arg(long, default_value_t)]
    pattern: Pattern,
}

impl Pending {
    pub(crate) fn run(self, settings: &Settings, output: Output) -> Result<Exit, Failure> {
        let store = connect::store(settings)?;
        let mut found = Found::default();
        found.look_through(&*store, &self.pattern, settings.config()?.sync_batch_size)?;
        output.result("pending", || found.in_json(&self.pattern), || found.in_text())?;
        if !output.json {
            found.complaints().iter().for_each(|line| output::complain(line));
        }
        Ok(Exit::Done)
    }
}

/// What a store holds.
#[derive(Default)]
struct Found {
    /// A scan finds some counters more than once.
    counters: Seen,
    by_owner_type: BTreeMap<String, Sums>,
    oldest_claim: Option<Claim>,
    foreign_names: Seen,
    /// Of what is not ours as much as is listed, by name.
    foreign: BTreeMap<String, Foreign>,
}

/// Names that were seen, each by 64 bits: of ten million, two are taken for one in one of 300,000 scans.
#[derive(Default)]
struct Seen {
    hasher: RandomState,
    hashes: HashSet<u64>,
}

impl Seen {
    fn insert(&mut self, name: &str) -> bool {
        self.hashes.insert(self.hasher.hash_one(name))
    }
}

#[derive(Default, Clone, Copy)]
struct Sums {
    counters: u64,
    /// Of many deltas, which together may not fit where each does.
    pending: i128,
    claims: u64,
}

impl Found {
    fn look_through(
        &mut self,
        store: &dyn DeltaStore,
        pattern: &Pattern,
        page_size: NonZeroUsize,
    ) -> Result<(), Failure> {
        let mut next = Some(Cursor::default());
        while let Some(from) = next {
            let page = store.scan(pattern, from, page_size)?;
            page.foreign.into_iter().for_each(|foreign| self.add_foreign(foreign));
            let is_new = |id: &CounterId| self.counters.insert(id.as_str());
            let ids = page.ids.into_iter().filter(is_new).collect::<Vec<_>>();
            for (id, held) in ids.iter().zip(store.look(&ids)?.held) {
                match held {
                    Ok(held) => self.add(id, held),
                    Err(foreign) => self.add_foreign(foreign),
                }
            }
            next = page.next;
        }
        Ok(())
    }

    fn add(&mut self, id: &CounterId, held: Held) {
        // Nothing but a 0, or synced by somebody between the scan and the look.
        if held == Held::default() {
            return;
        }
        let sums = self.by_owner_type.entry(id.owner_type().into_owned()).or_default();
        sums.counters += 1;
        sums.pending += i128::from(held.pending);
        sums.claims += u64::from(held.claim.is_some());
        let oldest = self.oldest_claim.take().into_iter().chain(held.claim);
        self.oldest_claim = oldest.min_by_key(|claim| claim.seq);
    }

    fn add_foreign(&mut self, foreign: Foreign) {
        if self.foreign_names.insert(&foreign.name) {
            self.foreign.insert(foreign.name.clone(), foreign);
        }
        // As many as a sync lists.
        if self.foreign.len() > Findings::<Foreign>::LISTED {
            self.foreign.pop_last();
        }
    }

    fn total(&self) -> Sums {
        self.by_owner_type.values().fold(Sums::default(), |total, sums| Sums {
            counters: total.counters + sums.counters,
            pending: total.pending + sums.pending,
            claims: total.claims + sums.claims,
        })
    }

    fn complaints(&self) -> Vec<String> {
        let mut lines = self.foreign.values().map(ToString::to_string).collect::<Vec<_>>();
        let more = self.foreign_names.hashes.len() - lines.len();
        if more > 0 {
            lines.push(format!("{more} more names are not a counter's"));
        }
        lines
    }

    fn in_text(&self) -> String {
        let row = |sums: Sums, name: &str| {
            let numbers =
                [sums.counters.to_string(), sums.pending.to_string(), sums.claims.to_string()];
            (numbers, name.to_owned())
        };
        let heading = ["counters", "pending", "claims"].map(str::to_owned);
        let mut rows = vec![(heading, "owner type".to_owned())];
        rows.extend(self.by_owner_type.iter().map(|(name, sums)| row(*sums, name)));
        rows.push(row(self.total(), "in all"));
        let oldest = self.oldest_claim.as_ref().map(|claim| {
            let (time, age) = (claims::time_in(claim.seq).unwrap_or_default(), age_seconds(claim));
            let (op, id) = (claims::op_text(claim.op), shown(claim.id.as_str()));
            format!("oldest claim: {op} of {id}, made at {time}, {age:.0} s ago\n")
        });
        table(&rows) + &oldest.unwrap_or_default()
    }

    fn in_json(&self, pattern: &Pattern) -> Value {
        let sums_of = |sums: Sums| {
            // Nothing that a reader of JSON could take for another number.
            let pending = i64::try_from(sums.pending).ok();
            json!({ "counters": sums.counters, "pending": pending, "claims": sums.claims })
        };
        let by_owner_type = self.by_owner_type.iter();
        let oldest_claim = self.oldest_claim.as_ref().map(|claim| {
            let (time, age) = (json!(claims::time_in(claim.seq)), json!(age_seconds(claim)));
            claims::in_json(claim, [("made_at", time), ("age_seconds", age)])
        });
        json!({
            "pattern": pattern.as_str(),
            "total": sums_of(self.total()),
            "owner_types": by_owner_type
                .map(|(name, sums)| (name.clone(), sums_of(*sums)))
                .collect::<serde_json::Map<_, _>>(),
            "oldest_claim": oldest_claim,
            "invalid": {
                "count": self.foreign_names.hashes.len(),
                "first": self.foreign.values().map(claims::foreign_in_json).collect::<Value>(),
            },
        })
    }
}

/// By this machine's clock.
fn age_seconds(claim: &Claim) -> f64 {
    let age = claims::instant_of(claim.seq).map(|time| Utc::now().signed_duration_since(time));
    age.map_or(0.0, |age| age.num_milliseconds() as f64 / 1000.0)
}
