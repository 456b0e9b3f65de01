use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use counter_core::Printable;
use counter_core::redact::{self, Secrets};
use diesel::r2d2::{Builder, ConnectionManager, HandleError, Pool, PoolError};

use crate::error::Error;
use crate::ledger::dialect::connection::CounterConnection;
use crate::targets::POOL;

/// A pool that is asked for a connection in a request, where a second is long.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(1);

/// How long a server that says nothing is waited for when a pool is opened.
const START_TIMEOUT: Duration = Duration::from_secs(5);

/// Opens a pool. No password gets into its errors or its logs.
pub(crate) fn open<C: CounterConnection>(
    url: &str,
    max_size: u32,
    customize: impl FnOnce(Builder<ConnectionManager<C>>) -> Builder<ConnectionManager<C>>,
) -> Result<Pool<ConnectionManager<C>>, Error> {
    let has_failed = Arc::default();
    let log = Log { secrets: Secrets::of_url(url), has_failed: Arc::clone(&has_failed) };
    let builder = Pool::builder()
        .max_size(max_size)
        .connection_timeout(CONNECTION_TIMEOUT)
        .error_handler(Box::new(log));
    let pool = customize(builder).build_unchecked(ConnectionManager::new(url));
    fill(&pool, &has_failed).map_err(|source| Error::Unreachable {
        source: redact::quotations(Secrets::of_url(url).redact(&source.to_string()).into()),
    })?;
    Ok(pool)
}

/// Waits until all connections are open. A server that refuses one is not waited for any longer,
/// and a busy one has more time at the start than in a request.
fn fill<C: CounterConnection>(
    pool: &Pool<ConnectionManager<C>>,
    has_failed: &AtomicBool,
) -> Result<(), PoolError> {
    let start = Instant::now();
    let mut open = Vec::new();
    while open.len() < pool.max_size() as usize {
        match pool.get() {
            Ok(connection) => open.push(connection),
            Err(_) if !has_failed.load(Ordering::Relaxed) && start.elapsed() < START_TIMEOUT => {}
            Err(error) if open.is_empty() => return Err(error),
            Err(_) => break,
        }
    }
    Ok(())
}

/// The scheme of what may be a URL, or also a path or a list of settings.
pub(crate) fn scheme(url: &str) -> Option<&str> {
    let (scheme, _) = url.split_once("://")?;
    scheme.chars().all(|c| c.is_ascii_alphanumeric() || c == '+').then_some(scheme)
}

#[derive(Debug)]
struct Log {
    secrets: Secrets,
    /// Whether a connection could not be opened.
    has_failed: Arc<AtomicBool>,
}

impl HandleError<diesel::r2d2::Error> for Log {
    fn handle_error(&self, error: diesel::r2d2::Error) {
        self.has_failed.store(true, Ordering::Relaxed);
        let error = redact::quotations(self.secrets.redact(&error.to_string()).into());
        let error = Printable(&error.to_string()).to_string();
        tracing::error!(target: POOL, error, "a pool could not open a connection");
    }
}
