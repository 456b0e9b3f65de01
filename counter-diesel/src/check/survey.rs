//! Scans the store, page by page.

use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use chrono::{NaiveDateTime, TimeDelta};
use counter_core::{Baseline, Claim, Foreign, Holding, Pattern, ScanPage};

use super::diagnosis::Diagnosis;
use super::expiries::Expiries;
use super::finding::{FindingCode as Code, Severity};
use super::listed::{Listed, Shortened};
use crate::causes::one_line;
use crate::engine::distinct::Distinct;
use crate::engine::engine::Engine;
use crate::engine::pages::pages;
use crate::error::Error;
use crate::ledger::state::LedgerState;
use crate::sync::identity::conflicts::conflicts_among;

/// How much of a store a check-up looks at. The rest is reported as not looked at.
#[derive(Debug, Clone, Copy)]
pub struct SurveyBounds {
    /// No further page is read after this many names. Default: 100,000.
    pub max_names: u64,
    /// No further page is read after this time. Default: 10 seconds.
    pub longest: Duration,
    /// Names in a page, so that neither side holds more of them at once. Default: 1,000.
    pub page: NonZeroUsize,
}

impl Default for SurveyBounds {
    fn default() -> Self {
        Self {
            max_names: 100_000,
            longest: Duration::from_secs(10),
            page: NonZeroUsize::MIN.saturating_add(999),
        }
    }
}

/// Without a sync for this long, syncing is taken for forgotten.
pub(super) const OVERDUE: TimeDelta = TimeDelta::hours(1);

/// A time of the store's clock, and when that was.
#[derive(Debug, Clone, Copy)]
pub(super) struct StoreTime {
    pub(super) micros: i64,
    pub(super) at: Instant,
}

impl StoreTime {
    fn age_of(self, claim: &Claim) -> Duration {
        let passed = i64::try_from(self.at.elapsed().as_micros()).unwrap_or(i64::MAX);
        let now = self.micros.saturating_add(passed);
        Duration::from_micros(now.abs_diff(claim.seq.get()))
    }
}

/// A look through the store, with what it has found so far.
pub(super) struct Survey {
    bounds: SurveyBounds,
    claim_timeout: Duration,
    finds_conflicts: bool,
    names: u64,
    is_cut_short: bool,
    has_pending: bool,
    held: Distinct,
    foreign: Listed,
    expiries: Expiries,
    left_behind: Distinct,
    oldest: Option<(Duration, Claim)>,
    conflicts: Listed,
    conflicts_unchecked: Option<Error>,
}

impl Survey {
    pub(super) fn new(
        bounds: SurveyBounds,
        claim_timeout: Duration,
        finds_conflicts: bool,
    ) -> Self {
        Self {
            bounds,
            claim_timeout,
            finds_conflicts,
            names: 0,
            is_cut_short: false,
            has_pending: false,
            held: Distinct::default(),
            foreign: Listed::default(),
            expiries: Expiries::default(),
            left_behind: Distinct::default(),
            oldest: None,
            conflicts: Listed::default(),
            conflicts_unchecked: None,
        }
    }

    /// Goes through the store until its end, or until one of the bounds is reached.
    pub(super) fn sweep(&mut self, engine: &Engine, now: StoreTime) -> Result<(), Error> {
        let started = Instant::now();
        for page in pages(engine.store(), Pattern::all(), self.bounds.page) {
            let page = page?;
            let is_last = page.next.is_none();
            self.look_at(engine, now, page)?;
            let is_enough =
                self.names >= self.bounds.max_names || started.elapsed() >= self.bounds.longest;
            if is_enough && !is_last {
                self.is_cut_short = true;
                break;
            }
        }
        Ok(())
    }

    fn look_at(&mut self, engine: &Engine, now: StoreTime, page: ScanPage) -> Result<(), Error> {
        self.names += (page.ids.len() + page.foreign.len()) as u64;
        page.foreign.into_iter().for_each(|foreign| self.note_foreign(&foreign));
        let mut ids = page.ids;
        ids.sort();
        ids.dedup();
        self.expiries.look(engine, &ids);
        let looked = engine.held(&ids)?;
        let (mut claims, mut seemingly_empty) = (Vec::new(), Vec::new());
        for (id, held) in ids.into_iter().zip(looked) {
            match held {
                Err(foreign) => self.note_foreign(&foreign),
                Ok(Holding { pending: 0, claim: None }) => seemingly_empty.push(id),
                Ok(held) => {
                    self.held.insert(&id);
                    self.has_pending |= held.pending != 0;
                    claims.extend(held.claim);
                }
            }
        }
        if let Some(inspection) = engine.store().inspection() {
            let misplaced = inspection.misplaced(&seemingly_empty)?;
            misplaced.iter().for_each(|foreign| self.note_foreign(foreign));
        }
        self.note_claims(engine, now, claims);
        Ok(())
    }

