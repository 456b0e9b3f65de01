//! A read of the counter, step by step, over the project's own rule.

use std::sync::LazyLock;

use crate::fixtures::views_of;
use counter_core::{Baseline, Claim, ClaimSeq, CounterId, Holding, Seen, ValueError, value};

use super::state::ModelState;
use super::store::{Store, Ticket};
use super::{LookAt, Part, Rules};

/// Where a read is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Reader {
    /// There is none, or it is over and was right.
    Idle,
    /// It is to begin.
    Ready,
    /// It has met a row above its look, and is to look into the store again.
    Again(Run),
    /// It has looked at some parts of what the store holds.
    Partly(Partly, Run),
    /// It has looked into the store, or, where it is wrong on purpose, read the row.
    Half(Half, Run),
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
    /// How often it may still look.
    looks: u8,
    /// The row's sequence as it was read before the last look.
    before: Option<ClaimSeq>,
}

/// What a look has seen so far that sees its parts one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Partly {
    look: Look,
    /// The high water that it has seen first.
    first: Option<ClaimSeq>,
    /// The one that it has seen last.
    last: ClaimSeq,
    /// How many parts it has seen.
    seen: usize,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Look {
    pending: i64,
    claim: Option<Ticket>,
    /// Its high water.
    pub high_water: ClaimSeq,
}

impl Look {
    /// What the step that moves counts gets of it.
    pub(super) fn seen(self) -> Seen {
        Seen { high_water: self.high_water, pending: self.pending }
    }

    pub(super) fn into(store: &Store) -> Self {
        let pending = store.pending.unwrap_or(0);
        Self { pending, claim: store.claim, high_water: store.high_water }
    }
}

impl ModelState {
    /// The next step of the read.
    pub fn read(&mut self, rules: &Rules) {
        let look = Look::into(&self.stores[0]);
        let row = self.table.baseline();
        self.reader = match std::mem::replace(&mut self.reader, Reader::Idle) {
            Reader::Ready => {
                let run = Run { truths: vec![self.truth], looks: rules.looks - 1, before: None };
                match rules.look {
                    LookAt::Instants { .. } => Partly::default().go_on(look, run, rules.look),
                    LookAt::OneInstant if rules.reads_row_first => {
                        Reader::Half(Half::Row(row), run)
                    }
                    LookAt::OneInstant => Reader::Half(Half::Look(look), run),
                }
            }
            Reader::Again(run) => {
                let run = Run { looks: run.looks - 1, ..run };
                match rules.look {
                    LookAt::Instants { .. } => Partly::default().go_on(look, run, rules.look),
                    LookAt::OneInstant => Reader::Half(Half::Look(look), run),
                }
            }
            Reader::Partly(partly, run) => partly.go_on(look, run, rules.look),
            Reader::Half(Half::Row(row), run) => end(look.value_with(row), run),
            Reader::Half(Half::Look(look), run) if run.was_row_at(&look, row) => {
                end(look.value_with(row), run)
            }
            Reader::Half(Half::Look(_), run) if run.looks > 0 => {
                Reader::Again(Run { before: Some(row.seq), ..run })
            }
            Reader::Half(Half::Look(_), run) => end(Ok(row.count), run),
            ended => ended,
        };
    }

    /// Whether a read is under way that has looked into the store.
    pub fn is_reading(&self) -> bool {
        matches!(self.reader, Reader::Again(_) | Reader::Partly(..) | Reader::Half(..))
    }

    /// Lets the read, if one runs, know what is true now.
    pub fn note_truth(&mut self) {
        let (Reader::Again(run) | Reader::Partly(_, run) | Reader::Half(_, run)) = &mut self.reader
        else {
            return;
        };
        if let Err(place) = run.truths.binary_search(&self.truth) {
            run.truths.insert(place, self.truth);
        }
    }
}

impl Partly {
    /// Looks at the next part, and begins again after the last one if the high water has risen
    /// meanwhile.
    fn go_on(mut self, now: Look, run: Run, rule: LookAt) -> Reader {
        let LookAt::Instants { parts, compares } = rule else { unreachable!() };
        match parts[self.seen] {
            Part::HighWater => {
                self.look.high_water = *self.first.get_or_insert(now.high_water);
                self.last = now.high_water;
            }
            Part::Claim => self.look.claim = now.claim,
            Part::Pending => self.look.pending = now.pending,
        }
        self.seen += 1;
        if self.seen < parts.len() {
            Reader::Partly(self, run)
        } else if compares && self.first != Some(self.last) {
            Reader::Partly(Self::default(), run)
        } else {
            Reader::Half(Half::Look(self.look), run)
        }
    }
}

impl Run {
    fn was_row_at(&self, look: &Look, row: Baseline) -> bool {
        row.seq <= look.high_water || self.before == Some(row.seq)
    }
}

impl Look {
    pub(super) fn value_with(self, row: Baseline) -> Result<i64, ValueError> {
        static ID: LazyLock<CounterId> = LazyLock::new(|| views_of(1));
        let claim = self.claim.map(|Ticket { seq, op }| Claim { id: ID.clone(), seq, op });
        value(&Holding { pending: self.pending, claim }, row)
    }
}

fn end(value: Result<i64, ValueError>, run: Run) -> Reader {
    match value {
        Ok(value) if run.truths.contains(&value) => Reader::Idle,
        Ok(value) => Reader::Wrong(value, run),
        Err(ValueError::Conflict { .. }) => Reader::Refused,
        Err(error) => unreachable!("{error}"),
    }
}
