//! Which prefixes were synced into the database, and whether counts were left behind one of them.

use std::cmp::Reverse;
use std::time::Instant;

use counter_core::{Cursor, InspectStore, Prefix, Printable};

use super::diagnosis::Diagnosis;
use super::finding::{FindingCode as Code, PrefixUse, Severity};
use super::survey::{OVERDUE, SurveyBounds};
use crate::causes::one_line;
use crate::engine::distinct::Distinct;
use crate::engine::engine::Engine;
use crate::engine::prefixes::{is_new_prefix, is_within, synced_instead};
use crate::error::Error;
use crate::ledger::state::{LedgerState, SyncedPrefix};

/// Returns the present prefix, behind which so many counters hold anything, and the others that the
/// database knows.
pub(super) fn look(
    engine: &Engine,
    state: Option<&LedgerState>,
    held: Option<u64>,
    bounds: SurveyBounds,
    diagnosis: &mut Diagnosis,
) -> Vec<PrefixUse> {
    let present = engine.prefix();
    // A store that is gone with its process has no prefix.
    let Some(state) = state.filter(|_| engine.store().generation().is_some()) else {
        return Vec::new();
    };
    let known = match engine.ledger().prefixes() {
        Ok(known) => known,
        Err(error) => {
            diagnosis.database_unchecked("the prefixes that were synced", &one_line(&error));
            return Vec::new();
        }
    };
    let is_present = |known: &&SyncedPrefix| known.prefix == present.as_str();
    let synced_at = known.iter().find(is_present).and_then(|present| present.synced_at);
    let prefix = present.as_str().to_owned();
    let mut prefixes = vec![PrefixUse { prefix, is_present: true, synced_at, held }];
    let mut others = known.iter().filter(|known| !is_present(known)).collect::<Vec<_>>();
    others.sort_by_key(|other| Reverse(other.synced_at));
    let mut look = Look { bounds, started: Instant::now(), looked_at: 0 };
    for SyncedPrefix { prefix, synced_at } in others {
        let held = held.and_then(|_| held_behind(engine, prefix, &mut look, diagnosis));
        let (prefix, synced_at) = (prefix.clone(), *synced_at);
        prefixes.push(PrefixUse { prefix, is_present: false, synced_at, held });
    }
    prefixes.sort_by(|a, b| a.prefix.cmp(&b.prefix));
    let instead = if is_new_prefix(state) { synced_instead(&known, present) } else { None };
    let instead = instead.map(|other| other.prefix);
    judge(&prefixes, instead.as_deref(), present, diagnosis);
    prefixes
}

/// A look behind all other prefixes, of which there may be many: a server goes through all of its
/// names for each.
struct Look {
    bounds: SurveyBounds,
    started: Instant,
    looked_at: u64,
}

impl Look {
    fn is_over(&self) -> bool {
        let Self { bounds, started, looked_at } = self;
        *looked_at >= bounds.max_names || started.elapsed() >= bounds.longest
    }
}

/// Returns how many counters hold anything there, or `None` if the look was over before.
fn held_behind(
    engine: &Engine,
    prefix: &str,
    look: &mut Look,
    diagnosis: &mut Diagnosis,
) -> Option<u64> {
    let (store, prefix) = (engine.store().inspection()?, prefix.parse::<Prefix>().ok()?);
    if look.is_over() {
        return None;
    }
    match count(store, &prefix, look) {
        Ok(held) => Some(held),
        Err(error) => {
            diagnosis.store_unchecked("what it holds behind other prefixes", &one_line(&error));
            None
        }
    }
}

fn count(store: &dyn InspectStore, prefix: &Prefix, look: &mut Look) -> Result<u64, Error> {
    let (mut held, mut next) = (Distinct::default(), Some(Cursor::default()));
    while let Some(from) = next {
        let page = store.held_under(prefix, from, look.bounds.page)?;
        page.ids.iter().for_each(|id| {
            held.insert(id);
        });
        look.looked_at += look.bounds.page.get() as u64;
        next = page.next.filter(|_| !look.is_over());
    }
    Ok(held.count() as u64)
}

/// `instead` is the prefix that was synced before this one, which never was.
fn judge(
    prefixes: &[PrefixUse],
    instead: Option<&str>,
    present: &Prefix,
    diagnosis: &mut Diagnosis,
) {
    let present = Printable(present.as_str());
    for PrefixUse { prefix, is_present, synced_at, held } in prefixes {
        let is_overdue = synced_at.is_none_or(|at| !is_within(at, OVERDUE));
        let is_left = !is_present && is_overdue && held.is_some_and(|held| held > 0);
        let is_instead = instead == Some(prefix.as_str());
        if !is_left && !is_instead {
            continue;
        }
        let prefix = Printable(prefix);
        let when = synced_at.map_or_else(String::new, |at| {
            format!(", last at {} UTC", at.format("%Y-%m-%d %H:%M:%S"))
        });
        let never = if is_instead { format!(", and never from {present}") } else { String::new() };
        let held = match held {
            Some(held) => format!("{held} counters hold something there"),
            None => "what is pending there is not known".to_owned(),
        };
        diagnosis.add(
            Severity::Warning,
            Code::OtherPrefix,
            format!("the database was synced from the prefix {prefix} too{when}{never}: {held}"),
            format!(
                "if the prefix was changed, sync what is left: COUNTER_PREFIX={prefix} counter sync"
            ),
        );
    }
}
