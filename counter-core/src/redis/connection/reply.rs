use super::refused::Refused;
use crate::error::BoxError;

/// One reply of the server, whichever version of the `redis` crate has read it.
#[derive(Debug)]
pub(crate) enum Reply {
    Nil,
    Int(i64),
    Text(Vec<u8>),
    Array(Vec<Reply>),
    Refused(Refused),
    /// A type with which the server answers none of this store's commands.
    Other,
}

/// A reply of another type than the command has.
///
/// The replies may belong to other commands than they are taken for, so the connection is not used
/// again.
#[derive(Debug, thiserror::Error)]
#[error("the server's reply is not one that this command has")]
pub(crate) struct Unexpected;

impl Reply {
    pub(crate) fn into_array(self) -> Result<Vec<Self>, BoxError> {
        match self {
            Self::Array(items) => Ok(items),
            other => Err(other.into_error()),
        }
    }

    /// Returns the text, or `None` for nil.
    pub(crate) fn into_text(self) -> Result<Option<Vec<u8>>, BoxError> {
        match self {
            Self::Nil => Ok(None),
            Self::Text(text) => Ok(Some(text)),
            other => Err(other.into_error()),
        }
    }

    pub(crate) fn into_number(self) -> Result<i64, BoxError> {
        match self {
            Self::Int(number) => Ok(number),
            other => Err(other.into_error()),
        }
    }

    pub(crate) fn into_error(self) -> BoxError {
        match self {
            Self::Refused(refused) => refused.into(),
            _ => Unexpected.into(),
        }
    }

    /// Returns whether the server did not run a script because it does not have it.
    pub(crate) fn is_no_script(&self) -> bool {
        self.is_refusal("NOSCRIPT")
    }

    /// Returns whether the server did not run a command because it is a replica.
    pub(crate) fn is_read_only(&self) -> bool {
        self.is_refusal("READONLY")
    }

    /// Returns whether the server did not run a command because the connection is not logged in.
    pub(crate) fn is_no_login(&self) -> bool {
        self.is_refusal("NOAUTH")
    }

    /// Returns whether the server did not run a command because some of its names are on another
    /// server already.
    pub(crate) fn is_split(&self) -> bool {
        self.is_refusal("TRYAGAIN")
    }

    /// Returns whether the server did not read a value because it has another type than the
    /// command.
    pub(crate) fn is_wrong_type(&self) -> bool {
        self.is_refusal("WRONGTYPE")
    }

    /// Returns whether the server refused a command only for an argument that is no number.
    pub(crate) fn is_no_integer(&self) -> bool {
        self.is_refusal("ERR value is not an integer")
    }

    /// Returns whether the server refused a command for now, as while it is a replica or has no
    /// memory left. What it refuses for another reason, it will refuse again.
    pub(crate) fn may_be_accepted_later(&self) -> bool {
        let is_refused = matches!(self, Self::Refused(_));
        is_refused && !["WRONGTYPE", "NOPERM", "ERR"].iter().any(|code| self.is_refusal(code))
    }

    fn is_refusal(&self, code: &str) -> bool {
        matches!(self, Self::Refused(refused) if refused.is(code))
    }
}
