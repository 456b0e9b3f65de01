//! Which prefixes were synced into the database, and whether counts were left behind one of them.

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
use crate::ledger::ledger::{LedgerState, SyncedPrefix};

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
    for SyncedPrefix { prefix, synced_at } in known.iter().filter(|known| !is_present(known)) {
        let held = held.and_then(|_| held_behind(engine, prefix, bounds, diagnosis));
        let (prefix, synced_at) = (prefix.clone(), *synced_at);
        prefixes.push(PrefixUse { prefix, is_present: false, synced_at, held });
    }
    prefixes.sort_by(|a, b| a.prefix.cmp(&b.prefix));
    let instead = if is_new_prefix(state) { synced_instead(&known, present) } else { None };
    let instead = instead.map(|other| other.prefix);
    judge(&prefixes, instead.as_deref(), present, diagnosis);
    prefixes
}

fn held_behind(
    engine: &Engine,
    prefix: &str,
    bounds: SurveyBounds,
    diagnosis: &mut Diagnosis,
) -> Option<u64> {
    let (store, prefix) = (engine.store().inspection()?, prefix.parse::<Prefix>().ok()?);
    match count(store, &prefix, bounds) {
        Ok(held) => Some(held),
        Err(error) => {
            diagnosis.store_unchecked("what it holds behind other prefixes", &one_line(&error));
            None
        }
    }
}

fn count(store: &dyn InspectStore, prefix: &Prefix, bounds: SurveyBounds) -> Result<u64, Error> {
    let (started, mut pages) = (Instant::now(), 0);
    let (mut held, mut next) = (Distinct::default(), Some(Cursor::default()));
    while let Some(from) = next {
        let page = store.held_under(prefix, from, bounds.page)?;
        page.ids.iter().for_each(|id| {
            held.insert(id);
        });
        pages += 1;
        let looked_at = pages * bounds.page.get() as u64;
        let is_enough = looked_at >= bounds.max_names || started.elapsed() >= bounds.longest;
        next = page.next.filter(|_| !is_enough);
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
