use counter_core::{CounterId, Replacement};

use super::apply::apply_once;
use super::report::observer::Observer;
use super::report::pass_log::PassLog;
use super::report::report::SyncReport;
use super::unsettled::Unsettled;
use crate::engine::engine::Engine;
use crate::engine::remembered::Fate;
use crate::error::Error;
use crate::targets::SET;

/// Sets or deletes a counter. The store decides; the table is tried once, because the caller waits,
/// and a later pass can finish.
pub(crate) fn set(engine: &Engine, id: &CounterId, replacement: Replacement) -> Result<(), Error> {
    let claim = engine.store().replace(id, replacement)?;
    let unsettled = Unsettled::none(engine);
    unsettled.take(&claim, Fate::Unapplied);
    let mut log = PassLog::new(SyncReport::default(), Observer::none());
    let prefix = engine.prefix();
    let applied = apply_once(&unsettled, claim, &mut log);
    let PassLog { report, .. } = log;
    if let Err(error) = applied {
        tracing::warn!(target: SET, %prefix, counter = %id, ?error, "a set is left to the next \
             sync");
    } else if !report.is_clean() {
        tracing::warn!(
            target: SET, %prefix, counter = %id, %report,
            "a set met something that somebody should look at"
        );
    }
    Ok(())
}
