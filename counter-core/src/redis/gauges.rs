//! Readings of gauges in Redis.

use super::steps;
use super::store::RedisStore;
use crate::error::Error;
use crate::id::CounterId;
use crate::protocol::Claim;
use crate::store::{Reading, RecordGauges, SeenReplacement};

impl RecordGauges for RedisStore {
    fn record(&self, reading: &Reading) -> Result<Option<Vec<Claim>>, Error> {
        let recorded = steps::record(self.server(), reading, self.confirmation);
        if !matches!(recorded, Err(Error::NotCounted { .. }) | Ok(None)) {
            reading.ids().for_each(|id| self.gather(id));
        }
        recorded
    }

    fn newest_readings(&self, totals: &[CounterId]) -> Result<Vec<Option<i64>>, Error> {
        steps::newest_readings(self.server(), totals)
    }

    fn replace_unchanged(
        &self,
        replacements: &[SeenReplacement],
    ) -> Vec<Result<Option<Claim>, Error>> {
        let replaced = steps::replace_unchanged(self.server(), replacements, self.confirmation);
        for (one, outcome) in replacements.iter().zip(&replaced) {
            if !matches!(outcome, Err(Error::NotCounted { .. }) | Ok(None)) {
                self.gather(&one.counter);
            }
        }
        replaced
    }
}
