use std::collections::HashSet;
use std::mem;
use std::ops::ControlFlow;
use std::time::Duration;

use counter_core::{BatchSize, CounterId, DeltaStore, Foreign, Pattern};

use crate::engine::pages::{Pages, pages};
use crate::error::Error;
use crate::sync::report::times::time;

/// A scan of the store from its beginning to its end, in batches that hold each counter once.
pub(crate) struct Sweep<'a> {
    pages: Pages<'a>,
    batch_size: BatchSize,
    /// What was found and is in no batch yet.
    found: Vec<CounterId>,
    /// How long the store took, since `take_spent` was last called.
    spent: Duration,
}

impl<'a> Sweep<'a> {
    pub(crate) fn new(store: &'a dyn DeltaStore, pattern: Pattern, batch_size: BatchSize) -> Self {
        let pages = pages(store, pattern, batch_size.get());
        Self { pages, batch_size, found: Vec::new(), spent: Duration::ZERO }
    }

    /// Returns whether everything is in a batch that was handed out.
    pub(crate) fn is_over(&self) -> bool {
        self.found.is_empty() && self.pages.is_over()
    }

    /// Returns how long the store took, since this was last called.
    pub(crate) fn take_spent(&mut self) -> Duration {
        mem::take(&mut self.spent)
    }

    /// Returns the next batch, which is empty at the end. After each page `note` is given the
    /// foreign names, and can ask for a pause: then there is no batch yet.
    pub(crate) fn next_batch(
        &mut self,
        mut note: impl FnMut(Vec<Foreign>) -> ControlFlow<()>,
    ) -> Result<Vec<CounterId>, Error> {
        let mut batch = HashSet::new();
        while batch.len() < self.batch_size.get().get() {
            if let Some(id) = self.found.pop() {
                batch.insert(id);
            } else if let Some(page) = time(&mut self.spent, || self.pages.next()) {
                let page = page?;
                self.found = page.ids;
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
