//! Which counters of owners are gauges.

use std::collections::{BTreeSet, HashSet};

use counter_core::{CounterId, CounterKey, OwnerType};

use crate::engine::counting::Declared;
use crate::engine::engine::Engine;
use crate::error::Error;

/// Returns what the models declare a key as.
pub(crate) type DeclaredAs<'a> = &'a dyn Fn(&CounterKey) -> Declared;

/// By what gauges are known: the models, if they are known, else the note that a process makes that
/// records buckets, else that the store has the instant of a newest reading, by either name.
pub(super) struct Gauges<'a> {
    engine: &'a Engine,
    declared: DeclaredAs<'a>,
    noted: HashSet<CounterKey>,
}

impl<'a> Gauges<'a> {
    pub(super) fn of(
        engine: &'a Engine,
        types: [&OwnerType; 2],
        declared: DeclaredAs<'a>,
    ) -> Result<Self, Error> {
        let rows = engine.ledger().kept(None)?.unwrap_or_default();
        let noted = rows.into_iter().filter(|row| row.is_gauge && types.contains(&&row.owner_type));
        Ok(Self { engine, declared, noted: noted.map(|row| row.key).collect() })
    }

    /// Returns which of these counters are gauges, or buckets of gauges.
    pub(super) fn among<'i>(
        &self,
        ids: impl Iterator<Item = &'i CounterId>,
        target_of: impl Fn(&CounterId) -> Result<CounterId, Error>,
    ) -> Result<HashSet<CounterId>, Error> {
        let (mut gauges, mut unknown) = (HashSet::new(), Vec::new());
        for id in ids {
            let key = CounterKey::new(id.key().into_owned())?;
            match (self.declared)(&key) {
                Declared::Counted => {}
                Declared::Gauge => drop(gauges.insert(id.clone())),
                Declared::Nothing if self.noted.contains(&key) => drop(gauges.insert(id.clone())),
                Declared::Nothing => unknown.push(id),
            }
        }
        if let Some(store) = self.engine.store().gauges()
            && !unknown.is_empty()
        {
            let totals = unknown.iter().map(|id| id.total()).collect::<BTreeSet<_>>();
            let totals = totals.into_iter().collect::<Vec<_>>();
            let into = totals.iter().map(target_of).collect::<Result<Vec<_>, Error>>()?;
            let newest = store.newest_readings(&totals)?.into_iter();
            let newest = newest.zip(store.newest_readings(&into)?);
            let is_recorded =
                |(of, into): &(Option<i64>, Option<i64>)| of.is_some() || into.is_some();
            let recorded = totals.into_iter().zip(newest);
            let recorded = recorded.filter(|(_, newest)| is_recorded(newest));
            let recorded = recorded.map(|(total, _)| total).collect::<HashSet<_>>();
            let of_these = unknown.into_iter().filter(|id| recorded.contains(&id.total()));
            gauges.extend(of_these.cloned());
        }
        Ok(gauges)
    }
}
