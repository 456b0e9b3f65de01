use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use counter_diesel::{Cursor, DeltaStore, Pattern};

use crate::connect;
use crate::settings::Settings;

/// Longer than this nobody should have to wait for a sync to begin.
const PATIENCE: Duration = Duration::from_secs(2);

/// About how many counters there are to sync, for somebody who watches. `None` where that is not known soon
/// enough, or at all: whatever is wrong, the sync itself says it.
pub(super) fn total(settings: &Settings, pattern: &Pattern) -> Option<u64> {
    let store = connect::store(settings).ok()?;
    let page_size = settings.config().ok()?.sync_batch_size;
    count(&*store, pattern, page_size, Instant::now() + PATIENCE)
}

fn count(
    store: &dyn DeltaStore,
    pattern: &Pattern,
    page_size: NonZeroUsize,
    deadline: Instant,
) -> Option<u64> {
    let (mut total, mut next) = (0, Some(Cursor::default()));
    while let Some(from) = next {
        if Instant::now() >= deadline {
            return None;
        }
        let page = store.scan(pattern, from, page_size).ok()?;
        total += page.ids.len() as u64;
        next = page.next;
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use counter_diesel::{CounterId, MemoryStore};

    use super::*;

    #[test]
    fn it_is_counted_page_by_page_and_given_up_when_it_takes_too_long() {
        let store = MemoryStore::new();
        for id in 0..10 {
            store.increment(&CounterId::new("post", id, "views").unwrap(), 1).unwrap();
        }
        let count = |deadline| count(&store, &Pattern::all(), NonZeroUsize::MIN, deadline);
        assert_eq!(count(Instant::now() + Duration::from_secs(3600)), Some(10));
        assert_eq!(count(Instant::now()), None);
    }
}
