//! Gives gauges of an owner type the names of another type.
//!
//! Readings do not add up, so nothing is moved. The counter of the new name is set to the reading
//! of the old one, unless it has one that was recorded later, or of a total one that is newer. Once
//! that is in the table, the counter of the old name is deleted. Each step is made only if nothing
//! happened to its counter since both were read, so no reading that comes meanwhile is lost, and
//! each step may be the last one of its process: the next call goes on from what it finds.

use std::collections::{BTreeMap, BTreeSet};

use counter_core::{
    Claim, ClaimSeq, CounterId, Error as CoreError, Reading, RecordGauges, Replacement,
    SeenReplacement,
};

use super::moving::{Moving, READS, at_once};
use crate::engine::read::ReadValue;
use crate::error::{Error, GaugeProblem};
use crate::sync::set::apply_sets;

/// Maximum number of gauges that are read together. The steps with more would be several scripts,
/// and each is a change since the counters of the next were seen.
const AT_ONCE: usize = 200;

/// What became of gauges.
pub(super) struct Renamed {
    /// Those with which a step was made, or may have been.
    pub(super) touched: BTreeSet<CounterId>,
    /// Those that have a reading still.
    pub(super) open: Vec<CounterId>,
}

/// The next step with a gauge.
enum Next {
    /// It has no reading by the old name.
    Nothing,
    /// It is read again: the new name waits for its sync, or something has changed.
    Wait,
    /// The new name gets the reading of a total, if it has no newer one.
    Record(Reading),
    /// The new name is set, or the old one deleted.
    Replace(SeenReplacement),
}

/// A gauge by one of its names.
struct Named {
    read: ReadValue,
    /// The instant of its newest reading, of a total.
    newest: Option<i64>,
}

impl Named {
    /// Returns what is greater for a later reading.
    fn order(&self) -> (Option<i64>, ClaimSeq) {
        (self.newest, self.read.seq)
    }
}

