use std::num::NonZeroUsize;

use counter_core::{Cursor, DeltaStore, Error, Pattern, ScanPage};

/// Returns the pages of a scan of a store from its beginning to its end, each of about
/// `page_size` counters.
pub(crate) fn pages(
    store: &dyn DeltaStore,
    pattern: Pattern,
    page_size: NonZeroUsize,
) -> Pages<'_> {
    Pages { store, pattern, page_size, next: Some(Cursor::default()) }
}

/// A scan that can be paused between two pages. It ends after an error.
pub(crate) struct Pages<'a> {
    store: &'a dyn DeltaStore,
    pattern: Pattern,
    page_size: NonZeroUsize,
    /// Where the scan goes on. `None` at its end.
    next: Option<Cursor>,
}

impl Pages<'_> {
    /// Returns whether the last page was returned.
    pub(crate) const fn is_over(&self) -> bool {
        self.next.is_none()
    }
}

impl Iterator for Pages<'_> {
    type Item = Result<ScanPage, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let page = self.store.scan(&self.pattern, self.next.take()?, self.page_size);
        self.next = page.as_ref().ok().and_then(|page| page.next);
        Some(page)
    }
}

#[cfg(test)]
mod tests {
    use counter_core::{CounterId, MemoryStore};

    use super::*;

    #[test]
    fn the_pages_of_a_scan_have_every_counter_and_end() {
        let store = MemoryStore::new();
        let ids = (0..100).map(|owner| CounterId::new("post", owner, "views").unwrap());
        let ids = ids.collect::<Vec<_>>();
        ids.iter().for_each(|id| store.increment(id, 1).unwrap());
        let pages = pages(&store, Pattern::all(), NonZeroUsize::MIN);
        let pages = pages.collect::<Result<Vec<_>, _>>().unwrap();
        assert!(pages.len() > 1 && pages.last().unwrap().next.is_none());
        let mut found = pages.into_iter().flat_map(|page| page.ids).collect::<Vec<_>>();
        found.sort();
        found.dedup();
        assert_eq!(found.len(), ids.len());
    }
}
