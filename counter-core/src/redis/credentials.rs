use std::fmt;
use std::sync::Arc;

use crate::error::BoxError;

/// The user and the password with which a connection to Redis logs in.
#[derive(Clone, PartialEq, Eq)]
pub struct RedisCredentials {
    pub(crate) user: Option<String>,
    pub(crate) password: String,
}

impl RedisCredentials {
    /// Returns the credentials of a user.
    pub fn new(user: impl Into<String>, password: impl Into<String>) -> Self {
        Self { user: Some(user.into()), password: password.into() }
    }

    /// Returns the credentials of the default user.
    pub fn password(password: impl Into<String>) -> Self {
        Self { user: None, password: password.into() }
    }
}

/// Shows neither user nor password.
impl fmt::Debug for RedisCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RedisCredentials(..)")
    }
}

/// The source that each new connection asks for its credentials.
#[derive(Clone)]
pub(crate) struct CredentialSource(
    pub(crate) Arc<dyn Fn() -> Result<RedisCredentials, BoxError> + Send + Sync>,
);

impl fmt::Debug for CredentialSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CredentialSource(..)")
    }
}
