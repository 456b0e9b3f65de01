//! Counts that are moved from one counter of the store in Redis to another.

use super::steps;
use super::store::RedisStore;
use crate::error::Error;
use crate::store::{CountMove, MoveCounts, MoveOutcome};

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
