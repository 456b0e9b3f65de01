use std::num::NonZeroUsize;

use counter_core::{Cursor, DeltaStore, Error, Pattern, ScanPage};

/// Scans a store from its beginning to its end and returns its pages, each of about `page_size`
/// counters. Ends after an error.
pub(crate) fn pages(
    store: &dyn DeltaStore,
    pattern: Pattern,
    page_size: NonZeroUsize,
) -> impl Iterator<Item = Result<ScanPage, Error>> {
    let mut next = Some(Cursor::default());
    std::iter::from_fn(move || {
        let page = store.scan(&pattern, next.take()?, page_size);
        next = page.as_ref().ok().and_then(|page| page.next);
        Some(page)
    })
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
