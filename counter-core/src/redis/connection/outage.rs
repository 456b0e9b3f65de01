use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// For how long a server that takes no connections is not asked again.
const PAUSE: Duration = Duration::from_millis(100);

/// The state of a server that takes no connections.
#[derive(Debug, Default)]
pub(crate) struct Outage(Mutex<Option<(Instant, String)>>);

impl Outage {
    /// Notes how an attempt to connect ended.
    pub(crate) fn note<T, E: ToString>(&self, connected: &Result<T, E>) {
        *self.lock() = connected.as_ref().err().map(|why| (Instant::now(), why.to_string()));
    }

    /// Returns why it takes none, if that was tried not long ago.
    pub(super) fn recent(&self) -> Option<String> {
        let outage = self.lock();
        let recent = outage.as_ref().filter(|(since, _)| since.elapsed() < PAUSE);
        recent.map(|(_, why)| why.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Option<(Instant, String)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_that_took_a_connection_is_not_away_any_more() {
        let outage = Outage::default();
        assert_eq!(outage.recent(), None);
        outage.note::<(), _>(&Err("refused"));
        assert_eq!(outage.recent().as_deref(), Some("refused"));
        outage.note::<_, &str>(&Ok(()));
        assert_eq!(outage.recent(), None);
    }
}