    /// Returns how many counters hold anything.
    pub(super) fn held(&self) -> u64 {
        self.held.count() as u64
    }

    fn note_foreign(&mut self, foreign: &Foreign) {
        self.foreign.insert(&foreign.name);
    }

    fn note_claims(&mut self, engine: &Engine, now: StoreTime, claims: Vec<Claim>) {
        claims.iter().for_each(|claim| self.note_age(now, claim));
        if self.finds_conflicts && self.conflicts_unchecked.is_none() && !claims.is_empty() {
            match conflicts_among(engine, claims) {
                Ok(conflicts) => {
                    conflicts.iter().for_each(|(claim, row)| self.note_conflict(claim, *row));
                }
                Err(error) => self.conflicts_unchecked = Some(error),
            }
        }
    }

    fn note_age(&mut self, now: StoreTime, claim: &Claim) {
        let age = now.age_of(claim);
        if age >= self.claim_timeout && self.left_behind.insert(&claim.id) {
            let is_older = self.oldest.as_ref().is_none_or(|(oldest, _)| *oldest < age);
            if is_older {
                self.oldest = Some((age, claim.clone()));
            }
        }
    }

    fn note_conflict(&mut self, claim: &Claim, row: Baseline) {
        self.conflicts.insert(&format!("{} (claim {}, row {})", claim.id, claim.seq, row.seq));
    }

    /// Judges what was seen. `state` is what the database knows of the last good sync, and `now`
    /// the time, UTC.
    pub(super) fn judge(
        self,
        state: Option<&LedgerState>,
        now: NaiveDateTime,
        diagnosis: &mut Diagnosis,
    ) {
        if self.foreign.count() > 0 {
            let names = self.foreign.summary("names under the prefix");
            diagnosis.add(
                Severity::Warning,
                Code::ForeignNames,
                format!("{names} are not counters, and are left alone"),
                "remove them if they are not needed, or change the prefix of the program that \
                 writes them; before you change that of the counters, sync",
            );
        }
        self.expiries.judge(diagnosis);
        self.judge_claims(diagnosis);
        if let Some(error) = &self.conflicts_unchecked {
            diagnosis.database_unchecked("conflicts", &one_line(error));
        }
        if let Some(state) = state.filter(|_| self.has_pending) {
            judge_overdue(state, now, diagnosis);
        }
        if self.is_cut_short {
            diagnosis.add(
                Severity::Note,
                Code::SurveyCutShort,
                format!("the store holds more than the {} names that were looked at", self.names),
                "nothing has to be done: findings about names, claims and conflicts are of those; \
                 a sync reports all",
            );
        }
    }

    fn judge_claims(&self, diagnosis: &mut Diagnosis) {
        if let Some((age, claim)) = &self.oldest {
            let (count, id) = (self.left_behind.count(), Shortened(claim.id.as_str()));
            diagnosis.add(
                Severity::Warning,
                Code::ClaimsLeftBehind,
                format!(
                    "{count} claims are left behind by a sync that died or was refused, the oldest \
                     for {} s: {id}",
                    age.as_secs()
                ),
                "run a sync, and see in its report what was refused; reads count them all the same",
            );
        }
        if self.conflicts.count() > 0 {
            let claims = self.conflicts.summary("claims");
            diagnosis.add(
                Severity::Error,
                Code::Conflicts,
                format!(
                    "{claims} are older than what their rows have seen, and may have been counted \
                     already"
                ),
                "find out what happened to the store, then apply or discard them, or set each of \
                 these counters to its right value",
            );
        }
    }
}

