use std::collections::BTreeMap;
use std::time::Duration;

use counter_core::{CounterId, ForgottenPart};
use serde::{Serialize, Serializer};

use super::claim::ClaimShape;
use super::listed::{ForeignShape, Listed, listed};
use crate::causes::one_line;
use crate::ledger::state::{SyncRecord, SyncedPrefix};
use crate::overview::timestamp::Timestamp;
use crate::sync::report::claims::{
    ConflictingClaim, FailedClaim, HeldCounter, LostClaim, PostponedClaim,
};
use crate::sync::report::report::SyncReport;

#[derive(Serialize)]
struct ReportShape<'a> {
    dry_run: bool,
    clean: bool,
    interrupted: bool,
    reach: &'static str,
    found: u64,
    applied: u64,
    recovered: u64,
    skipped: u64,
    discarded: u64,
    busy: u64,
    postponed: Listed<PostponedShape<'a>>,
    foreign: Listed<ForeignShape<'a>>,
    failed: Listed<FailedShape<'a>>,
    conflicts: Listed<ConflictShape<'a>>,
    lost: Listed<LostShape<'a>>,
    expiring: Listed<ExpiringShape<'a>>,
    held: Listed<HeldShape<'a>>,
    gone_back: Listed<PartShape>,
    unavailable: u64,
    why_unavailable: Option<&'a str>,
    store_replaced: Option<RecordedShape<'a>>,
    prefix_changed: Option<PrefixShape<'a>>,
    high_water_lost: bool,
    marks_lost: bool,
    shared_prefix: bool,
    unconfirmed: u64,
    sentinels_silent: Option<&'a str>,
    stopped: Option<String>,
    seconds: f64,
    counters_per_second: f64,
    step_seconds: BTreeMap<&'static str, f64>,
}

impl Serialize for SyncReport {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let seconds = |(step, time): (_, Duration)| (step, time.as_secs_f64());
        let shape = ReportShape {
            dry_run: self.dry_run,
            clean: self.is_clean(),
            interrupted: self.interrupted,
            reach: self.reach.name(),
            found: self.scanned,
            applied: self.applied,
            recovered: self.recovered,
            skipped: self.skipped(),
            discarded: self.discarded,
            busy: self.busy,
            postponed: listed(&self.postponed),
            foreign: listed(&self.foreign),
            failed: listed(&self.failed),
            conflicts: listed(&self.conflicts),
            lost: listed(&self.lost),
            expiring: listed(&self.expiring),
            held: listed(&self.held),
            gone_back: listed(&self.gone_back),
            unavailable: self.unavailable,
            why_unavailable: self.why_unavailable.as_deref(),
            store_replaced: self.store_replaced.as_ref().map(RecordedShape::from),
            prefix_changed: self.prefix_changed.as_ref().map(PrefixShape::from),
            high_water_lost: self.high_water_lost,
            marks_lost: self.marks_lost,
            shared_prefix: self.shared_prefix,
            unconfirmed: self.unconfirmed,
            sentinels_silent: self.sentinels_silent.as_deref(),
            stopped: self.stopped.as_ref().map(|error| one_line(error)),
            seconds: self.elapsed.as_secs_f64(),
            counters_per_second: self.rate(),
            step_seconds: self.times.steps().into_iter().map(seconds).collect(),
        };
        shape.serialize(serializer)
    }
}

#[derive(Serialize)]
struct ExpiringShape<'a> {
    counter: &'a str,
}

impl<'a> From<&'a CounterId> for ExpiringShape<'a> {
    fn from(id: &'a CounterId) -> Self {
        Self { counter: id.as_str() }
    }
}

/// A part of the store that came back from an old copy.
#[derive(Serialize)]
pub(super) struct PartShape {
    part: u16,
    found: i64,
    found_at: Option<Timestamp>,
    newest: i64,
    newest_at: Option<Timestamp>,
}

impl From<&ForgottenPart> for PartShape {
    fn from(part: &ForgottenPart) -> Self {
        let ForgottenPart { part, found, forgotten } = *part;
        Self {
            part,
            found: found.get(),
            found_at: Timestamp::of(found),
            newest: forgotten.get(),
            newest_at: Timestamp::of(forgotten),
        }
    }
}

#[derive(Serialize)]
struct HeldShape<'a> {
    counter: &'a str,
    why: String,
}

impl<'a> From<&'a HeldCounter> for HeldShape<'a> {
    fn from(held: &'a HeldCounter) -> Self {
        Self { counter: held.counter.as_str(), why: held.cause.to_string() }
    }
}

#[derive(Serialize)]
struct FailedShape<'a> {
    #[serde(flatten)]
    claim: ClaimShape<'a>,
    why: String,
}

impl<'a> From<&'a FailedClaim> for FailedShape<'a> {
    fn from(failed: &'a FailedClaim) -> Self {
        Self { claim: (&failed.claim).into(), why: one_line(&failed.error) }
    }
}

#[derive(Serialize)]
struct PostponedShape<'a> {
    #[serde(flatten)]
    claim: ClaimShape<'a>,
    why: String,
}

impl<'a> From<&'a PostponedClaim> for PostponedShape<'a> {
    fn from(postponed: &'a PostponedClaim) -> Self {
        Self { claim: (&postponed.claim).into(), why: postponed.cause.to_string() }
    }
}

#[derive(Serialize)]
struct ConflictShape<'a> {
    #[serde(flatten)]
    claim: ClaimShape<'a>,
    row_sequence: i64,
}

impl<'a> From<&'a ConflictingClaim> for ConflictShape<'a> {
    fn from(conflict: &'a ConflictingClaim) -> Self {
        Self { claim: (&conflict.claim).into(), row_sequence: conflict.row.get() }
    }
}

#[derive(Serialize)]
struct LostShape<'a> {
    #[serde(flatten)]
    claim: ClaimShape<'a>,
    applied: bool,
}

impl<'a> From<&'a LostClaim> for LostShape<'a> {
    fn from(lost: &'a LostClaim) -> Self {
        Self { claim: (&lost.claim).into(), applied: lost.applied }
    }
}

/// A prefix that was synced before.
#[derive(Serialize)]
struct PrefixShape<'a> {
    prefix: &'a str,
    synced_at: Option<Timestamp>,
}

impl<'a> From<&'a SyncedPrefix> for PrefixShape<'a> {
    fn from(synced: &'a SyncedPrefix) -> Self {
        Self { prefix: &synced.prefix, synced_at: synced.synced_at.map(Into::into) }
    }
}

/// The record of a store.
#[derive(Serialize)]
struct RecordedShape<'a> {
    store_id: &'a str,
    sequence: i64,
    synced_at: Option<Timestamp>,
}

impl<'a> From<&'a SyncRecord> for RecordedShape<'a> {
    fn from(recorded: &'a SyncRecord) -> Self {
        Self {
            store_id: &recorded.store_id,
            sequence: recorded.seq.get(),
            synced_at: recorded.synced_at.map(Into::into),
        }
    }
}
