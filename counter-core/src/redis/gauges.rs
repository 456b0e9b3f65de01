//! Readings of gauges in Redis.

use super::steps;
use super::store::RedisStore;
use crate::error::Error;
use crate::protocol::Claim;
use crate::store::{Reading, RecordGauges};

impl RecordGauges for RedisStore {
    fn record(&self, reading: &Reading) -> Result<Option<Vec<Claim>>, Error> {
        let recorded = steps::record(self.server(), reading, self.confirmation);
        if !matches!(recorded, Err(Error::NotCounted { .. }) | Ok(None)) {
            reading.ids().for_each(|id| self.gather(id));
        }
        recorded
    }
}
