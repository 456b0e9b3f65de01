use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use super::claim::ClaimShape;
use super::listed::{ForeignShape, Listed, listed};
use crate::overview::pending::{OldestClaim, PendingOverview, PendingSums};
use crate::overview::timestamp::Timestamp;

impl Serialize for PendingOverview {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Shape<'a> {
            pattern: &'a str,
            total: PendingSums,
            owner_types: &'a BTreeMap<String, PendingSums>,
            oldest_claim: Option<&'a OldestClaim>,
            foreign: Listed<ForeignShape<'a>>,
        }
        let shape = Shape {
            pattern: self.pattern.as_str(),
            total: self.total,
            owner_types: &self.owner_types,
            oldest_claim: self.oldest_claim.as_ref(),
            foreign: listed(&self.foreign),
        };
        shape.serialize(serializer)
    }
}

impl Serialize for PendingSums {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Shape {
            counters: u64,
            /// Null where it does not fit, so that no reader of JSON takes it for another number.
            pending: Option<i64>,
            claims: u64,
            buckets: u64,
        }
        let Self { counters, pending, claims, buckets } = *self;
        let pending = pending.try_into().ok();
        Shape { counters, pending, claims, buckets }.serialize(serializer)
    }
}

impl Serialize for OldestClaim {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Shape<'a> {
            #[serde(flatten)]
            claim: ClaimShape<'a>,
            made_at: Option<Timestamp>,
            age_seconds: f64,
        }
        let shape = Shape {
            claim: (&self.claim).into(),
            made_at: self.made_at,
            age_seconds: self.age_seconds(),
        };
        shape.serialize(serializer)
    }
}
