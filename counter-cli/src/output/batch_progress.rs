use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::output::Output;
use super::streams::complain;

/// Shows how far a command is that works in batches: on a terminal one line, which is kept up to
/// date. Elsewhere it prints a line every ten seconds with `--verbose`, but not beside JSON.
pub(crate) struct BatchProgress {
    /// Hidden if standard error is no terminal.
    bar: ProgressBar,
    is_asked_for: bool,
    next_line: Instant,
}

/// Time between two lines without a terminal. Shorter commands print none.
const TIME_BETWEEN_LINES: Duration = Duration::from_secs(10);

impl BatchProgress {
    pub(crate) fn new(output: Output) -> Self {
        let bar = ProgressBar::new_spinner();
        // Cut to the terminal's width.
        if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
            bar.set_style(style.tick_strings(&["|", "/", "-", "\\", " "]));
        }
        let next_line = Instant::now() + TIME_BETWEEN_LINES;
        Self { bar, is_asked_for: output.verbose && !output.json, next_line }
    }

    pub(crate) fn show(&mut self, line: impl FnOnce() -> String) {
        if !self.bar.is_hidden() {
            self.bar.set_message(line());
            self.bar.tick();
        } else if self.is_asked_for && Instant::now() >= self.next_line {
            self.next_line = Instant::now() + TIME_BETWEEN_LINES;
            complain(&line());
        }
    }

    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
