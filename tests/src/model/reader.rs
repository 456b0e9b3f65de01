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
    /// It has looked into the store, or, where it is wrong on purpose, read the row.
    Half(Half, Truths),
    /// It has met a row above its look, and is to ask the store for its high water again.
    AtRowAbove(Look, Baseline, Truths),
    /// It returned what was never true while it ran.
    Wrong(i64, Truths),
    /// It returned no value, because store and row contradict each other.
    Refused,
}

/// The values that the counter had while the read ran.
pub type Truths = Vec<i64>;

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
                Reader::Half(half, vec![self.truth])
            }
            Reader::Half(Half::Row(row), truths) => end(look, look.high_water, row, truths),
            Reader::Half(Half::Look(look), truths) if row.seq <= look.high_water => {
                end(look, look.high_water, row, truths)
            }
            Reader::Half(Half::Look(look), truths) if !rules.asks_again => {
                end(look, ClaimSeq::new(i64::MAX), row, truths)
            }
            Reader::Half(Half::Look(look), truths) => Reader::AtRowAbove(look, row, truths),
            Reader::AtRowAbove(seen, row, truths) => end(seen, look.high_water, row, truths),
            ended => ended,
        };
    }

    /// Lets the read, if one runs, know what is true now.
    pub fn note_truth(&mut self) {
        if let Reader::Half(_, truths) | Reader::AtRowAbove(_, _, truths) = &mut self.reader
            && let Err(place) = truths.binary_search(&self.truth)
        {
            truths.insert(place, self.truth);
        }
    }
}

fn end(look: Look, later: ClaimSeq, row: Baseline, truths: Truths) -> Reader {
    static ID: LazyLock<CounterId> = LazyLock::new(|| CounterId::new("post", 1, "views").unwrap());
    let claim = look.claim.map(|Ticket { seq, op }| Claim { id: ID.clone(), seq, op });
    let held = Held { pending: look.pending, claim };
    match value(&ID, &held, look.high_water, later, row) {
        Ok(value) if truths.contains(&value) => Reader::Idle,
        Ok(value) => Reader::Wrong(value, truths),
        Err(Error::Conflict { .. }) => Reader::Refused,
        Err(error) => unreachable!("{error}"),
    }
}
