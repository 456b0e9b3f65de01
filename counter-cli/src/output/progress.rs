use std::time::{Duration, Instant};

use counter_diesel::CounterId;
use counter_diesel::overview::SyncProgress;
use counter_diesel::store::{Claim, ClaimOp, Holding};
use counter_diesel::sync::SyncEvent;
use indicatif::{ProgressBar, ProgressStyle};

use super::claim::op_text;
use super::output::Output;
use super::shown::shown;
use super::streams::{complain, complain_in_lines, print};

/// Shows the progress of a sync: on a terminal one line, which is kept up to date. With `--verbose`
/// it names each counter, and without a terminal it prints a line every ten seconds.
pub(crate) struct Progress {
    output: Output,
    /// Hidden if standard error is no terminal.
    bar: ProgressBar,
    next_line: Instant,
    sync: SyncProgress,
    /// Names of counters, collected so that many are printed at once.
    names: String,
}

/// Time between two lines without a terminal. Shorter syncs print none.
const TIME_BETWEEN_LINES: Duration = Duration::from_secs(10);

/// Number of applied counters after which the line is updated, because batches may be large.
const BETWEEN_REFRESHES: u64 = 100;

/// Width of the whole bar, in characters.
const WIDTH: u64 = 20;

/// Returns whether there is a terminal on which a line can be kept up to date.
pub(crate) fn is_shown() -> bool {
    !ProgressBar::new_spinner().is_hidden()
}

impl Progress {
    pub(crate) fn new(output: Output, expected: Option<u64>) -> Self {
        let sync = SyncProgress::new(expected);
        let bar = ProgressBar::new_spinner();
        // Cut to the terminal's width.
        if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
            bar.set_style(style.tick_strings(&["|", "/", "-", "\\", " "]));
        }
        let next_line = sync.started + TIME_BETWEEN_LINES;
        Self { output, bar, next_line, sync, names: String::new() }
    }

    pub(crate) fn observe(&mut self, event: SyncEvent<'_>) {
        self.sync.observe(&event);
        match event {
            SyncEvent::Applied { claim, is_recovered: true } => {
                self.add_applied(claim, " (recovered)");
            }
            SyncEvent::Applied { claim, .. } => self.add_applied(claim, ""),
            SyncEvent::WouldApply { counter, held } => self.add_held(counter, held),
            _ => self.refresh(),
        }
    }

    /// Removes the line from the terminal and prints the remaining names.
    pub(crate) fn finish(&mut self) {
        self.bar.finish_and_clear();
        self.print_names();
    }

    fn add_applied(&mut self, claim: &Claim, remark: &str) {
        if self.sync.applied.is_multiple_of(BETWEEN_REFRESHES) {
            self.refresh();
        }
        if self.output.verbose {
            self.add_name(&claim.id, &op_text(claim.op), remark);
        }
    }

    /// Names the claim first, then what is pending.
    fn add_held(&mut self, counter: &CounterId, held: &Holding) {
        if self.output.verbose {
            let pending = Some(ClaimOp::Add(held.pending)).filter(|_| held.pending != 0);
            let ops = held.claim.as_ref().map(|claim| claim.op).into_iter().chain(pending);
            self.add_name(counter, &ops.map(op_text).collect::<Vec<_>>().join(", "), "");
        }
    }

    fn add_name(&mut self, counter: &CounterId, what: &str, remark: &str) {
        let counter = shown(counter.as_str());
        self.names.push_str(&format!("{what:>12}  {counter}{remark}\n"));
    }

    fn refresh(&mut self) {
        self.print_names();
        let now = Instant::now();
        if !self.bar.is_hidden() {
            self.bar.set_message(self.line(now));
            self.bar.tick();
        } else if let Some(line) = self.due_line(now) {
            complain(&line);
        }
    }

    /// Returns the line to print without a terminal, once it is due. Only with `--verbose`, because
    /// cron mails all output, and never among JSON.
    fn due_line(&mut self, now: Instant) -> Option<String> {
        let is_asked_for = self.output.verbose && !self.output.json;
        if !is_asked_for || now < self.next_line {
            return None;
        }
        self.next_line = now + TIME_BETWEEN_LINES;
        Some(self.line(now))
    }

    fn line(&self, now: Instant) -> String {
        let SyncProgress { found, applied, .. } = self.sync;
        let rate = self.sync.rate(now);
        let of_total = [self.sync.total(), self.sync.done_of(WIDTH), self.sync.done_of(100)];
        if let [Some(total), Some(done), Some(percent)] = of_total {
            let done = "#".repeat(done.try_into().unwrap_or_default());
            let width = usize::try_from(WIDTH).unwrap_or_default();
            return format!("[{done:<width$}] {percent:>3} %  {applied} of {total}, {rate:.0}/s");
        }
        format!("{found} found, {applied} applied, {rate:.0}/s")
    }

    /// Prints names to standard output, which JSON has for itself: beside JSON they go to standard
    /// error.
    fn print_names(&mut self) {
        if self.names.is_empty() {
            return;
        }
        let names = std::mem::take(&mut self.names);
        self.bar.suspend(|| {
            if self.output.json {
                complain_in_lines(&names);
            } else {
                // The sync goes on if its names cannot be printed.
                let _ = print(&names);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_terminal_nothing_is_said_of_a_long_sync_unless_it_is_asked_for() {
        for (json, verbose) in [(false, false), (true, false), (true, true)] {
            let mut progress = Progress::new(Output { json, verbose }, None);
            let late = progress.sync.started + Duration::from_secs(60);
            assert_eq!(progress.due_line(late), None, "{json} {verbose}");
        }
    }

    #[test]
    fn without_a_terminal_a_line_is_said_now_and_then_with_v() {
        let mut progress = Progress::new(Output { json: false, verbose: true }, None);
        let counter = CounterId::new("user", 1, "views").unwrap();
        let held = Holding { pending: 5, claim: None };
        progress.observe(SyncEvent::Found(30));
        (0..20).for_each(|_| {
            progress.observe(SyncEvent::WouldApply { counter: &counter, held: &held });
        });
        let at = |seconds| progress.sync.started + Duration::from_secs(seconds);
        let times = [1, 10, 11, 20].map(at);
        let lines = times.map(|time| progress.due_line(time));
        let line = |rate| Some(format!("30 found, 20 applied, {rate}/s"));
        assert_eq!(lines, [None, line(2), None, line(1)]);
    }

    #[test]
    fn a_bar_is_full_when_all_is_applied_and_no_longer_than_that() {
        let mut progress = Progress::new(Output { json: false, verbose: false }, Some(40));
        let mut line = |found, applied| {
            (progress.sync.found, progress.sync.applied) = (found, applied);
            progress.line(progress.sync.started + Duration::from_secs(1))
        };
        assert_eq!(line(10, 0), "[                    ]   0 %  0 of 40, 0/s");
        assert_eq!(line(10, 10), "[#####               ]  25 %  10 of 40, 10/s");
        assert_eq!(line(40, 40), "[####################] 100 %  40 of 40, 40/s");
        assert_eq!(line(50, 50), "[####################] 100 %  50 of 50, 50/s");
    }
}
