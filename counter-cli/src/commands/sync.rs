use std::io;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::time::Duration;

use clap::Args;
use counter_diesel::{Counters, Error, Pattern, SyncOptions, SyncReport};
use serde::Serialize;

use crate::connect;
use crate::failure::{Exit, Failure};
use crate::output::{
    Detail, Output, Progress, complain, complaints, in_one_line, in_table, is_shown,
};
use crate::settings::CommandSettings;
use crate::signals::Signals;

/// Move what waits in the store into the table, exactly once
///
/// Any number of syncs may run at once, on any number of machines, and any of them may be killed: what one
/// leaves behind the next one finishes. SIGINT or SIGTERM ends a sync after what is claimed already, three batches at most; the rest stays in
/// the store (exit code 130 or 143). A second signal ends it at once.
///
/// In the table that it prints, `applied` is what is in the database now; `recovered` of that, what an earlier sync
/// had left behind; `skipped` had nothing to apply; `busy` is in the hands of another sync. What somebody should
/// look at is named on standard error, and makes the exit code 1.
///
/// With -v each counter is named with what was added to it (+5), put in its place (=5), or `deleted`, and the time is
/// shown by step: scan, claim and acknowledge are the store's, database is the table's, and verify is the store's
/// while rows are locked.
#[derive(Args)]
pub(crate) struct Sync {
    /// Change nothing; only say what a sync would do
    #[arg(long, conflicts_with = "watch")]
    dry_run: bool,

    /// Only counters whose id matches, such as 'user:*' or '*:123:*'
    #[arg(long)]
    pattern: Option<Pattern>,

    /// How many counters are moved in one transaction [env: COUNTER_SYNC_BATCH_SIZE] [default: 1000]
    #[arg(long, value_name = "N")]
    batch_size: Option<NonZeroUsize>,

    /// Sync again and again, with this much time between: 10s, 500ms, 5min
    ///
    /// Until SIGINT or SIGTERM, which let it make a last pass (exit code 0 if that did well). A pass that fails is
    /// reported, and the next one comes a second later at the soonest.
    #[arg(long, value_name = "TIME", value_parser = interval)]
    watch: Option<Duration>,
}

/// How long counting may delay a sync.
const PATIENCE: Duration = Duration::from_secs(2);

/// The shortest time from a pass that failed to the next.
const TIME_TO_RECOVER: Duration = Duration::from_secs(1);

fn interval(text: &str) -> Result<Duration, String> {
    let interval = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if interval < Duration::from_millis(1) {
        return Err("it must be at least 1ms".to_owned());
    }
    Ok(interval)
}

impl Sync {
    pub(crate) fn run(self, settings: &CommandSettings, output: Output) -> Result<Exit, Failure> {
        let counters = connect::counters_with_shared_store(settings)?;
        let syncing = Syncing::new(counters, self.options(), output)?;
        match self.watch {
            Some(interval) => syncing.watch(interval),
            // Only where there is a terminal to show how much of it is done.
            None if is_shown() => syncing.once(syncing.expected(&self.pattern)),
            None => syncing.once(None),
        }
    }

    fn options(&self) -> SyncOptions {
        let mut options = SyncOptions::default().dry_run(self.dry_run);
        if let Some(pattern) = &self.pattern {
            options = options.pattern(pattern.as_str());
        }
        if let Some(batch_size) = self.batch_size {
            options = options.batch_size(batch_size);
        }
        options
    }
}

/// A sync at work, which a signal ends.
pub(super) struct Syncing {
    counters: Counters,
    options: SyncOptions,
    signals: Signals,
    output: Output,
    /// What it does about conflicts, if that is what it is made for.
    action: Option<&'static str>,
}

impl Syncing {
    pub(super) fn new(
        counters: Counters,
        options: SyncOptions,
        output: Output,
    ) -> Result<Self, Failure> {
        let signals = Signals::catch()
            .map_err(|error| Failure::failed("signals cannot be caught").because(&error))?;
        Ok(Self { counters, options, signals, output, action: None })
    }

    /// The same as the work of `counter conflicts`.
    pub(super) fn deciding(self, action: &'static str) -> Self {
        Self { action: Some(action), ..self }
    }

