use std::fmt;
use std::time::Duration;

use counter_core::{CounterId, Foreign, ForgottenPart, Printable};

use super::capped::Capped;
use super::claims::{ConflictingClaim, FailedClaim, HeldCounter, LostClaim, PostponedClaim};
use super::times::SyncTimes;
use crate::sync::reach::Reach;

use crate::causes::one_line;
use crate::error::Error;
use crate::ledger::state::{SyncRecord, SyncedPrefix};

/// The result of a sync: what it did, and what needs attention.
#[derive(Debug, Default)]
#[must_use = "a sync can leave counters behind: see `is_clean`"]
#[non_exhaustive]
pub struct SyncReport {
    /// Counters of which something was found in the store. One that is counted on meanwhile may be
    /// found twice.
    pub scanned: u64,
    /// Claims that are in the table now. In a dry run: counters of which anything
    /// is pending or claimed.
    pub applied: u64,
    /// Those of them that an earlier sync had left behind.
    pub recovered: u64,
    /// Counters left alone because another sync has a claim on them, or one that died not long ago.
    pub busy: u64,
    /// Counters whose pending delta was 0; they are gone from the store.
    pub zeros: u64,
    /// Claims that were replaced by a set, a delete or another sync's work before they were
    /// applied.
    pub superseded: u64,
    /// Counters of which something was dropped from the store, as [`OnConflict::Discard`] says.
    ///
    /// [`OnConflict::Discard`]: crate::sync::OnConflict::Discard
    pub discarded: u64,
    /// Claims that are left to a later sync, because others have locked their rows, because they
    /// changed again and again while they were applied, because the database refused them before,
    /// or because it took too long over them.
    pub postponed: Capped<PostponedClaim>,
    /// Names and values in the store that are not ours. They were left as they are.
    pub foreign: Capped<Foreign>,
    /// Claims that the database refused. They stay in the store and are tried again later.
    pub failed: Capped<FailedClaim>,
    /// Claims older than what their row has seen. They stay in the store until an operator decides.
    pub conflicts: Capped<ConflictingClaim>,
    /// Claims that vanished from the store before they were applied.
    pub lost: Capped<LostClaim>,
    /// Counters whose pending count had an expiry in the store when it was claimed. What was
    /// claimed is safe; what another program lets expire before a sync claims it is lost.
    pub expiring: Capped<CounterId>,
    /// Counters with a claim that is left in other hands and makes no progress, or that this
    /// process could not finish. Only a sync that [looks for them](crate::SyncOptions::report_held)
    /// finds
    /// them: the last one of a worker, and that of the command. The next sync finishes those of
    /// this process, and any sync finishes what is older than the configured `claim_timeout`.
    pub held: Capped<HeldCounter>,
    /// Parts of the store that came back from an old copy, such as slots of a cluster: nothing of
    /// them is synced until an operator decides. The others are.
    pub gone_back: Capped<ForgottenPart>,
    /// Counters in parts of the store that cannot make claims now, or that did not answer when a
    /// claim was applied or acknowledged, as while a node of a cluster is away. A later sync tries
    /// again.
    pub unavailable: u64,
    /// Why, of the first of them.
    pub why_unavailable: Option<String>,
    /// Set if the store is not the one that was synced before: what was recorded of that one, whose
    /// pending counts are gone unless they were synced.
    pub store_replaced: Option<SyncRecord>,
    /// Set if nothing was ever synced from this prefix, and another one was within a month: that
    /// one. If the prefix was changed, what is pending there is left behind. That alone does not
    /// count against a sync.
    pub prefix_changed: Option<SyncedPrefix>,
    /// Set if the store had lost its newest sequence, alone of its data, as to an eviction. It was
    /// raised above all that it is known to have given out.
    pub high_water_lost: bool,
    /// Set if the store had lost only what it had noted of the database. It notes that again, but a
    /// database that was restored meanwhile is not noticed.
    pub marks_lost: bool,
    /// Set if the store is synced into another database too, which then gets a part of the counts.
    pub shared_prefix: bool,
    /// Claims that this process has made since its last sync ended, by this sync, a set or a
    /// delete, although no replica confirmed them, because the server had none. Behind Sentinel and
    /// in a cluster claims wait for a replica while there is one. Where several syncs of one
    /// process run at the same time, one of them counts each claim.
    pub unconfirmed: u64,
    /// The answers of the sentinels, if none named a master when they were asked
    /// last. Counting and syncing go on, with the master that was named last.
    pub sentinels_silent: Option<String>,
    /// Set if the sync's observer ended it. What was not claimed by then is in the store, for the
    /// next one.
    pub interrupted: bool,
    /// The error that ended the sync early. Everything else in this report happened before.
    pub stopped: Option<Error>,
    /// Where it looked for what is pending. A sync that was stopped may not have come to its end.
    pub reach: Reach,
    /// Whether this was a dry run, which changes nothing.
    pub dry_run: bool,
    /// How long it took.
    pub elapsed: Duration,
    /// How that time was spent.
    pub times: SyncTimes,
}

