//! A store and a ledger that fail, or kill their process, at a chosen step.
//!
//! Every call that a pass makes to either of them is a step; the steps of a pass are counted first, and
//! then the pass is stopped at each.

use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use counter_core::{
    Assurance, Baseline, Claim, ClaimSeq, Claimed, CounterId, CounterKey, Cursor, DeltaStore,
    Error as StoreError, Fact, Foreign, Generation, Look, Owner, OwnerId, OwnerType, Pattern,
    Prefix, Replacement, ScanPage, StoreFacts, StoreStep, Verdict,
};
use counter_diesel::{
    Error, Ledger, LedgerFacts, LedgerState, LedgerStep, LedgerTransaction, Newer, Updated,
};
use diesel::result::{DatabaseErrorKind, Error as DieselError};

/// What happens at the chosen step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It fails, and nothing was done.
    Before,
    /// It is done, but its answer is lost.
    After,
    /// The database refuses it once, as in a deadlock. For a store as [`Fault::Before`].
    Refused,
    /// The same, but it was done: the answer to a commit can be wrong.
    RefusedAfter,
    /// The process dies before it.
    Kill,
    /// The process dies after it.
    KillAfter,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Before, Self::After, Self::Refused, Self::RefusedAfter, Self::Kill, Self::KillAfter];

    fn happens_before(self) -> bool {
        matches!(self, Self::Before | Self::Refused | Self::Kill)
    }
}

/// Counts steps, and knows at which of them what happens.
#[derive(Default)]
pub struct Faults {
    steps: AtomicUsize,
    /// A process dies with all of its threads: none takes another step.
    is_dead: AtomicBool,
    plan: Option<(usize, Fault)>,
    hook: Option<Box<Hook>>,
}

/// What is called before each step, with the step's name, and says what happens there.
type Hook = dyn Fn(&str) -> Option<Fault> + Send + Sync;

/// The death of a process, thrown as a panic.
struct Killed;

impl Faults {
    /// Nothing ever happens; the steps are counted.
    pub fn none() -> Arc<Self> {
        Arc::default()
    }

    /// This happens once, at the step of this number, counted from 0.
    pub fn at(step: usize, fault: Fault) -> Arc<Self> {
        Arc::new(Self { plan: Some((step, fault)), ..Self::default() })
    }

    /// This is called before each step, and says what happens there.
    pub fn deciding(hook: impl Fn(&str) -> Option<Fault> + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { hook: Some(Box::new(hook)), ..Self::default() })
    }

    /// Nothing fails, but this is called before each step: `begin`, `upsert`, `verify`, `ack` and so on.
    pub fn calling(hook: impl Fn(&str) + Send + Sync + 'static) -> Arc<Self> {
        Self::deciding(move |step| {
            hook(step);
            None
        })
    }

    /// The same, once, before the first step of this name.
    pub fn calling_once_before(
        step: &'static str,
        call: impl FnOnce() + Send + 'static,
    ) -> Arc<Self> {
        let call = Mutex::new(Some(call));
        Self::calling(move |name| {
            if name == step
                && let Some(call) = call.lock().unwrap().take()
            {
                call();
            }
        })
    }

    /// How many steps were taken.
    pub fn steps(&self) -> usize {
        self.steps.load(Ordering::SeqCst)
    }

    /// Runs something that may be killed. `None` if it was.
    pub fn survive<T>(run: impl FnOnce() -> T) -> Option<T> {
        catch_unwind(AssertUnwindSafe(run))
            .map_err(|panic| assert!(panic.is::<Killed>(), "a panic that is not a planned death"))
            .ok()
    }

    fn step<T, E>(
        &self,
        name: &str,
        run: impl FnOnce() -> Result<T, E>,
        fail: impl Fn(Fault) -> E,
    ) -> Result<T, E> {
        if self.is_dead.load(Ordering::SeqCst) {
            std::panic::resume_unwind(Box::new(Killed));
        }
        let number = self.steps.fetch_add(1, Ordering::SeqCst);
        let planned = self.plan.filter(|(step, _)| *step == number).map(|(_, fault)| fault);
        let fault = planned.or_else(|| self.hook.as_ref().and_then(|hook| hook(name)));
        let Some(fault) = fault else {
            return run();
        };
        if !fault.happens_before() {
            run()?;
        }
        match fault {
            // Not a real panic: nothing is printed.
            Fault::Kill | Fault::KillAfter => {
                self.is_dead.store(true, Ordering::SeqCst);
                std::panic::resume_unwind(Box::new(Killed))
            }
            fault => Err(fail(fault)),
        }
    }
}

