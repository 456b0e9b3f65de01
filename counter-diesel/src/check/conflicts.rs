use std::time::Duration;

use counter_core::{Claim, Verdict};

use crate::counters::Shared;
use crate::error::Error;
use crate::report::Conflict;

/// Nobody holds a lock meanwhile, so it may take longer than in a sync.
const VERIFY_WITHIN: Duration = Duration::from_secs(2);

/// Those claims, of different counters, whose rows have seen newer ones while the store still held them.
pub(super) fn conflicts_among(shared: &Shared, claims: Vec<Claim>) -> Result<Vec<Conflict>, Error> {
    let ids = claims.iter().map(|claim| claim.id.clone()).collect::<Vec<_>>();
    let rows = shared.ledger.baselines(&ids)?;
    let suspects = claims.into_iter().zip(rows).filter(|(claim, row)| row.seq > claim.seq);
    let (suspects, rows) = suspects.unzip::<_, _, Vec<_>, Vec<_>>();
    if suspects.is_empty() {
        return Ok(Vec::new());
    }
    // One that was acknowledged since it was seen may well have been followed by a newer one.
    let verdicts = shared.store.verify(&suspects, VERIFY_WITHIN)?;
    let conflicts = suspects.into_iter().zip(rows).zip(verdicts);
    let held = conflicts.filter(|(_, verdict)| *verdict == Verdict::Held);
    Ok(held.map(|((claim, row), _)| Conflict { claim, row: row.seq }).collect())
}