impl<Target> Moving<'_, Target>
where
    Target: Fn(&CounterId) -> Result<CounterId, Error>,
{
    /// Takes steps with these gauges until none has a reading, or each was read so often.
    pub(super) fn rename_all(&mut self, gauges: Vec<CounterId>) -> Result<Renamed, Error> {
        let (mut touched, mut open) = (BTreeSet::new(), gauges);
        if let Some(store) = self.engine.store().gauges() {
            for reads in 0..READS {
                let mut again = Vec::new();
                for some in open.chunks(at_once(reads).min(AT_ONCE)) {
                    again.extend(self.rename_some(store, some, &mut touched)?);
                }
                open = again;
                if open.is_empty() {
                    break;
                }
            }
        }
        Ok(Renamed { touched, open })
    }

    /// Reports gauges that cannot be merged. Nothing of them is changed.
    pub(super) fn refuse(&mut self, gauges: Vec<CounterId>) {
        for gauge in gauges {
            let counter = gauge.total();
            let problem = GaugeProblem::NotMergeable { counter: counter.clone() };
            self.fail(counter, Error::Gauge(problem));
        }
    }

    /// Takes a step with each of these gauges. Returns those to read again.
    fn rename_some(
        &mut self,
        store: &dyn RecordGauges,
        gauges: &[CounterId],
        touched: &mut BTreeSet<CounterId>,
    ) -> Result<Vec<CounterId>, Error> {
        let (mut again, mut replacements, mut records) = (Vec::new(), Vec::new(), Vec::new());
        for (from, next) in self.next_steps(store, gauges)? {
            match next {
                Next::Nothing => {}
                Next::Wait => again.push(from),
                Next::Record(reading) => records.push((from, reading)),
                Next::Replace(one) => replacements.push((from, one)),
            }
        }
        // Read before the claims are made, as for a set.
        let store_id = self.engine.store_id();
        let mut claims = BTreeMap::new();
        // First, because each record is a change since the counters were seen.
        let (froms, all) = replacements.into_iter().unzip::<_, _, Vec<_>, Vec<_>>();
        let replaced = store.replace_unchanged(&all);
        let is_unknown = |outcome: &Result<_, CoreError>| {
            outcome.as_ref().is_err_and(CoreError::is_outcome_unknown)
        };
        let lacks_reply = replaced.iter().any(is_unknown);
        for ((from, one), replaced) in froms.into_iter().zip(&all).zip(replaced) {
            let is_done = one.to == Replacement::Delete && matches!(replaced, Ok(Some(_)));
            match replaced {
                // The store makes none after one whose reply is missing.
                Err(CoreError::NotCounted { .. }) if lacks_reply => {}
                replaced => self.take(from.clone(), &one.counter, replaced, &mut claims, touched),
            }
            if !is_done {
                again.push(from);
            }
        }
        for (from, reading) in records {
            let recorded = store.record(&reading).map(|claims| claims?.into_iter().next());
            self.take(from.clone(), &reading.total, recorded, &mut claims, touched);
            again.push(from);
        }
        // What the table does not take is left to the sync that follows.
        apply_sets(self.engine, claims.into_values().collect(), store_id, Ok(())).ok();
        again.retain(|from| !self.has_failed(from));
        Ok(again)
    }

    /// Takes the outcome of a step.
    fn take(
        &mut self,
        from: CounterId,
        counter: &CounterId,
        outcome: Result<Option<Claim>, CoreError>,
        claims: &mut BTreeMap<CounterId, Claim>,
        touched: &mut BTreeSet<CounterId>,
    ) {
        match outcome {
            Ok(None) => {}
            Ok(Some(claim)) => {
                claims.insert(counter.clone(), claim);
                touched.insert(from);
            }
            Err(CoreError::OutcomeUnknown { .. }) => {
                self.engine.unanswered().note([counter.clone()]);
                self.merged.unanswered += 1;
                touched.insert(from);
            }
            Err(error) => self.fail(from, error.into()),
        }
    }

    /// Reads gauges by both names. Returns the next step with each that can be read.
    ///
    /// The instants of the newest readings are read before the readings and after them. If one has
    /// changed it may be that of another reading, so the gauge is read again.
    fn next_steps(
        &mut self,
        store: &dyn RecordGauges,
        gauges: &[CounterId],
    ) -> Result<Vec<(CounterId, Next)>, Error> {
        let into = gauges.iter().map(|from| self.target_of(from));
        let into = into.collect::<Result<Vec<_>, Error>>()?;
        let named = gauges.iter().zip(&into).flat_map(|(from, into)| [from, into]);
        let named = named.cloned().collect::<Vec<_>>();
        let before = newest_of(store, &named)?;
        let read = self.engine.read_each(&named)?;
        let newest = before.into_iter().zip(newest_of(store, &named)?);
        let mut read = read.into_iter().zip(newest);
        let mut steps = Vec::with_capacity(gauges.len());
        for (from, into) in gauges.iter().zip(into) {
            let (Some(of_from), Some(of_into)) = (read.next(), read.next()) else { break };
            let ((of_from, newest_old), (of_into, newest_new)) = (of_from, of_into);
            if newest_old.0 != newest_old.1 || newest_new.0 != newest_new.1 {
                steps.push((from.clone(), Next::Wait));
                continue;
            }
            let named = |read: Result<ReadValue, Error>, newest| {
                Ok::<_, Error>(Named { read: read?, newest })
            };
            match named(of_from, newest_old.0)
                .and_then(|old| Ok((old, named(of_into, newest_new.0)?)))
            {
                Ok((old, new)) => steps.push((from.clone(), next_step(from, into, &old, &new))),
                Err(error) => self.fail(from.clone(), error),
            }
        }
        Ok(steps)
    }
}

/// Returns the instants of the newest readings, `None` for buckets.
fn newest_of(store: &dyn RecordGauges, ids: &[CounterId]) -> Result<Vec<Option<i64>>, Error> {
    let is_total = |id: &&CounterId| id.period().is_none();
    let totals = ids.iter().filter(is_total).cloned().collect::<Vec<_>>();
    let mut newest = store.newest_readings(&totals)?.into_iter();
    let of_each = ids.iter().map(|id| if is_total(&id) { newest.next().flatten() } else { None });
    Ok(of_each.collect())
}

fn next_step(from: &CounterId, into: CounterId, old: &Named, new: &Named) -> Next {
    if !old.read.is_there {
        return Next::Nothing;
    }
    let (value, seen) = (old.read.value, new.read.seen);
    if !new.read.is_there || old.order() > new.order() {
        // A name that was deleted has its newest instant still.
        return match old.newest.max(new.newest) {
            Some(at) => {
                let (ahead, known_newest) = (i64::MAX, Some(i64::MIN));
                let (total, buckets) = (into, Vec::new());
                Next::Record(Reading { total, buckets, value, at, ahead, known_newest })
            }
            None => {
                Next::Replace(SeenReplacement { counter: into, to: Replacement::Set(value), seen })
            }
        };
    }
    if new.read.is_claimed {
        return Next::Wait;
    }
    let (counter, seen) = (from.clone(), old.read.seen);
    Next::Replace(SeenReplacement { counter, to: Replacement::Delete, seen })
}