impl SyncReport {
    /// Whether everything that was found is in the table, or in the hands of another living sync. A
    /// sync that was [interrupted](Self::interrupted) has not found everything, which alone does
    /// not count against it.
    pub fn is_clean(&self) -> bool {
        self.troubles().iter().all(|(_, count)| *count == 0)
    }

    /// Whether the sync came to its end: it was neither stopped nor interrupted.
    pub const fn is_complete(&self) -> bool {
        self.stopped.is_none() && !self.interrupted
    }

    /// Returns what needs attention, by kind, and how much there is of each. A sync without any is
    /// [clean](Self::is_clean).
    pub fn troubles(&self) -> Vec<(&'static str, u64)> {
        vec![
            ("foreign", self.foreign.count()),
            ("failed", self.failed.count()),
            ("conflicts", self.conflicts.count()),
            ("lost", self.lost.count()),
            ("expiring", self.expiring.count()),
            ("postponed", self.postponed.count()),
            ("held", self.held.count()),
            ("gone_back", self.gone_back.count()),
            ("unavailable", self.unavailable),
            ("store_replaced", self.store_replaced.is_some().into()),
            ("high_water_lost", self.high_water_lost.into()),
            ("marks_lost", self.marks_lost.into()),
            ("shared_prefix", self.shared_prefix.into()),
            ("stopped", self.stopped.is_some().into()),
        ]
    }

    /// Returns every count of this report by the name of its field, in the order of the fields.
    pub fn counts(&self) -> Vec<(&'static str, u64)> {
        vec![
            ("scanned", self.scanned),
            ("applied", self.applied),
            ("recovered", self.recovered),
            ("busy", self.busy),
            ("zeros", self.zeros),
            ("superseded", self.superseded),
            ("discarded", self.discarded),
            ("postponed", self.postponed.count()),
            ("foreign", self.foreign.count()),
            ("failed", self.failed.count()),
            ("conflicts", self.conflicts.count()),
            ("lost", self.lost.count()),
            ("expiring", self.expiring.count()),
            ("held", self.held.count()),
            ("gone_back", self.gone_back.count()),
            ("unavailable", self.unavailable),
            ("unconfirmed", self.unconfirmed),
        ]
    }

    /// Returns how many counters had nothing to apply: zeros, and claims that were superseded.
    pub const fn skipped(&self) -> u64 {
        self.zeros.saturating_add(self.superseded)
    }

    /// Returns how many counters the sync applied in a second.
    pub fn rate(&self) -> f64 {
        self.applied as f64 / self.elapsed.as_secs_f64().max(1e-6)
    }

    /// Whether there is nothing in here that the caller would miss.
    pub(crate) fn is_empty(&self) -> bool {
        let counts = [self.scanned, self.applied, self.superseded, self.discarded];
        counts.iter().all(|count| *count == 0) && self.is_clean()
    }
}

/// One line for a log.
impl fmt::Display for SyncReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = if self.dry_run { "would apply" } else { "applied" };
        write!(f, "{verb} {} of {} counters", self.applied, self.scanned)?;
        let rest = self.counts().into_iter().skip(2).filter(|(_, count)| *count > 0);
        for (name, count) in rest {
            let what = match name {
                "zeros" => "zero",
                "conflicts" => "in conflict",
                "busy" => "in the hands of another sync, or of one that died",
                "gone_back" => "parts of the store gone back",
                name => name,
            };
            write!(f, ", {count} {what}")?;
        }
        write!(f, " in {:.3} s", self.elapsed.as_secs_f64())?;
        if self.reach == Reach::Index {
            write!(f, " by the index")?;
        }
        if let Some(SyncRecord { store_id, synced_at, .. }) = &self.store_replaced {
            write!(f, "; the store is not {}, which was ", Printable(store_id))?;
            match synced_at {
                Some(time) => write!(f, "last synced at {} UTC", time.format("%Y-%m-%d %H:%M:%S"))?,
                None => write!(f, "there before, and never synced to its end")?,
            }
        }
        if self.prefix_changed.is_some() {
            write!(f, "; another prefix was synced before")?;
        }
        if self.high_water_lost {
            write!(f, "; the store had lost its newest sequence")?;
        }
        if let Some(why) = &self.why_unavailable {
            write!(f, "; a part of the store is not available: {}", Printable(why))?;
        }
        if self.marks_lost {
            write!(f, "; the store had lost the database's marks")?;
        }
        if self.shared_prefix {
            write!(f, "; the store is synced into another database too")?;
        }
        if let Some(why) = &self.sentinels_silent {
            write!(f, "; no sentinel names a master: {}", Printable(why))?;
        }
        if self.interrupted {
            write!(f, "; interrupted")?;
        }
        match &self.stopped {
            Some(error) => write!(f, "; stopped: {}", one_line(error)),
            None => Ok(()),
        }
    }
}
