//! Pools as an application that counts wants them.

use std::time::Duration;

use diesel::r2d2::{Builder, ConnectionManager, HandleError, Pool};

use super::CounterConnection;
use crate::error::Error;

/// A pool that is asked for a connection in a request, where a second is long.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(1);

/// Opens a pool. No password gets into its errors or its logs.
pub(super) fn open<C: CounterConnection>(
    url: &str,
    max_size: u32,
    customize: impl FnOnce(Builder<ConnectionManager<C>>) -> Builder<ConnectionManager<C>>,
) -> Result<Pool<ConnectionManager<C>>, Error> {
    let builder = Pool::builder()
        .max_size(max_size)
        .connection_timeout(CONNECTION_TIMEOUT)
        .error_handler(Box::new(Log { secrets: Secrets::of(url) }));
    customize(builder).build(ConnectionManager::new(url)).map_err(|source| Error::Unreachable {
        source: Secrets::of(url).removed_from(&source.to_string()).into(),
    })
}

#[derive(Debug)]
struct Log {
    secrets: Secrets,
}

impl HandleError<diesel::r2d2::Error> for Log {
    fn handle_error(&self, error: diesel::r2d2::Error) {
        let error = self.secrets.removed_from(&error.to_string());
        tracing::error!(error, "a pool could not open a connection");
    }
}

/// The pieces of a URL that may be pieces of a password.
///
/// A driver names what it cannot use, and where a password has an `@` or a `/` in it that should have been
/// escaped, what it takes for a host or a port is a piece of the password.
struct Secrets(Vec<String>);

impl Secrets {
    fn of(url: &str) -> Self {
        let user_info = url.split_once("://").and_then(|(_, rest)| rest.rsplit_once('@'));
        let password = user_info.and_then(|(user_info, _)| user_info.split_once(':'));
        let parameter = url.split_once("password");
        let suspicious = [password, parameter].into_iter().flatten();
        let mut pieces = suspicious
            .flat_map(|(_, rest)| {
                rest.split(|c: char| "=@/?#&:'\"".contains(c) || c.is_whitespace())
            })
            .filter(|piece| !piece.is_empty())
            .map(str::to_owned)
            .collect::<Vec<_>>();
        pieces.sort_by_key(|piece| std::cmp::Reverse(piece.len()));
        Self(pieces)
    }

    fn removed_from(&self, text: &str) -> String {
        let pieces = self.0.iter();
        pieces.fold(text.to_owned(), |text, piece| text.replace(piece, "***"))
    }
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_a_password_is_removed() {
        for (url, message, expected) in [
            (
                "postgres://u:p/w@h/d",
                "invalid integer value \"p\" for \"port\"",
                "invalid integer value \"***\" for \"***ort\"",
            ),
            ("postgres://user:w0rd@x@h/d", "no host \"x@h\"", "no host \"***@h\""),
            (
                "post://user:w0rd@h/d",
                "missing \"=\" after \"post://user:w0rd@h/d\"",
                "missing \"=\" after \"post://user:***@h/d\"",
            ),
            (
                "host=h password='my w0rd'",
                "missing \"=\" after \"w0rd\"",
                "missing \"=\" after \"***\"",
            ),
            ("postgres://user@h/d", "user at h", "user at h"),
        ] {
            assert_eq!(Secrets::of(url).removed_from(message), expected);
        }
    }
}
