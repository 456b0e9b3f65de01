//! What the command says, and how: results on standard output, everything else on standard error.
//!
//! Whatever comes from outside goes through `shown` on its way, or through JSON's escapes.

pub(crate) mod json;
mod secrets;
mod shown;
mod table;

use std::io::{self, ErrorKind, Write as _};

use clap::Args;
use serde_json::Value;

pub(crate) use self::secrets::{without_passwords, without_pieces_of_passwords};
pub(crate) use self::shown::{shown, shown_lines};
pub(crate) use self::table::table;

/// How much is said, and in which form.
#[derive(Debug, Clone, Copy, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct Output {
    /// Print one JSON object instead of text
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// Say more: each counter of a sync, the causes of an error
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
}

impl Output {
    /// Prints a result in the form that was asked for.
    pub(crate) fn result(
        self,
        command: &str,
        value: impl FnOnce() -> Value,
        text: impl FnOnce() -> String,
    ) -> io::Result<()> {
        if self.json { print(&json::document(command, value())) } else { print(&text()) }
    }
}

/// Prints to standard output. That nobody reads it any more is no error: `counter all user:1 | head -1`.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        done => done,
    }
}

/// Says one line to whoever looks after the command. Where that fails too there is nobody to be told.
pub(crate) fn complain(line: &str) {
    let line = shown(&without_passwords(line));
    let _ = writeln!(io::stderr(), "counter: {line}");
}

/// The same of several lines, which are taken as they are.
pub(crate) fn complain_in_lines(text: &str) {
    let text = shown_lines(&without_passwords(text));
    let _ = write!(io::stderr(), "{text}");
}

/// The same as JSON, of which no text has a password in it.
pub(crate) fn complain_in_json(value: &Value) {
    let _ = write!(io::stderr(), "{}", json::line(&value.to_string()));
}
