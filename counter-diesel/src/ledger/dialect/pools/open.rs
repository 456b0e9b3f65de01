use std::time::Duration;

use counter_core::Printable;
use counter_core::redact::{self, Secrets};
use diesel::r2d2::{Builder, ConnectionManager, HandleError, Pool};

use crate::error::Error;
use crate::ledger::dialect::connection::CounterConnection;
use crate::targets::POOL;

/// A pool that is asked for a connection in a request, where a second is long.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(1);

/// Opens a pool. No password gets into its errors or its logs.
pub(crate) fn open<C: CounterConnection>(
    url: &str,
    max_size: u32,
    customize: impl FnOnce(Builder<ConnectionManager<C>>) -> Builder<ConnectionManager<C>>,
) -> Result<Pool<ConnectionManager<C>>, Error> {
    let builder = Pool::builder()
        .max_size(max_size)
        .connection_timeout(CONNECTION_TIMEOUT)
        .error_handler(Box::new(Log { secrets: Secrets::of_url(url) }));
    customize(builder).build(ConnectionManager::new(url)).map_err(|source| Error::Unreachable {
        source: redact::quotations(Secrets::of_url(url).redact(&source.to_string()).into()),
    })
}

/// The scheme of what may be a URL, or also a path or a list of settings.
pub(crate) fn scheme(url: &str) -> Option<&str> {
    let (scheme, _) = url.split_once("://")?;
    scheme.chars().all(|c| c.is_ascii_alphanumeric() || c == '+').then_some(scheme)
}

#[derive(Debug)]
struct Log {
    secrets: Secrets,
}

impl HandleError<diesel::r2d2::Error> for Log {
    fn handle_error(&self, error: diesel::r2d2::Error) {
        let error = redact::quotations(self.secrets.redact(&error.to_string()).into());
        let error = Printable(&error.to_string()).to_string();
        tracing::error!(target: POOL, error, "a pool could not open a connection");
    }
}
