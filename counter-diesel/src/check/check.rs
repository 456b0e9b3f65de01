//! A check-up of both sides, for operators. Facts are collected first, by the store and the ledger;
//! then they are judged by pure functions.

use std::time::Instant;

use counter_core::{Clock, Fact, InspectStore, StoreFacts, SystemClock};

use super::diagnosis::Diagnosis;
use super::finding::CheckUp;
use super::survey::{StoreTime, Survey, SurveyBounds};
use super::{cluster, generation, ledger, nodes, prefixes, sentinel, store};
use crate::causes::one_line;
use crate::engine::age::{age_of, recall};
use crate::engine::engine::Engine;
use crate::engine::kinship;
use crate::ledger::facts::{LedgerFacts, TableState};
use crate::ledger::state::LedgerState;

/// Collects the facts of both sides and judges them.
pub(crate) fn check(engine: &Engine, bounds: SurveyBounds) -> CheckUp {
    let mut diagnosis = Diagnosis::default();
    let ledger = ask_ledger(engine, &mut diagnosis);
    // After the ledger: the newest sequence that it has recorded must not be newer than this look.
    let store = ask_store(engine, &mut diagnosis);
    if let (Some(ledger), Some((facts, _))) = (&ledger, &store) {
        compare(facts, ledger, engine, &mut diagnosis);
    }
    let held = store.as_ref().and_then(|(_, time)| {
        let survey = new_survey(engine, bounds, ledger.as_ref());
        look_around(survey, engine, *time, ledger.as_ref(), &mut diagnosis)
    });
    let state = ledger.as_ref().and_then(|ledger| ledger.state.as_ref());
    let prefixes = prefixes::look(engine, state, held, bounds, &mut diagnosis);
    let database = ledger.as_ref().map(|ledger| &ledger.facts);
    CheckUp::new(
        store.as_ref().and_then(|(facts, _)| facts.server.known().cloned()),
        store
            .as_ref()
            .and_then(|(facts, _)| sentinel::master_of(facts).or_else(|| cluster::owner_of(facts))),
        database.and_then(|facts| facts.server.known().cloned()),
        database.and_then(|facts| facts.place.known().cloned()),
        prefixes,
        diagnosis.into_findings(),
    )
}

/// The facts that the database reported.
struct DatabaseAnswers {
    facts: LedgerFacts,
    /// If it could be read.
    state: Option<LedgerState>,
}

impl DatabaseAnswers {
    fn has_rows(&self) -> bool {
        // A ledger that reports nothing about its tables is the caller's own.
        matches!(self.facts.counters_table, Fact::None | Fact::Known(TableState::Usable))
    }
}

fn ask_ledger(engine: &Engine, diagnosis: &mut Diagnosis) -> Option<DatabaseAnswers> {
    let facts = match engine.ledger().inspect() {
        Ok(facts) => facts,
        Err(error) => {
            ledger::unreachable(&error, diagnosis);
            return None;
        }
    };
    ledger::judge(&facts, &engine.tables(), diagnosis);
    let is_readable = matches!(facts.state_table, Fact::None | Fact::Known(TableState::Usable));
    let state = is_readable.then(|| engine.ledger().state(engine.prefix()));
    let state = state.and_then(|state| match state {
        Ok(state) => {
            ledger::judge_id(&state.database, diagnosis);
            Some(state)
        }
        Err(error) => {
            diagnosis.database_unchecked("the store that was synced last", &one_line(&error));
            None
        }
    });
    Some(DatabaseAnswers { facts, state })
}

/// The facts that the store reported, and the time on its server.
fn ask_store(engine: &Engine, diagnosis: &mut Diagnosis) -> Option<(StoreFacts, StoreTime)> {
    let facts = engine.store().inspection().map(InspectStore::inspect);
    match facts.unwrap_or_else(|| Ok(StoreFacts::default())) {
        Ok(facts) => {
            sentinel::judge(&facts, diagnosis);
            nodes::judge(&facts, engine.prefix(), diagnosis);
            let now = facts.clock.known().map(|clock| clock.server);
            let now = now.unwrap_or_else(|| SystemClock.now_micros());
            Some((facts, StoreTime { micros: now, at: Instant::now() }))
        }
        Err(error) => {
            store::unreachable(&one_line(&error), diagnosis);
            None
        }
    }
}

fn compare(
    facts: &StoreFacts,
    ledger: &DatabaseAnswers,
    engine: &Engine,
    diagnosis: &mut Diagnosis,
) {
    let (Some(state), Some(generation)) = (&ledger.state, facts.generation.known()) else {
        return;
    };
    generation::judge(generation.as_ref(), state, diagnosis);
    let (Some(store), Some(generation)) = (engine.store().generation(), generation) else {
        return;
    };
    let read_again = || engine.ledger().state_to_write(engine.prefix());
    let judged = recall(store, generation, state).and_then(|recall| {
        let mismatch = kinship::mismatch(generation, state, &recall.noted, read_again)?;
        let (mismatch, prefix) = (mismatch.as_ref(), engine.prefix());
        generation::judge_database(generation, state, mismatch, prefix, diagnosis);
        generation::judge_age(generation, &age_of(recall), diagnosis);
        Ok(())
    });
    match judged {
        Ok(()) => {}
        Err(error) => {
            diagnosis.store_unchecked("what the store remembers", &one_line(&error));
        }
    }
}

fn new_survey(engine: &Engine, bounds: SurveyBounds, ledger: Option<&DatabaseAnswers>) -> Survey {
    // A store of one process renumbers its claims by itself where another process's are newer.
    let is_private = engine.store().private().is_some();
    let finds_conflicts = !is_private && ledger.is_some_and(DatabaseAnswers::has_rows);
    Survey::new(bounds, engine.config().claim_timeout, finds_conflicts)
}

/// Returns how many counters hold anything, if that could be found out.
fn look_around(
    mut survey: Survey,
    engine: &Engine,
    now: StoreTime,
    ledger: Option<&DatabaseAnswers>,
    diagnosis: &mut Diagnosis,
) -> Option<u64> {
    let swept = survey.sweep(engine, now);
    if let Err(error) = &swept {
        diagnosis.store_unchecked("what the store holds", &one_line(error));
    }
    let held = survey.held();
    let state = ledger.and_then(|ledger| ledger.state.as_ref());
    survey.judge(state, chrono::Utc::now().naive_utc(), diagnosis);
    swept.is_ok().then_some(held)
}
