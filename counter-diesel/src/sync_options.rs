use std::num::NonZeroUsize;

use counter_core::{Invalid, Pattern};

/// What a sync moves, and how.
///
/// ```
/// # use counter_diesel::SyncOptions;
/// let rehearsal = SyncOptions::default().pattern("user:*").dry_run(true);
/// # let _ = rehearsal;
/// ```
#[derive(Debug, Clone, Default)]
pub struct SyncOptions {
    pub(crate) pattern: Option<String>,
    pub(crate) batch_size: Option<NonZeroUsize>,
    pub(crate) dry_run: bool,
}

impl SyncOptions {
    /// Only counters whose id matches this glob: `user:*`, `*:123:*`. See [`Pattern`]. Default: all.
    pub fn pattern(mut self, pattern: impl Into<String>) -> Self {
        self.pattern = Some(pattern.into());
        self
    }

    /// How many counters are moved in one transaction. Default: the configured `sync_batch_size`. More than
    /// 10,000 count as 10,000.
    pub fn batch_size(mut self, batch_size: NonZeroUsize) -> Self {
        self.batch_size = Some(batch_size);
        self
    }

    /// Only look, and change nothing anywhere. Default: no.
    pub fn dry_run(mut self, dry_run: bool) -> Self {
        self.dry_run = dry_run;
        self
    }

    pub(crate) fn parse_pattern(&self) -> Result<Pattern, Invalid> {
        self.pattern.as_deref().map_or_else(|| Ok(Pattern::all()), str::parse)
    }
}