/// Of counts that are pending.
fn judge_overdue(state: &LedgerState, now: NaiveDateTime, diagnosis: &mut Diagnosis) {
    let synced_at = state.recorded.as_ref().and_then(|recorded| recorded.synced_at);
    let (since, what) = match (synced_at, state.migrated_at) {
        (Some(synced_at), _) => (synced_at, "but the last good sync was at"),
        (None, Some(migrated_at)) => {
            (migrated_at, "and no sync has run since the tables were made at")
        }
        (None, None) => return,
    };
    if now.signed_duration_since(since) >= OVERDUE {
        let at = since.format("%Y-%m-%d %H:%M:%S");
        diagnosis.add(
            Severity::Warning,
            Code::SyncOverdue,
            format!("counts are pending, {what} {at} UTC"),
            "see whether a worker runs, and what its syncs report",
        );
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use counter_core::{ClaimOp, ClaimSeq, CounterId};

    use super::*;
    use crate::check::finding::Finding;
    use crate::ledger::state::SyncRecord;

    const HOUR: i64 = 3_600_000_000;

    /// Returns the findings after this was seen, at a time of so many microseconds.
    fn found(state: Option<&LedgerState>, now: i64, see: impl FnOnce(&mut Survey)) -> Vec<Finding> {
        let mut survey = Survey::new(SurveyBounds::default(), Duration::from_secs(30), true);
        see(&mut survey);
        let now = DateTime::from_timestamp_micros(now).unwrap_or_default().naive_utc();
        let mut diagnosis = Diagnosis::default();
        survey.judge(state, now, &mut diagnosis);
        diagnosis.into_findings()
    }

    /// The message of the one finding, which has this severity and code.
    fn only(findings: Vec<Finding>, severity: Severity, code: Code) -> String {
        let [finding] = findings.try_into().expect("there is one finding");
        assert_eq!((finding.severity, finding.code), (severity, code), "{finding}");
        finding.message
    }

    fn claim(owner: i64, seq: i64) -> Claim {
        let id = CounterId::new("post", owner, "views").expect("it is valid");
        Claim { id, seq: ClaimSeq::new(seq), op: ClaimOp::Add(1) }
    }

    #[test]
    fn nothing_is_found_where_nothing_was_seen() {
        assert_eq!(found(None, 0, |_| {}), []);
    }

    #[test]
    fn foreign_names_are_a_warning() {
        let findings = found(None, 0, |survey| {
            survey.note_foreign(&Foreign { name: "a\n".to_owned(), why: String::new() });
        });
        let message = only(findings, Severity::Warning, Code::ForeignNames);
        assert!(message.starts_with("1 names under the prefix (a\\n) are not"), "{message}");
    }

    #[test]
    fn claims_are_left_behind_from_the_time_out_on_and_the_oldest_is_named() {
        let after = |seconds: [i64; 2]| {
            let now = StoreTime { micros: HOUR, at: Instant::now() };
            found(None, 0, |survey| {
                for (owner, age) in (1..).zip(seconds) {
                    survey.note_age(now, &claim(owner, HOUR - age * 1_000_000));
                }
            })
        };
        assert_eq!(after([10, 20]), []);
        let message = only(after([31, 20]), Severity::Warning, Code::ClaimsLeftBehind);
        assert!(
            message.starts_with("1 claims ") && message.ends_with(": post:1:views"),
            "{message}"
        );
        // A clock that is wrong by an hour makes claims as old.
        let message = only(after([40, -3000]), Severity::Warning, Code::ClaimsLeftBehind);
        assert!(message.starts_with("2 claims "), "{message}");
        let message = only(after([40, 50]), Severity::Warning, Code::ClaimsLeftBehind);
        assert!(message.ends_with(": post:2:views"), "{message}");
    }

    #[test]
    fn conflicts_are_errors_with_both_sequences() {
        let row = Baseline { count: 1, seq: ClaimSeq::new(9) };
        let findings = found(None, 0, |survey| survey.note_conflict(&claim(1, 7), row));
        let message = only(findings, Severity::Error, Code::Conflicts);
        assert!(message.starts_with("1 claims (post:1:views (claim 7, row 9)) "), "{message}");
    }

    #[test]
    fn counts_wait_for_an_hour_before_a_sync_is_overdue() {
        let epoch = Some(DateTime::UNIX_EPOCH.naive_utc());
        let synced = Some(SyncRecord::new(String::new(), ClaimSeq::ZERO, epoch));
        let state =
            |migrated_at, recorded| LedgerState { migrated_at, recorded, ..LedgerState::default() };
        let at = |state: &LedgerState, now, has_pending| {
            found(Some(state), now, |survey| survey.has_pending = has_pending)
        };
        for (state, what) in [
            (state(None, synced), "but the last good sync was at 1970-01-01 00:00:00 UTC"),
            (state(epoch, None), "and no sync has run since the tables were made at"),
        ] {
            assert_eq!(at(&state, HOUR - 1, true), []);
            assert_eq!(at(&state, HOUR, false), []);
            let message = only(at(&state, HOUR, true), Severity::Warning, Code::SyncOverdue);
            assert!(message.contains(what), "{message}");
        }
        assert_eq!(at(&state(None, None), HOUR, true), []);
    }

    #[test]
    fn a_survey_ends_after_a_hundred_thousand_names_or_ten_seconds_by_default() {
        let SurveyBounds { max_names, longest, page } = SurveyBounds::default();
        assert_eq!((max_names, longest, page.get()), (100_000, Duration::from_secs(10), 1000));
    }
}
