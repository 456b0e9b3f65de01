use std::collections::HashSet;
use std::mem;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::time::Duration;

use counter_core::{CounterId, Cursor, DeltaStore, Foreign, Pattern};

use crate::error::Error;
use crate::sync::report::times::time;

/// A scan of the store from its beginning to its end, in batches that hold each counter once.
pub(crate) struct Sweep<'a> {
    store: &'a dyn DeltaStore,
    pattern: Pattern,
    batch_size: NonZeroUsize,
    /// What was found and is in no batch yet.
    found: Vec<CounterId>,
    /// Where the scan goes on.
    next: Option<Cursor>,
    /// How long the store was waited for, since somebody asked.
    spent: Duration,
}

/// Rows are locked while the store verifies a batch, for which it has a fixed time. A batch that takes
/// longer than that would never be applied, however often it is tried.
const LARGEST_BATCH: NonZeroUsize = NonZeroUsize::MIN.saturating_add(9_999);

/// So many counters in a batch, but not too many.
pub(crate) fn bounded(batch_size: NonZeroUsize) -> NonZeroUsize {
    batch_size.min(LARGEST_BATCH)
}

impl<'a> Sweep<'a> {
    pub(crate) fn new(
        store: &'a dyn DeltaStore,
        pattern: Pattern,
        batch_size: NonZeroUsize,
    ) -> Self {
        Self {
            store,
            pattern,
            batch_size,
            found: Vec::new(),
            next: Some(Cursor::default()),
            spent: Duration::ZERO,
        }
    }

    /// Whether everything is in a batch that was handed out.
    pub(crate) fn is_over(&self) -> bool {
        self.found.is_empty() && self.next.is_none()
    }

    /// How long the store was waited for, since this was last asked.
    pub(crate) fn take_spent(&mut self) -> Duration {
        mem::take(&mut self.spent)
    }

    /// The next batch, empty at the end. After each page `note` is given the names that are not ours, and can
    /// ask for a pause: then there is no batch yet.
    pub(crate) fn next_batch(
        &mut self,
        mut note: impl FnMut(Vec<Foreign>) -> ControlFlow<()>,
    ) -> Result<Vec<CounterId>, Error> {
        let mut batch = HashSet::new();
        while batch.len() < self.batch_size.get() {
            if let Some(id) = self.found.pop() {
                batch.insert(id);
            } else if let Some(from) = self.next {
                let page = time(&mut self.spent, || {
                    self.store.scan(&self.pattern, from, self.batch_size)
                })?;
                (self.found, self.next) = (page.ids, page.next);
                if note(page.foreign).is_break() {
                    self.found.extend(batch.drain());
                    break;
                }
            } else {
                break;
            }
        }
        Ok(batch.into_iter().collect())
    }
}
