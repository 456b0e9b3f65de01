use counter_core::Baseline;
use serde::{Serialize, Serializer};

use super::claim::ClaimShape;
use super::listed::{Listed, listed};
use super::report::PartShape;
use crate::overview::timestamp::Timestamp;
use crate::sync::identity::conflicts::{Conflict, Conflicts, WentBack};

impl Serialize for Conflicts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Shape<'a> {
            went_back: Option<&'a WentBack>,
            parts_went_back: Listed<PartShape>,
            counters: Listed<ConflictShape<'a>>,
        }
        let (went_back, counters) = (self.went_back.as_ref(), listed(&self.conflicts));
        let parts_went_back = listed(&self.parts_went_back);
        Shape { went_back, parts_went_back, counters }.serialize(serializer)
    }
}

impl Serialize for WentBack {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Shape {
            found: i64,
            found_at: Option<Timestamp>,
            newest: i64,
            newest_at: Option<Timestamp>,
            synced_at: Option<Timestamp>,
        }
        let shape = Shape {
            found: self.found.get(),
            found_at: Timestamp::of(self.found),
            newest: self.newest.get(),
            newest_at: Timestamp::of(self.newest),
            synced_at: self
                .recorded
                .as_ref()
                .and_then(|recorded| recorded.synced_at)
                .map(Into::into),
        };
        shape.serialize(serializer)
    }
}

/// A counter, and what the store and the table hold of it.
#[derive(Serialize)]
struct ConflictShape<'a> {
    counter: &'a str,
    claim: Option<HeldClaimShape<'a>>,
    pending: i64,
    row: RowShape,
}

#[derive(Serialize)]
struct HeldClaimShape<'a> {
    #[serde(flatten)]
    claim: ClaimShape<'a>,
    made_at: Option<Timestamp>,
}

#[derive(Serialize)]
struct RowShape {
    value: i64,
    sequence: i64,
    made_at: Option<Timestamp>,
}

impl<'a> From<&'a Conflict> for ConflictShape<'a> {
    fn from(both: &'a Conflict) -> Self {
        let claim = both
            .held
            .claim
            .as_ref()
            .map(|claim| HeldClaimShape { claim: claim.into(), made_at: Timestamp::of(claim.seq) });
        Self {
            counter: both.id.as_str(),
            claim,
            pending: both.held.pending,
            row: (&both.row).into(),
        }
    }
}

impl From<&Baseline> for RowShape {
    fn from(row: &Baseline) -> Self {
        Self { value: row.count, sequence: row.seq.get(), made_at: Timestamp::of(row.seq) }
    }
}
