use std::io::{self, ErrorKind, Write as _};

use counter_diesel::error::redact;
use serde_json::Value;

use super::json;
use super::shown::{shown, shown_lines};

/// Prints to standard output. A closed pipe is no error: `counter all user:1 | head -1`.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        done => done,
    }
}

/// Prints one line to standard error. If that fails there is nowhere else to report it.
pub(crate) fn complain(line: &str) {
    let line = shown(&redact::passwords(line));
    let _ = writeln!(io::stderr(), "counter: {line}");
}

/// Prints several lines to standard error, without the name of the command before them.
pub(crate) fn complain_in_lines(text: &str) {
    let text = shown_lines(&redact::passwords(text));
    let _ = write!(io::stderr(), "{text}");
}

/// Prints an error as JSON to standard error. The caller has removed passwords from its texts.
pub(crate) fn complain_in_json(value: &Value) {
    let _ = write!(io::stderr(), "{}", json::line(&value.to_string()));
}
