use std::sync::atomic::{AtomicU32, Ordering};

/// Whether a server behind a pool may have been demoted: made read-only, while another took its
/// place. Connections that are open then stay with it.
#[derive(Debug)]
pub(crate) struct Demotion {
    /// The size of the pool.
    connections: u32,
    /// How many of the next transactions that write ask first whether their server takes writes.
    wary_of: AtomicU32,
}

impl Demotion {
    pub(crate) fn of_pool(connections: u32) -> Self {
        Self { connections, wary_of: AtomicU32::new(0) }
    }

    /// Notes that a server refused a write because it is read-only.
    pub(crate) fn note_refusal(&self) {
        self.wary_of.store(self.connections, Ordering::Relaxed);
    }

    /// Notes that the server of a connection was asked and takes writes.
    pub(crate) fn note_write(&self) {
        let less = |wary_of: u32| wary_of.checked_sub(1);
        // Fails at 0, where nothing is left to be subtracted.
        let _ = self.wary_of.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }

    /// Returns whether a connection may still lead to a server that was demoted.
    pub(crate) fn is_likely(&self) -> bool {
        self.wary_of.load(Ordering::Relaxed) > 0
    }
}