    /// Returns about how many counters there are to sync. `None` where that is not known soon enough, or at all: the
    /// sync itself reports what is wrong.
    fn expected(&self, pattern: &Option<Pattern>) -> Option<u64> {
        let pattern = pattern.clone().unwrap_or_default();
        self.counters.pending_count(&pattern, PATIENCE).ok().flatten()
    }

    pub(super) fn once(&self, expected: Option<u64>) -> Result<Exit, Failure> {
        let report = self.pass(expected, || self.signals.arrived().is_some())?;
        let detail = if self.output.verbose { Detail::Steps } else { Detail::Counts };
        let text = || in_table(&report, detail);
        let printed = self.print(&report, text);
        self.complain(&report);
        printed?;
        match self.signals.arrived() {
            Some(signal) if report.interrupted => {
                if !self.output.json {
                    complain("stopped by a signal; what was not synced waits in the store");
                }
                Ok(signal)
            }
            _ => Ok(exit_of(&report)),
        }
    }

    /// A signal ends the wait, or the pass at hand; then comes a last pass, which finds everything that was
    /// counted before the signal.
    fn watch(&self, interval: Duration) -> Result<Exit, Failure> {
        let (mut delay, mut troubles) = (Duration::ZERO, None);
        loop {
            let turn = if self.signals.wait(delay).is_some() { Turn::Last } else { Turn::Usual };
            let should_stop = || turn == Turn::Usual && self.signals.arrived().is_some();
            let result = self.pass(None, should_stop);
            delay = match &result {
                Ok(report) if report.stopped.is_none() => interval,
                _ => interval.max(TIME_TO_RECOVER),
            };
            let exit = match result {
                Ok(report) => self.tell(&report, turn, &mut troubles),
                Err(error) if turn == Turn::Last => return Err(error.into()),
                Err(error) => Failure::from(error).tell(self.output),
            };
            if turn == Turn::Last {
                return Ok(exit);
            }
        }
    }

    fn pass(
        &self,
        expected: Option<u64>,
        should_stop: impl Fn() -> bool,
    ) -> Result<SyncReport, Error> {
        let mut progress = Progress::new(self.output, expected);
        let result = self.counters.sync_observed(&self.options, &mut |event| {
            progress.observe(event);
            if should_stop() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        progress.finish();
        result
    }

    /// One line for a pass that did or found anything; what it found is named where the last pass has not found
    /// as much already.
    fn tell(&self, report: &SyncReport, turn: Turn, troubles: &mut Option<Troubles>) -> Exit {
        if turn == Turn::Last || report.scanned > 0 || !report.is_clean() {
            let line = || in_one_line(report);
            // A full disk under its log does not keep the command from syncing.
            if let Err(error) = self.print(report, line) {
                Failure::from(error).tell(self.output);
            }
        }
        let found = Some(report.troubles());
        if *troubles != found {
            self.complain(report);
        }
        *troubles = found;
        exit_of(report)
    }

    fn print(&self, report: &SyncReport, text: impl FnOnce() -> String) -> io::Result<()> {
        match self.action {
            None => self.output.result("sync", report, text),
            Some(action) => self.output.result("conflicts", &Decided { report, action }, text),
        }
    }

    /// In JSON it is all in the report.
    fn complain(&self, report: &SyncReport) {
        if !self.output.json {
            complaints(report).iter().for_each(|line| complain(line));
            if let Some(error) = &report.stopped {
                Failure::from(error).tell(self.output);
            }
        }
    }
}

/// A report of what `counter conflicts` did.
#[derive(Serialize)]
struct Decided<'a> {
    #[serde(flatten)]
    report: &'a SyncReport,
    action: &'static str,
}

/// Which pass of a sync that is watched.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    Usual,
    /// The one after a signal.
    Last,
}

type Troubles = [(&'static str, u64); 8];

fn exit_of(report: &SyncReport) -> Exit {
    match &report.stopped {
        Some(error) => Exit::of(error),
        None if report.is_clean() => Exit::Done,
        None => Exit::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_has_a_unit_and_is_not_zero() {
        assert_eq!(interval("10s"), Ok(Duration::from_secs(10)));
        assert_eq!(interval("1h 5min"), Ok(Duration::from_secs(3900)));
        for wrong in ["", "10", "0s", "-1s", "1ns", "soon"] {
            assert!(interval(wrong).is_err(), "{wrong}");
        }
    }
}
