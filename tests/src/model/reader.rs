//! A read of the counter, step by step, over the project's own rule.

use std::sync::LazyLock;

use counter_core::{Baseline, Claim, ClaimSeq, CounterId, Error, Held, value};

use super::Rules;
use super::state::State;
use super::store::{Store, Ticket};

/// Where a read is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Reader {
    /// There is none, or it is over and was right.
    Idle,
    /// It is to begin.
    Ready,
    /// It is to look into the store again.
    Again(Run),
    /// It has looked into the store, or, where it is wrong on purpose, read the row.
    Half(Half, Run),
    /// It has met a row above its look, and is to ask the store for its high water again.
    AtRowAbove(Look, Baseline, Run),
    /// It returned what was never true while it ran.
    Wrong(i64, Run),
    /// It returned no value, because store and row contradict each other.
    Refused,
}

/// A read that is under way.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Run {
    /// The values that the counter has had since it began.
    truths: Vec<i64>,
    /// How often it may look.
    looks: u8,
}

/// What a read has after its first step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Half {
    /// What the store held.
    Look(Look),
    /// The row.
    Row(Baseline),
}

/// What the store held at one instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Look {
    pending: i64,
    claim: Option<Ticket>,
    /// Its high water.
    pub high_water: ClaimSeq,
}

impl Look {
    fn into(store: &Store) -> Self {
        let pending = store.pending.unwrap_or(0);
        Self { pending, claim: store.claim, high_water: store.high_water }
    }
}

impl State {
    /// The next step of the read.
    pub fn read(&mut self, rules: &Rules) {
        let look = Look::into(&self.stores[0]);
        let row = self.table.baseline();
        self.reader = match std::mem::replace(&mut self.reader, Reader::Idle) {
            Reader::Ready => {
                let half = if rules.reads_row_first { Half::Row(row) } else { Half::Look(look) };
                Reader::Half(half, Run { truths: vec![self.truth], looks: rules.looks - 1 })
            }
            Reader::Again(run) => {
                Reader::Half(Half::Look(look), Run { looks: run.looks - 1, ..run })
            }
            Reader::Half(Half::Row(row), run) => end(look, look.high_water, row, run),
            Reader::Half(Half::Look(look), run) if row.seq <= look.high_water => {
                end(look, look.high_water, row, run)
            }
            Reader::Half(Half::Look(look), run) if !rules.asks_again => {
                end(look, ClaimSeq::new(i64::MAX), row, run)
            }
            Reader::Half(Half::Look(look), run) => Reader::AtRowAbove(look, row, run),
            Reader::AtRowAbove(_, row, run) if row.seq <= look.high_water && run.looks > 0 => {
                Reader::Again(run)
            }
            Reader::AtRowAbove(seen, row, run) => end(seen, look.high_water, row, run),
            ended => ended,
        };
    }

    /// Lets the read, if one runs, know what is true now.
    pub fn note_truth(&mut self) {
        let (Reader::Again(run) | Reader::Half(_, run) | Reader::AtRowAbove(_, _, run)) =
            &mut self.reader
        else {
            return;
        };
        if let Err(place) = run.truths.binary_search(&self.truth) {
            run.truths.insert(place, self.truth);
        }
    }
}

fn end(look: Look, later: ClaimSeq, row: Baseline, run: Run) -> Reader {
    static ID: LazyLock<CounterId> = LazyLock::new(|| CounterId::new("post", 1, "views").unwrap());
    let claim = look.claim.map(|Ticket { seq, op }| Claim { id: ID.clone(), seq, op });
    let held = Held { pending: look.pending, claim };
    match value(&ID, &held, look.high_water, later, row) {
        Ok(value) if run.truths.contains(&value) => Reader::Idle,
        Ok(value) => Reader::Wrong(value, run),
        Err(Error::Conflict { .. }) => Reader::Refused,
        Err(error) => unreachable!("{error}"),
    }
}