/// A store behind faults.
pub struct FaultyStore {
    /// What it wraps.
    pub inner: Arc<dyn DeltaStore>,
    /// When it fails.
    pub faults: Arc<Faults>,
    /// The generation that it claims to have, instead of that of what it wraps.
    pub generation: Option<Generation>,
    /// Whether a scan finds everything twice on a page, and again in a second round.
    pub repeats_itself: bool,
}

impl FaultyStore {
    /// A store that fails as planned, and is honest about everything else.
    pub fn new(inner: Arc<dyn DeltaStore>, faults: &Arc<Faults>) -> Self {
        Self { inner, faults: Arc::clone(faults), generation: None, repeats_itself: false }
    }

    fn scan_again_and_again(&self, mut page: ScanPage, from: Cursor) -> ScanPage {
        if self.repeats_itself {
            page.ids.extend(page.ids.clone());
            let second_round = (from.round == 0).then_some(Cursor { round: 1, position: 0 });
            let same_round = page.next.map(|next| Cursor { round: from.round, ..next });
            page.next = same_round.or(second_round);
        }
        page
    }
}

impl FaultyStore {
    fn step<T>(
        &self,
        name: &str,
        step: StoreStep,
        run: impl FnOnce() -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let fail = |fault| StoreError::Store { step, source: format!("planned: {fault:?}").into() };
        self.faults.step(name, run, fail)
    }
}

impl DeltaStore for FaultyStore {
    fn increment(&self, id: &CounterId, by: i64) -> Result<(), StoreError> {
        self.inner.increment(id, by)
    }

    fn increment_many(&self, increments: &[(CounterId, i64)]) -> Vec<Result<(), StoreError>> {
        self.inner.increment_many(increments)
    }

    fn look(&self, ids: &[CounterId]) -> Result<Look, StoreError> {
        self.step("look", StoreStep::Look, || self.inner.look(ids))
    }

    fn scan(
        &self,
        pattern: &Pattern,
        from: Cursor,
        count: NonZeroUsize,
    ) -> Result<ScanPage, StoreError> {
        let page = self.step("scan", StoreStep::Scan, || self.inner.scan(pattern, from, count))?;
        Ok(self.scan_again_and_again(page, from))
    }

    fn claim(
        &self,
        ids: &[CounterId],
        claim_timeout: Duration,
    ) -> Result<Vec<Claimed>, StoreError> {
        self.step("claim", StoreStep::Claim, || self.inner.claim(ids, claim_timeout))
    }

    fn replace(&self, id: &CounterId, replacement: Replacement) -> Result<Claim, StoreError> {
        self.step("replace", StoreStep::Claim, || self.inner.replace(id, replacement))
    }

    fn verify(&self, claims: &[Claim], within: Duration) -> Result<Vec<Verdict>, StoreError> {
        self.step("verify", StoreStep::Verify, || self.inner.verify(claims, within))
    }

    fn ack(&self, claims: &[Claim]) -> Result<(), StoreError> {
        self.step("ack", StoreStep::Ack, || self.inner.ack(claims))
    }

    fn renumber(
        &self,
        claim: &Claim,
        above: ClaimSeq,
        assurance: Assurance,
    ) -> Result<Option<Claim>, StoreError> {
        self.step("renumber", StoreStep::Renumber, || self.inner.renumber(claim, above, assurance))
    }

    fn raise(&self, above: ClaimSeq) -> Result<(), StoreError> {
        self.step("raise", StoreStep::Raise, || self.inner.raise(above))
    }

    fn discard(&self, ids: &[CounterId]) -> Result<u64, StoreError> {
        self.step("discard", StoreStep::Discard, || self.inner.discard(ids))
    }

    fn keys_of(&self, owner: &Owner) -> Result<Vec<CounterKey>, StoreError> {
        self.inner.keys_of(owner)
    }

    fn generation(
        &self,
        database: &str,
        above: ClaimSeq,
    ) -> Result<Option<Generation>, StoreError> {
        self.step("generation", StoreStep::Generation, || match &self.generation {
            Some(generation) => Ok(Some(generation.clone())),
            None => self.inner.generation(database, above),
        })
    }

