//! The sync protocol of one counter as a model that can be checked exhaustively: every order in
//! which the steps of all threads, the deaths, and the lost replies can happen.
//!
//! What decides is the project's own: [`Baseline::after`](counter_core::Baseline::after) is the
//! guard and [`counter_core::value`] the rule of reads. The store is written again, in a form that
//! can be compared and hashed, and compared with the real one. The steps of a pass follow `pass.rs`
//! and `apply.rs`. How stores in memory of several processes differ is in [`numbers`].

use stateright::{Model, Property};

pub mod actions;
pub mod gauge;
pub mod index;
pub mod likeness;
pub mod marks;
pub mod merge;
pub mod numbers;
pub mod old_copy;
pub mod parts;
pub mod properties;
pub mod reader;
pub mod renamed_gauge;
pub mod roll_note;
pub mod rollup;
pub mod scenario;
pub mod state;
pub mod store;
pub mod table;
pub mod thread;

use scenario::Scenario;
use state::ModelState;
use table::Guard;

/// What the protocol does. The default is what the library does; every other value is a mistake.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// Whether a row refuses claims that it has seen.
    pub guard: Guard,
    /// Whether the store is asked before the commit.
    pub verifies: bool,
    /// What may be in the place of a claim that is committed anyway.
    pub commits_under: Under,
    /// Whether what is in the place of a claim is acknowledged with it.
    pub acks_what_is_there: bool,
    /// Whether a read begins with the database.
    pub reads_row_first: bool,
    /// How often a read looks at most, because it meets rows above its looks.
    pub looks: u8,
    /// What a look sees at which instants.
    pub look: LookAt,
    /// Whether each claim is too young for a process that does not take it for one of its own.
    /// Otherwise each is old enough to be taken over.
    pub leaves_young: bool,
    /// Whether a process, after a set or a delete without an answer, stops treating claims as its
    /// own.
    pub forgets_lost_replacements: bool,
}

/// What is in the place of a claim when it is verified, beside the claim itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Under {
    /// Nothing else.
    ItselfAlone,
    /// A newer set.
    ItselfOrASet,
    /// A newer set, or a newer add.
    AnAddToo,
    /// A newer set, or a newer delete.
    ADeleteToo,
    /// A newer set, or nothing.
    NothingToo,
}

/// What a look sees at which instants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LookAt {
    /// Everything at one instant.
    OneInstant,
    /// Each of these at one of its own, as in a cluster while names move to another node.
    Instants {
        /// The first high water is that of the look.
        parts: &'static [Part],
        /// Whether the look counts only if the first high water is the last one too.
        compares: bool,
    },
}

/// A part of a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The high water.
    HighWater,
    /// The claim.
    Claim,
    /// What is pending.
    Pending,
}

impl LookAt {
    /// What a look does if it cannot see everything at one instant.
    pub const IN_PARTS: Self = Self::Instants {
        parts: &[Part::HighWater, Part::Claim, Part::Pending, Part::HighWater],
        compares: true,
    };
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            guard: Guard::Present,
            verifies: true,
            commits_under: Under::ItselfOrASet,
            acks_what_is_there: false,
            reads_row_first: false,
            looks: 4,
            look: LookAt::OneInstant,
            leaves_young: false,
            forgets_lost_replacements: false,
        }
    }
}

/// Something that happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// An increment by 1, in this store.
    Increment(usize),
    /// The next step of this thread.
    Step(usize),
    /// The next step of this thread is done, or not, and it hears no answer.
    LoseReply(usize, IsDone),
    /// The database refuses the transaction of this thread, which begins it again.
    Refuse(usize),
    /// This process dies.
    Crash(usize),
    /// An abandoned transaction is committed.
    CommitLate,
    /// An abandoned transaction is rolled back.
    RollBackLate,
    /// An abandoned acknowledgement arrives.
    AckLate,
    /// The store loses its claim.
    Evict,
    /// Another counter is claimed in this store, which raises the high water of all.
    ClaimOther(usize),
    /// The next step of the read.
    Read,
}

/// Whether a step whose answer is lost was done.
pub type IsDone = bool;

impl Model for Scenario {
    type State = ModelState;
    type Action = Action;

    fn init_states(&self) -> Vec<ModelState> {
        vec![self.start.clone()]
    }

    fn actions(&self, state: &ModelState, actions: &mut Vec<Action>) {
        state.actions(actions);
    }

    fn next_state(&self, before: &ModelState, action: Action) -> Option<ModelState> {
        let mut state = before.clone();
        state.happen(action, &self.rules);
        state.note_truth();
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        self.properties.clone()
    }
}
