use crate::confirmation::Confirmation;

/// When claims wait for a confirmation, and for which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConfirmationRule {
    /// They do not wait.
    Never,
    /// They wait. Those that are not confirmed are not applied.
    Always(Confirmation),
    /// They wait while the server has a replica that is connected. Without one they are applied
    /// without a confirmation, and are counted as such.
    WhileReplicated(Confirmation),
}

impl ConfirmationRule {
    /// Returns the rule of a store that was given this confirmation.
    ///
    /// If the store follows a master, expect failovers. So its claims wait for one replica by
    /// default, but a master that has lost all replicas continues alone.
    pub(crate) fn new(given: Option<Confirmation>, follows_master: bool) -> Self {
        match given {
            Some(confirmation) => Self::Always(confirmation),
            None if follows_master => Self::WhileReplicated(Confirmation::by_replicas(1)),
            None => Self::Never,
        }
    }

    /// Returns what claims wait for, if they wait.
    pub(crate) fn confirmation(self) -> Option<Confirmation> {
        match self {
            Self::Never => None,
            Self::Always(confirmation) | Self::WhileReplicated(confirmation) => Some(confirmation),
        }
    }
}
