use std::io;

use clap::Args;
use serde::Serialize;

use super::json;
use super::streams::print;

/// How much is printed, and in which form.
#[derive(Debug, Clone, Copy, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct Output {
    /// Print one JSON object instead of text
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// Print more: each counter of a sync, the causes of an error
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
}

impl Output {
    /// Prints a result as text, or as JSON if `--json` was given.
    pub(crate) fn result(
        self,
        command: &str,
        value: &impl Serialize,
        text: impl FnOnce() -> String,
    ) -> io::Result<()> {
        if self.json { print(&json::document(command, value)?) } else { print(&text()) }
    }
}
