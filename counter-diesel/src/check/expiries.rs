//! Names in the store that the store will remove by itself.

use std::time::Duration;

use counter_core::CounterId;

use super::diagnosis::Diagnosis;
use super::finding::{FindingCode as Code, Severity};
use super::listed::Listed;
use crate::causes::one_line;
use crate::engine::engine::Engine;

/// The counters that will expire, as far as the store was asked.
#[derive(Default)]
pub(super) struct Expiries {
    expiring: Listed,
    /// The time until the first of them does.
    first: Option<Duration>,
    /// Why the store was not asked any more: a user may lack the right, and still sync.
    unchecked: Option<String>,
}

impl Expiries {
    /// Asks the store about these counters.
    pub(super) fn look(&mut self, engine: &Engine, ids: &[CounterId]) {
        if self.unchecked.is_some() {
            return;
        }
        let Some(inspection) = engine.store().inspection() else {
            return;
        };
        match inspection.expiring(ids) {
            Ok(expiring) => {
                for (id, left) in expiring {
                    self.expiring.insert(id.as_str());
                    self.first = Some(self.first.map_or(left, |first| first.min(left)));
                }
            }
            Err(error) => self.unchecked = Some(one_line(&error)),
        }
    }

    pub(super) fn judge(&self, diagnosis: &mut Diagnosis) {
        if let Some(left) = self.first {
            let names = self.expiring.summary("counters");
            diagnosis.add(
                Severity::Error,
                Code::CountsExpire,
                format!(
                    "{names} have an expiry in the store, the first in {} s, and are lost then",
                    left.as_secs()
                ),
                "have the program that sets it send INCRBY alone, without EXPIRE, and sync now",
            );
        }
        if let Some(why) = &self.unchecked {
            diagnosis.store_unchecked("expiries", why);
        }
    }
}
