//! Whether the store is the one that was synced last, in the state in which it was left.

use counter_core::{Generation, Prefix, Printable};

use super::diagnosis::Diagnosis;
use super::finding::{FindingCode as Code, Severity};
use crate::engine::age::{Age, newest};
use crate::engine::kinship::is_of_other;
use crate::error::DatabaseMismatch;
use crate::ledger::state::{LedgerState, SyncRecord};

/// The state must have been read before the generation: what is recorded only rises.
pub(super) fn judge(
    generation: Option<&Generation>,
    state: &LedgerState,
    diagnosis: &mut Diagnosis,
) {
    let before = match generation {
        Some(present) => state.replaced_by(&present.store_id),
        None => state.recorded.clone(),
    };
    if let Some(before) = before {
        judge_replaced(generation, &before, diagnosis);
    }
}

/// Judges the database that a store is synced into. One that is refused is one finding.
pub(super) fn judge_database(
    generation: &Generation,
    state: &LedgerState,
    mismatch: Option<&DatabaseMismatch>,
    prefix: &Prefix,
    diagnosis: &mut Diagnosis,
) {
    if let Some(mismatch) = mismatch {
        diagnosis.add(
            Severity::Error,
            Code::OtherDatabase,
            format!("{mismatch}; nothing is synced"),
            "find out which database is the right one: if it is this one, run `counter adopt`; \
             if this is a copy, give it a prefix of its own",
        );
    } else if is_of_other(generation, state) {
        diagnosis.add(
            Severity::Error,
            Code::PrefixShared,
            "the store is synced into another database too, under the same prefix: each gets a \
             part of the counts",
            format!(
                "sync, then give each database a prefix of its own; if this database was made \
                 anew, delete the store's {}{{id}}",
                Printable(prefix.as_str())
            ),
        );
    }
}

pub(super) fn judge_age(generation: &Generation, age: &Age, diagnosis: &mut Diagnosis) {
    let found = generation.high_water;
    match age {
        Age::Present => {}
        Age::WentBack(forgotten) => diagnosis.add(
            Severity::Error,
            Code::StoreWentBack,
            format!(
                "the store came back from an old copy: its newest sequence is {found}, and it does \
                 not remember {}, which it gave out, so nothing is synced",
                newest(forgotten)
            ),
            "restore the newer copy, or see what both sides hold and decide whether to apply or to \
             discard what the store holds",
        ),
        Age::HighWaterLost(_) => diagnosis.add(
            Severity::Warning,
            Code::HighWaterLost,
            "the store has lost its newest sequence, and only that",
            "find out what evicts or deletes it; the next sync raises it above all that it is \
             known to have given out",
        ),
    }
}

fn judge_replaced(
    generation: Option<&Generation>,
    replaced: &SyncRecord,
    diagnosis: &mut Diagnosis,
) {
    let was_last = match replaced.synced_at {
        Some(at) => format!("was synced last, at {} UTC", at.format("%Y-%m-%d %H:%M:%S")),
        None => "was there before".to_owned(),
    };
    let what = match generation {
        Some(other) => format!("is now {}", Printable(&other.store_id)),
        None => "has lost its id".to_owned(),
    };
    let before = Printable(&replaced.store_id);
    diagnosis.add(
        Severity::Error,
        Code::StoreReplaced,
        format!(
            "the store {what}, but {before} {was_last}: what was pending there is gone, unless \
             that store is elsewhere"
        ),
        "find out why it lost its data, or connect to the right one; the next sync accepts this \
         one",
    );
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use counter_core::ClaimSeq;

    use super::*;
    use crate::check::finding::Finding;
    use crate::ledger::state::StoreRecord;

    fn judged(
        generation: Option<(&str, &str, i64)>,
        recorded: Option<(&str, i64)>,
    ) -> Vec<Finding> {
        let generation = generation.map(|(store_id, database, newest)| {
            let newest = ClaimSeq::new(newest);
            Generation::new(store_id.to_owned(), database.to_owned(), newest)
        });
        let row = |(store_id, seq): (&str, i64)| StoreRecord {
            synced_at: Some(DateTime::UNIX_EPOCH.naive_utc()),
            ..StoreRecord::new(store_id.to_owned(), ClaimSeq::new(seq))
        };
        let recorded = recorded.map(|(store_id, seq)| SyncRecord {
            store_id: store_id.to_owned(),
            seq: ClaimSeq::new(seq),
            synced_at: Some(DateTime::UNIX_EPOCH.naive_utc()),
        });
        let stores = recorded.iter().map(|last| row((&last.store_id, last.seq.get()))).collect();
        let database = "ours".to_owned();
        let state = LedgerState { database, recorded, stores, ..LedgerState::default() };
        let mut diagnosis = Diagnosis::default();
        judge(generation.as_ref(), &state, &mut diagnosis);
        if let Some(generation) = &generation {
            judge_database(generation, &state, None, &Prefix::default(), &mut diagnosis);
        }
        diagnosis.into_findings()
    }

    fn code_of_age(age: Age) -> Vec<Code> {
        let generation = Generation::new("a".to_owned(), "ours".to_owned(), ClaimSeq::new(4));
        let mut diagnosis = Diagnosis::default();
        judge_age(&generation, &age, &mut diagnosis);
        diagnosis.into_findings().iter().map(|finding| finding.code).collect()
    }

    fn codes(generation: Option<(&str, &str, i64)>, recorded: Option<(&str, i64)>) -> Vec<Code> {
        judged(generation, recorded).iter().map(|finding| finding.code).collect()
    }

    #[test]
    fn a_store_is_the_same_if_it_has_its_id_and_knows_what_was_recorded() {
        assert_eq!(codes(None, None), []);
        assert_eq!(codes(Some(("a", "ours", 5)), None), []);
        assert_eq!(codes(Some(("a", "ours", 5)), Some(("a", 5))), []);
        assert_eq!(codes(Some(("a", "ours", 6)), Some(("a", 5))), []);
        assert_eq!(codes(Some(("b", "ours", 9)), Some(("a", 5))), [Code::StoreReplaced]);
        assert_eq!(codes(None, Some(("a", 5))), [Code::StoreReplaced]);
        assert_eq!(codes(Some(("a", "theirs", 5)), Some(("a", 5))), [Code::PrefixShared]);
        assert_eq!(codes(Some(("a", "", 5)), Some(("a", 5))), [], "it had no id yet");
        let both = [Code::StoreReplaced, Code::PrefixShared];
        assert_eq!(codes(Some(("b", "theirs", 5)), Some(("a", 5))), both);
    }

    #[test]
    fn a_store_that_forgot_what_it_gave_out_is_old_or_has_lost_its_high_water() {
        let five = vec![ClaimSeq::new(5)];
        assert_eq!(code_of_age(Age::Present), []);
        assert_eq!(code_of_age(Age::WentBack(five.clone())), [Code::StoreWentBack]);
        assert_eq!(code_of_age(Age::HighWaterLost(five)), [Code::HighWaterLost]);
    }

    #[test]
    fn the_store_in_its_place_is_named_and_cannot_forge_a_line() {
        let message = |generation| judged(generation, Some(("a", 5))).remove(0).message;
        let another = message(Some(("b\n\u{1b}[2J", "ours", 9)));
        assert!(another.starts_with("the store is now b\\n\\u{1b}[2J, but a was "), "{another}");
        let emptied = message(None);
        assert!(emptied.starts_with("the store has lost its id, but a was synced"), "{emptied}");
    }
}
