//! Steps of the store in Redis that change several counters at one instant.

use super::steps::{self, Found};
use super::store::RedisStore;
use crate::error::Error;
use crate::store::{CountMove, CountTogether, JointIncrement, MoveCounts, MoveOutcome};

impl MoveCounts for RedisStore {
    fn move_counts(&self, moves: &[CountMove]) -> Vec<Result<MoveOutcome, Error>> {
        let outcomes = steps::move_counts(self.server(), moves);
        for (one, outcome) in moves.iter().zip(&outcomes) {
            if matches!(outcome, Ok(MoveOutcome::Moved) | Err(Error::OutcomeUnknown { .. })) {
                self.gather(&one.from);
                self.gather(&one.into);
            }
        }
        outcomes
    }
}

impl CountTogether for RedisStore {
    fn count_together(&self, increments: &[JointIncrement]) -> Vec<Result<(), Error>> {
        let outcomes = steps::count_together(self.server(), increments);
        let counted = increments.iter().zip(outcomes).map(|(one, outcome)| match outcome {
            Ok(found) => {
                let of_each = one.ids().zip(found);
                of_each
                    .filter(|(_, found)| *found == Found::Nothing)
                    .for_each(|(id, _)| self.gather(id));
                Ok(())
            }
            Err(error) => {
                if error.is_outcome_unknown() {
                    one.ids().for_each(|id| self.gather(id));
                }
                Err(error)
            }
        });
        counted.collect()
    }
}
