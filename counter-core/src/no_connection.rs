/// The address that could not be reached and the reason, without a password, which some servers
/// repeat.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub(crate) struct NoConnection {
    what: String,
    login: Login,
}

/// Whether the server refused the user or the password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Login {
    Refused,
    Other,
}

impl NoConnection {
    pub(crate) fn new(what: String, login: Login) -> Self {
        Self { what, login }
    }

    pub(crate) fn is_refused_login(&self) -> bool {
        self.login == Login::Refused
    }
}
