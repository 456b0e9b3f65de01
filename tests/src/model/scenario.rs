//! What a check begins with.

use std::fmt::Debug;
use std::hash::Hash;
use std::time::Instant;

use counter_core::{Baseline, ClaimOp, ClaimSeq};
use stateright::{Checker, HasDiscoveries, Model, Property};

use super::Rules;
use super::reader::Reader;
use super::state::{Left, ModelState};
use super::store::{Kind, Store};
use super::table::Table;
use super::thread::{Job, Thread};

/// A world to begin with, the rules that hold in it, and what is said of it.
pub struct Scenario {
    /// The world.
    pub start: ModelState,
    /// The rules.
    pub rules: Rules,
    /// The properties to check.
    pub properties: Vec<Property<Self>>,
}

impl Scenario {
    /// One store, empty but not new, and a row of 5 that it has filled. Nothing can happen yet.
    pub fn shared() -> Self {
        Self::of(vec![Store::new(Kind::Shared, 1)], 1)
    }

    /// A store of its own for each process, with the numbers that they count from and the steps
    /// that they count in, over a row of 5 that none of them knows.
    pub fn private(high_waters: &[i64], step: i64, row_seq: i64) -> Self {
        let stores = high_waters.iter().map(|from| Store::new(Kind::Private(step), *from));
        Self::of(stores.collect(), row_seq)
    }

    fn of(stores: Vec<Store>, row_seq: i64) -> Self {
        let row = Baseline { count: 5, seq: ClaimSeq::new(row_seq) };
        let start = ModelState {
            stores,
            table: Table { row: Some(row), transaction: None },
            threads: Vec::new(),
            remembered: Vec::new(),
            unanswered: Vec::new(),
            late_ack: None,
            reader: Reader::Idle,
            truth: row.count,
            evicted: 0,
            conflicts: 0,
            left: Left::default(),
        };
        Self { start, rules: Rules::default(), properties: Vec::new() }
    }

    /// Without a row, as of a counter that was never synced.
    pub fn without_row(mut self) -> Self {
        self.start.table.row = None;
        self.start.truth = 0;
        self
    }

    /// With a thread of this process that makes so many passes.
    pub fn syncing(self, process: usize, passes: u8) -> Self {
        self.with_thread(Thread::new(process, Job::Sync, passes))
    }

    /// With a thread of this process that sets or deletes once.
    pub fn replacing(self, process: usize, op: ClaimOp) -> Self {
        self.with_thread(Thread::new(process, Job::Replace(op), 1))
    }

    /// With a thread of this process that sets once and has no database.
    pub fn putting(self, process: usize, to: i64) -> Self {
        self.with_thread(Thread::new(process, Job::Put(to), 1))
    }

    /// With a set that no sync has applied.
    pub fn set_before(mut self, to: i64) -> Self {
        self.start.stores[0].replace(ClaimOp::Set(to));
        self.start.truth = to;
        self
    }

    fn with_thread(mut self, thread: Thread) -> Self {
        let processes = self.start.remembered.len().max(thread.process + 1);
        self.start.remembered.resize(processes, None);
        self.start.unanswered.resize(processes, false);
        self.start.threads.push(thread);
        self
    }

    /// With a read.
    pub fn reading(mut self) -> Self {
        self.start.reader = Reader::Ready;
        self
    }

    /// With that which may happen besides.
    pub fn with(mut self, left: Left) -> Self {
        self.start.left = left;
        self
    }

    /// With a mistake.
    pub fn mistaken(mut self, rules: Rules) -> Self {
        self.rules = rules;
        self
    }

    /// With this said of it.
    pub fn where_always(mut self, properties: impl IntoIterator<Item = Property<Self>>) -> Self {
        self.properties.extend(properties);
        self
    }

    /// Visits every state and shows that all that is said is true.
    pub fn check(self, name: &str) {
        check(self, name);
    }

    /// Shows that this is not always true, by the shortest way there.
    pub fn refute(self, name: &str, property: &'static str) {
        refute(self, name, property);
    }
}

/// Visits every state of a model and shows that all that is said of it is true.
pub fn check<M>(model: M, name: &str)
where
    M: Model<State: Clone + Debug + Hash + PartialEq + Send + Sync> + Send + Sync + 'static,
    M::Action: Clone + Debug + PartialEq,
{
    let started = Instant::now();
    let checker = model.checker().spawn_bfs().join();
    let states = checker.unique_state_count();
    println!("{name}: {states} states, {:.1} s", started.elapsed().as_secs_f32());
    checker.assert_properties();
}

/// Shows that something said of a model is not always true, by the shortest way there.
pub fn refute<M>(model: M, name: &str, property: &'static str)
where
    M: Model<State: Clone + Debug + Hash + PartialEq + Send + Sync> + Send + Sync + 'static,
    M::Action: Clone + Debug + PartialEq,
{
    let started = Instant::now();
    let checker = model.checker().finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
    let states = checker.unique_state_count();
    let path = checker.assert_any_discovery(property);
    let last = path.last_state().clone();
    let actions = path.into_actions();
    let (steps, seconds) = (actions.len(), started.elapsed().as_secs_f32());
    println!("{name}: a counterexample of {steps} steps in {states} states, {seconds:.1} s");
    println!("    {actions:?}\n    {last:?}");
}
