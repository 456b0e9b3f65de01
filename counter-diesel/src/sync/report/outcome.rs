use super::report::SyncReport;
use crate::error::Error;

/// How a pass went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PassOutcome {
    Clean,
    Unclean,
    Failed,
}

impl PassOutcome {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::Unclean => "unclean",
            Self::Failed => "failed",
        }
    }

    pub(crate) fn of(result: &Result<SyncReport, Error>) -> Self {
        match result {
            Ok(report) if report.is_clean() => Self::Clean,
            Ok(report) if report.stopped.is_none() => Self::Unclean,
            _ => Self::Failed,
        }
    }
}
