use super::packed::Packed;
use super::reply::{Reply, Unexpected};
use crate::error::BoxError;
use crate::printable::Printable;

/// The role of a server, as it answers to ROLE.
///
/// INFO says the same, but needs a right that a user may lack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Role {
    /// A master, with the number of replicas that are connected and have caught up with it once.
    Master {
        replicas: usize,
    },
    Other(NoMaster),
}

/// The server is no master any more, or not yet.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the server is no master, its role is {}", Printable(.role))]
pub(crate) struct NoMaster {
    /// Such as `slave`.
    role: String,
}

impl Role {
    pub(crate) fn question() -> Packed {
        let mut question = Packed::default();
        question.command(1, |args| {
            args.text("ROLE");
        });
        question
    }

    pub(crate) fn read(reply: Reply) -> Result<Self, BoxError> {
        let mut parts = reply.into_array()?.into_iter();
        let role = parts.next().ok_or(Unexpected)?.into_text()?.ok_or(Unexpected)?;
        if role != b"master" {
            let role = String::from_utf8_lossy(&role).into_owned();
            return Ok(Self::Other(NoMaster { role }));
        }
        let replicas = parts.nth(1).ok_or(Unexpected)?.into_array()?.len();
        Ok(Self::Master { replicas })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Reply {
        Reply::Text(text.as_bytes().to_vec())
    }

    fn read(parts: Vec<Reply>) -> Option<Role> {
        Role::read(Reply::Array(parts)).ok()
    }

    #[test]
    fn a_role_of_any_form_is_a_role_or_an_error() {
        let replica = || Reply::Array(vec![text("h"), text("1"), text("9")]);
        let replicas = Reply::Array(vec![replica(), replica()]);
        let master = read(vec![text("master"), Reply::Int(9), replicas]);
        assert_eq!(master, Some(Role::Master { replicas: 2 }));
        let replica = read(vec![text("slave"), text("h"), Reply::Int(1)]);
        assert_eq!(replica, Some(Role::Other(NoMaster { role: "slave".to_owned() })));
        assert_eq!(read(vec![text("master")]), None);
        assert_eq!(read(vec![text("master"), Reply::Int(9), Reply::Int(1)]), None);
        assert_eq!(read(vec![]), None);
        assert!(Role::read(Reply::Nil).is_err());
    }
}
