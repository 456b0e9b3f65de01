use std::collections::HashSet;
use std::mem;
use std::ops::ControlFlow;
use std::time::Duration;

use counter_core::{BatchSize, CounterId, Cursor, DeltaStore, Foreign, Pattern};

use crate::error::Error;
use crate::sync::report::times::time;

/// A scan of the store from its beginning to its end, in batches that hold each counter once.
pub(crate) struct Sweep<'a> {
    store: &'a dyn DeltaStore,
    pattern: Pattern,
    batch_size: BatchSize,
    /// What was found and is in no batch yet.
    found: Vec<CounterId>,
    /// Where the scan goes on.
    next: Option<Cursor>,
    /// How long the store was waited for, since somebody asked.
    spent: Duration,
}

impl<'a> Sweep<'a> {
    pub(crate) fn new(store: &'a dyn DeltaStore, pattern: Pattern, batch_size: BatchSize) -> Self {
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

    /// The next batch, empty at the end. After each page `note` is given the names that are not
    /// ours, and can ask for a pause: then there is no batch yet.
    pub(crate) fn next_batch(
        &mut self,
        mut note: impl FnMut(Vec<Foreign>) -> ControlFlow<()>,
    ) -> Result<Vec<CounterId>, Error> {
        let mut batch = HashSet::new();
        while batch.len() < self.batch_size.get().get() {
            if let Some(id) = self.found.pop() {
                batch.insert(id);
            } else if let Some(from) = self.next {
                let page = time(&mut self.spent, || {
                    self.store.scan(&self.pattern, from, self.batch_size.get())
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
