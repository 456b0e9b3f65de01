use std::fmt;

/// Where a sync looked for what is pending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Reach {
    /// Everything in the store: what its index names, and what a scan of all names finds.
    #[default]
    Everything,
    /// The names in the store's index.
    Index,
}

impl Reach {
    /// Returns the name of it, as reports and logs have it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Everything => "everything",
            Self::Index => "index",
        }
    }
}

impl fmt::Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
