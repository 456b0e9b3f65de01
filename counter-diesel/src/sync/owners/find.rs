//! Finds the counters of an owner, or of all owners of a type, batch by batch.
//!
//! The store comes first. What is pending when the search begins is found there, or a sync has
//! moved it by then into a row, which is found afterwards. The other way round both could miss it.

use std::num::NonZeroUsize;
use std::ops::ControlFlow;

use counter_core::{CounterId, CounterKey, Owner, OwnerType, Pattern};

use crate::engine::engine::Engine;
use crate::engine::pages::pages;
use crate::error::Error;
use crate::ledger::ledger::{CounterRow, RowPage, RowPlace};

/// How many counters are found at a time. Enough that round trips do not count, few enough that no
/// statement is long.
pub(crate) const BATCH: NonZeroUsize = NonZeroUsize::new(1000).unwrap();

/// Whose counters are looked for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Whose<'a> {
    Owner(&'a Owner),
    Type(&'a OwnerType),
}

impl Whose<'_> {
    fn owner_type(&self) -> &OwnerType {
        match self {
            Self::Owner(owner) => owner.owner_type(),
            Self::Type(owner_type) => owner_type,
        }
    }

    fn has(&self, id: &CounterId) -> bool {
        match self {
            Self::Owner(owner) => id.belongs_to(owner),
            Self::Type(owner_type) => id.owner_type() == owner_type.as_str(),
        }
    }

    /// Returns a glob that all of their names in a store match, and few others.
    pub(crate) fn pattern(&self) -> Pattern {
        let key = CounterKey::from_static("key");
        let owner = match self {
            Self::Owner(owner) => (*owner).clone(),
            Self::Type(owner_type) => {
                Owner::of((*owner_type).clone(), Owner::global().id().clone())
            }
        };
        let id = CounterId::of(&owner, &key);
        let end = match self {
            Self::Owner(_) => "key",
            Self::Type(_) => "0:key",
        };
        let begin = id.as_str().strip_suffix(end).unwrap_or_default();
        // What is escaped, and a star after it, is a pattern.
        format!("{}*", Pattern::escape(begin)).parse().unwrap_or_default()
    }
}

/// Visits the counters of which the store holds anything, batch by batch; some more than once. The
/// visitor can end it.
pub(crate) fn in_store(
    engine: &Engine,
    whose: Whose<'_>,
    mut visit: impl FnMut(Vec<CounterId>) -> Result<ControlFlow<()>, Error>,
) -> Result<(), Error> {
    for page in pages(engine.store(), whose.pattern(), BATCH) {
        let mut ids = page?.ids;
        ids.retain(|id| whose.has(id));
        ids.sort();
        ids.dedup();
        if !ids.is_empty() && visit(ids)?.is_break() {
            break;
        }
    }
    Ok(())
}

/// Fails if the rows cannot be read. Ask before anything is changed, because what is changed in the
/// store alone would be half of it.
pub(crate) fn require_rows(engine: &Engine, whose: Whose<'_>) -> Result<(), Error> {
    engine.ledger().buckets_after(whose.owner_type(), None, NonZeroUsize::MIN)?;
    Ok(())
}

/// Visits the counters that have rows, batch by batch, each once. Buckets come before totals,
/// because it is by its totals that an owner is seen of which something is left. The visitor can
/// end it.
pub(crate) fn in_table(
    engine: &Engine,
    whose: Whose<'_>,
    mut visit: impl FnMut(Vec<CounterRow>) -> Result<ControlFlow<()>, Error>,
) -> Result<(), Error> {
    let (ledger, owner_type) = (engine.ledger(), whose.owner_type());
    let totals = |after: Option<&RowPlace>| ledger.rows_after(owner_type, after, BATCH);
    let buckets = |after: Option<&RowPlace>| ledger.buckets_after(owner_type, after, BATCH);
    if in_pages(whose, buckets, &mut visit)?.is_continue() {
        let _ = in_pages(whose, totals, &mut visit)?;
    }
    Ok(())
}

fn in_pages(
    whose: Whose<'_>,
    page_after: impl Fn(Option<&RowPlace>) -> Result<RowPage, Error>,
    visit: &mut impl FnMut(Vec<CounterRow>) -> Result<ControlFlow<()>, Error>,
) -> Result<ControlFlow<()>, Error> {
    let first =
        |owner: &Owner| RowPlace { owner: owner.id().clone(), key: String::new(), period: None };
    let mut place = match whose {
        Whose::Owner(owner) => Some(first(owner)),
        Whose::Type(_) => None,
    };
    loop {
        let page = page_after(place.as_ref())?;
        let found = page.rows.len();
        let is_asked_for = |row: &CounterRow| whose.has(&row.counter);
        let rows = page.rows.into_iter().filter(is_asked_for).collect::<Vec<_>>();
        let is_last = rows.len() < found || page.next.is_none();
        if !rows.is_empty() && visit(rows)?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
        place = page.next;
        if is_last {
            return Ok(ControlFlow::Continue(()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pattern_of_an_owner_matches_its_counters_and_no_others() {
        let owner = Owner::new("a*:b", 1).unwrap();
        let pattern = Whose::Owner(&owner).pattern();
        let matches = |owner_type: &str, id: i64| {
            let id = CounterId::new(owner_type, id, "any:key").unwrap();
            pattern.matches(id.as_str())
        };
        assert!(matches("a*:b", 1));
        assert!(!matches("a*:b", 12) && !matches("a*:b", -1) && !matches("aX:b", 1));
        let owner_type = OwnerType::new("a*:b").unwrap();
        let pattern = Whose::Type(&owner_type).pattern();
        let matches = |owner_type: &str| {
            pattern.matches(CounterId::new(owner_type, 7, "views").unwrap().as_str())
        };
        assert!(matches("a*:b") && !matches("a*:bc") && !matches("aX:b"));
    }
}