    fn present_generation(&self) -> Result<Option<Generation>, StoreError> {
        self.step("present_generation", StoreStep::Generation, || match &self.generation {
            Some(generation) => Ok(Some(generation.clone())),
            None => self.inner.present_generation(),
        })
    }

    fn inspect(&self) -> Result<StoreFacts, StoreError> {
        let mut facts = self.step("inspect", StoreStep::Inspect, || self.inner.inspect())?;
        if self.generation.is_some() {
            facts.generation = Fact::Known(self.generation.clone());
        }
        Ok(facts)
    }

    fn misplaced(&self, ids: &[CounterId]) -> Result<Vec<Foreign>, StoreError> {
        self.step("misplaced", StoreStep::Look, || self.inner.misplaced(ids))
    }
}

/// A ledger behind faults.
pub struct FaultyLedger {
    /// What it wraps.
    pub inner: Arc<dyn Ledger>,
    /// When it fails.
    pub faults: Arc<Faults>,
}

fn failure(step: LedgerStep, fault: Fault) -> Error {
    let text = format!("planned: {fault:?}");
    match fault {
        Fault::Refused | Fault::RefusedAfter => {
            let source =
                DieselError::DatabaseError(DatabaseErrorKind::SerializationFailure, Box::new(text));
            Error::Database { step, source }
        }
        _ => Error::Unreachable { source: text.into() },
    }
}

impl FaultyLedger {
    fn step<T>(
        &self,
        name: &str,
        step: LedgerStep,
        run: impl FnOnce() -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.faults.step(name, run, |fault| failure(step, fault))
    }
}

impl Ledger for FaultyLedger {
    fn baselines(&self, ids: &[CounterId]) -> Result<Vec<Baseline>, Error> {
        self.step("baselines", LedgerStep::Read, || self.inner.baselines(ids))
    }

    fn baselines_soon(&self, ids: &[CounterId]) -> Result<Vec<Baseline>, Error> {
        self.step("baselines", LedgerStep::Read, || self.inner.baselines_soon(ids))
    }

    fn rows_of(&self, owner: &Owner) -> Result<Vec<(CounterKey, Baseline)>, Error> {
        self.step("rows_of", LedgerStep::Read, || self.inner.rows_of(owner))
    }

    fn top(
        &self,
        owner_type: &OwnerType,
        key: &CounterKey,
        limit: usize,
    ) -> Result<Vec<OwnerId>, Error> {
        self.step("top", LedgerStep::Read, || self.inner.top(owner_type, key, limit))
    }

    fn begin(&self) -> Result<Box<dyn LedgerTransaction + '_>, Error> {
        let inner = self.step("begin", LedgerStep::Begin, || self.inner.begin())?;
        Ok(Box::new(FaultyTransaction { inner, faults: &self.faults }))
    }

    fn state(&self, prefix: &Prefix) -> Result<LedgerState, Error> {
        self.step("state", LedgerStep::State, || self.inner.state(prefix))
    }

    fn record(&self, prefix: &Prefix, generation: &Generation) -> Result<(), Error> {
        self.step("record", LedgerStep::State, || self.inner.record(prefix, generation))
    }

    fn pending_migrations(&self) -> Result<Vec<&'static str>, Error> {
        self.inner.pending_migrations()
    }

    fn run_pending_migrations(&self) -> Result<Vec<&'static str>, Error> {
        self.inner.run_pending_migrations()
    }

    fn inspect(&self) -> Result<LedgerFacts, Error> {
        self.step("inspect_ledger", LedgerStep::Read, || self.inner.inspect())
    }
}

struct FaultyTransaction<'a> {
    inner: Box<dyn LedgerTransaction + 'a>,
    faults: &'a Faults,
}

impl LedgerTransaction for FaultyTransaction<'_> {
    fn upsert(&mut self, claims: &[Claim]) -> Result<Vec<Newer>, Error> {
        self.faults.step(
            "upsert",
            || self.inner.upsert(claims),
            |fault| failure(LedgerStep::Upsert, fault),
        )
    }

    fn update(&mut self, claim: &Claim) -> Result<Updated, Error> {
        self.faults.step(
            "update",
            || self.inner.update(claim),
            |fault| failure(LedgerStep::Upsert, fault),
        )
    }

    fn commit(self: Box<Self>) -> Result<(), Error> {
        let Self { inner, faults } = *self;
        faults.step("commit", || inner.commit(), |fault| failure(LedgerStep::Commit, fault))
    }
}
