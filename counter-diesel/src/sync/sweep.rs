use std::collections::HashSet;
use std::mem;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::time::Duration;

use counter_core::{
    BatchSize, CounterId, Cursor, DeltaStore, Error as CoreError, Foreign, IndexPage, Pattern,
    PendingIndex,
};

use crate::engine::pages::{Pages, pages};
use crate::error::Error;
use crate::sync::named::Named;
use crate::sync::reach::Reach;
use crate::sync::report::times::time;
use crate::sync::reported::Reported;

/// The names in the store's index, then a scan of the store, from its beginning to its end, or only
/// one of the two. Comes in batches that hold each counter once.
pub(crate) struct Sweep<'a> {
    index: Option<IndexReading<'a>>,
    scan: Option<Pages<'a>>,
    /// The scan to make if the index turns out to have gaps.
    later_scan: Option<Pages<'a>>,
    pattern: Pattern,
    batch_size: BatchSize,
    /// The counters that were found and are in no batch yet.
    found: Vec<CounterId>,
    /// The error that ends the search, once what was found is handed out.
    failed: Option<Error>,
    /// The counters that the index has named. A scan that finds them again adds nothing.
    handed_out: Reported,
    /// How long the store took, since `take_spent` was last called.
    spent: Duration,
}

/// A page of either.
#[derive(Default)]
struct Page {
    ids: Vec<CounterId>,
    foreign: Vec<Foreign>,
}

impl<'a> Sweep<'a> {
    /// Returns a scan alone.
    pub(crate) fn new(store: &'a dyn DeltaStore, pattern: Pattern, batch_size: BatchSize) -> Self {
        let scan = Some(pages(store, pattern.clone(), batch_size.get()));
        let (found, handed_out, spent) = (Vec::new(), Reported::default(), Duration::ZERO);
        let (index, later_scan, failed) = (None, None, None);
        Self { index, scan, later_scan, pattern, batch_size, found, failed, handed_out, spent }
    }

    /// Begins with what the index names, and notes its entries. If that is all that is asked for,
    /// the scan is made only where the index has gaps.
    pub(crate) fn with_index(
        self,
        index: &'a dyn PendingIndex,
        named: &'a Named,
        reach: Reach,
    ) -> Self {
        let count = self.batch_size.get();
        let index = Some(IndexReading { index, named, count, next: Some(Vec::new()) });
        match reach {
            Reach::Everything => Self { index, ..self },
            Reach::Index => Self { index, scan: None, later_scan: self.scan, ..self },
        }
    }

    /// Returns whether everything is in a batch that was handed out.
    pub(crate) fn is_over(&self) -> bool {
        let is_read = self.index.as_ref().is_none_or(IndexReading::is_over);
        let is_scanned = self.scan.as_ref().is_none_or(Pages::is_over);
        self.found.is_empty() && self.failed.is_none() && is_read && is_scanned
    }

    /// Returns what it has gone through, or goes through.
    pub(crate) const fn reach(&self) -> Reach {
        if self.scan.is_some() { Reach::Everything } else { Reach::Index }
    }

    /// Returns how long the store took, since this was last called.
    pub(crate) fn take_spent(&mut self) -> Duration {
        mem::take(&mut self.spent)
    }

    /// Returns the next batch, which is empty at the end. After each page `note` is given the
    /// foreign names, and can ask for a pause: then there is no batch yet. An error comes after the
    /// batch of what was found before it.
    pub(crate) fn next_batch(
        &mut self,
        mut note: impl FnMut(Vec<Foreign>) -> ControlFlow<()>,
    ) -> Result<Vec<CounterId>, Error> {
        let mut batch = HashSet::new();
        while batch.len() < self.batch_size.get().get() {
            if let Some(id) = self.found.pop() {
                batch.insert(id);
            } else if let Some(error) = self.failed.take_if(|_| batch.is_empty()) {
                return Err(error);
            } else if self.failed.is_some() {
                break;
            } else if let Some(page) = self.next_page() {
                let page = match page {
                    Ok(page) => page,
                    Err(error) => {
                        self.failed = Some(error);
                        continue;
                    }
                };
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

    fn next_page(&mut self) -> Option<Result<Page, Error>> {
        let mut spent = mem::take(&mut self.spent);
        let page = time(&mut spent, || match &mut self.index {
            Some(index) if !index.is_over() => Some(index.next_page().map(|page| self.take(page))),
            _ => Some(self.scan.as_mut()?.next()?.map(|mut page| {
                page.ids.retain(|id| !self.handed_out.contains(id));
                Page { ids: page.ids, foreign: page.foreign }
            })),
        });
        self.spent = spent;
        page.map(|page| Ok(page?))
    }

    /// Takes a page of the index.
    fn take(&mut self, page: IndexPage) -> Page {
        if page.has_gaps && self.scan.is_none() {
            self.scan = self.later_scan.take();
        }
        let mut entries = page.entries;
        entries.retain(|entry| self.pattern.matches_counter(&entry.id));
        let ids = entries.iter().map(|entry| entry.id.clone()).collect::<Vec<_>>();
        for id in &ids {
            self.handed_out.insert(id);
        }
        if let Some(index) = &self.index {
            index.named.note_read(entries);
        }
        Page { ids, foreign: page.foreign }
    }
}

/// A reading of the index, from its beginning to its end.
struct IndexReading<'a> {
    index: &'a dyn PendingIndex,
    named: &'a Named,
    count: NonZeroUsize,
    /// Where it goes on. `None` at its end.
    next: Option<Vec<Cursor>>,
}

impl IndexReading<'_> {
    const fn is_over(&self) -> bool {
        self.next.is_none()
    }

    fn next_page(&mut self) -> Result<IndexPage, CoreError> {
        let from = self.next.take().unwrap_or_default();
        let page = self.index.page(&from, self.count)?;
        self.next = Some(page.next.clone()).filter(|next| !next.is_empty());
        Ok(page)
    }
}
