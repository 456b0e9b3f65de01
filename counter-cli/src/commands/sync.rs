use std::io;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::time::Duration;

use clap::Args;
use counter_diesel::{Counters, Error, Pattern, SyncOptions, SyncReport};
use serde::Serialize;

use crate::connect::{self, Access};
use crate::failure::{Exit, Failure};
use crate::output::{
    Detail, Output, Progress, complain, complaints, in_one_line, in_table, is_shown,
};
use crate::settings::CommandSettings;
use crate::signals::Signals;

/// Move what is pending in the store into the table, exactly once
///
/// Any number of syncs may run at once, on any number of machines, and any of them may be killed:
/// the next sync finishes what it left behind. SIGINT or SIGTERM stops a sync after at most three
/// batches that are already claimed; the rest stays in the store (exit code 130 or 143). A second
/// signal stops it at once.
///
/// In the printed table, `applied` is what is in the database now; `recovered` are those of them
/// that an earlier sync had left behind; `skipped` had nothing to apply; `busy` are being synced by
/// another sync; `held` are those of them whose claim did not change while this sync looked again
/// for two seconds, so their sync is slow or has died. Whatever needs attention is printed to
/// standard error, and makes the exit code 1.
///
/// With -v each counter is printed with what was added to it (+5), what it was set to (=5), or
/// `deleted`. The table then has the time of each step: the store's are scan, claim and
/// acknowledge, the database's is database, and verify is the store's while rows are locked.
#[derive(Args)]
pub(crate) struct Sync {
    /// Change nothing; only show what a sync would do
    #[arg(long, conflicts_with = "watch")]
    dry_run: bool,

    /// Only counters whose id matches, such as 'user:*' or '*:123:*'; write \\ for a backslash
    #[arg(long)]
    pattern: Option<Pattern>,

    /// Counters in one transaction [env: COUNTER_SYNC_BATCH_SIZE] [default: 1000]
    #[arg(long, value_name = "N")]
    batch_size: Option<NonZeroUsize>,

    /// Sync repeatedly, with this much time in between: 10s, 500ms, 5min
    ///
    /// Until SIGINT or SIGTERM, after which it makes a last pass (exit code 0 if that succeeds). A
    /// pass that fails is reported, and the next one starts a second later at the earliest. Servers
    /// that are not up yet are waited for; one that refuses this user or this database ends it.
    #[arg(long, value_name = "TIME", value_parser = interval)]
    watch: Option<Duration>,

    /// Scan everything this often, with --watch [env: COUNTER_FULL_SCAN_EVERY] [default: 10m]
    ///
    /// The first pass scans everything in the store. Those after it look only at what the store's
    /// index names, and cost what has changed, until a scan is due; all workers of a store share
    /// its scans. What other programs count with a plain INCRBY waits for a scan. 0s scans
    /// everything in each pass.
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration, requires = "watch")]
    full_scan_every: Option<Duration>,
}

/// Maximum time by which counting may delay a sync.
const PATIENCE: Duration = Duration::from_secs(2);

/// Minimum time between a pass that failed and the next.
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
        if let Some(interval) = self.watch {
            let signals = Signals::catch()?;
            let Some(counters) = self.counters_once_up(settings, output, &signals)? else {
                return Ok(Exit::Done);
            };
            return Syncing::with(signals, counters, self.options(), output).watch(interval);
        }
        let access = if self.dry_run { Access::Read } else { Access::Write };
        let counters = connect::counters_with_shared_store(settings, access)?;
        let syncing = Syncing::new(counters, self.options(), output)?;
        // Counted only if a terminal can show how much of it is done.
        let expected = if is_shown() { syncing.expected(&self.pattern) } else { None };
        syncing.once(expected)
    }

    /// Opens both sides, and waits for those that are not up yet. Prints why they are not, again
    /// each time the reason changes. Returns `None` if a signal arrives first: then there was
    /// nothing to sync.
    fn counters_once_up(
        &self,
        settings: &CommandSettings,
        output: Output,
        signals: &Signals,
    ) -> Result<Option<Counters>, Failure> {
        let mut printed = None;
        let opened = connect::counters_once_up(settings, |failure| {
            let why = failure.why().to_owned();
            if printed.as_ref() != Some(&why) {
                failure.print(output);
                printed = Some(why);
            }
            signals.wait(TIME_TO_RECOVER).is_none()
        });
        match opened {
            Err(_) if signals.arrived().is_some() => Ok(None),
            opened => opened.map(Some),
        }
    }

    fn options(&self) -> SyncOptions {
        let mut options = SyncOptions::default().dry_run(self.dry_run);
        if let Some(pattern) = &self.pattern {
            options = options.pattern(pattern.clone());
        }
        if let Some(batch_size) = self.batch_size {
            options = options.batch_size(batch_size);
        }
        if let Some(every) = self.full_scan_every {
            options = options.full_scan_every(every);
        }
        options
    }
}

/// Runs syncs, which signals can stop.
pub(super) struct Syncing {
    counters: Counters,
    options: SyncOptions,
    signals: Signals,
    output: Output,
    /// The decision about conflicts that it carries out, if any.
    action: Option<&'static str>,
}

impl Syncing {
    pub(super) fn new(
        counters: Counters,
        options: SyncOptions,
        output: Output,
    ) -> Result<Self, Failure> {
        Ok(Self::with(Signals::catch()?, counters, options, output))
    }

    fn with(signals: Signals, counters: Counters, options: SyncOptions, output: Output) -> Self {
        Self { counters, options, signals, output, action: None }
    }

    /// Marks the sync as the work of `counter conflicts`.
    pub(super) fn deciding(self, action: &'static str) -> Self {
        Self { action: Some(action), ..self }
    }

    /// Returns about how many counters there are to sync, or `None` if that is not known soon
    /// enough. Errors are left to the sync, which reports them.
    fn expected(&self, pattern: &Option<Pattern>) -> Option<u64> {
        let pattern = pattern.clone().unwrap_or_default();
        self.counters.pending_count(&pattern, PATIENCE).ok().flatten()
    }

    pub(super) fn once(&self, expected: Option<u64>) -> Result<Exit, Failure> {
        let options = self.options.clone().report_held(true);
        let report = self.pass(&options, expected, || self.signals.arrived().is_some())?;
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

    /// Syncs until a signal ends the wait or the current pass. Then makes a last pass, which finds
    /// everything that was counted before the signal.
    fn watch(&self, interval: Duration) -> Result<Exit, Failure> {
        let (mut delay, mut troubles) = (Duration::ZERO, None);
        let mut has_seen_all = false;
        loop {
            let turn = if self.signals.wait(delay).is_some() { Turn::Last } else { Turn::Usual };
            let should_stop = || turn == Turn::Usual && self.signals.arrived().is_some();
            let is_last = turn == Turn::Last;
            let options = self.options.clone().retry_refused(is_last).report_held(is_last);
            let options = options.follow_index(has_seen_all);
            let result = self.pass(&options, None, should_stop);
            has_seen_all |= result.as_ref().is_ok_and(SyncReport::is_complete);
            delay = match &result {
                Ok(report) if report.stopped.is_none() => interval,
                _ => interval.max(TIME_TO_RECOVER),
            };
            let exit = match result {
                Ok(report) => self.print_pass(&report, turn, &mut troubles),
                Err(error) if turn == Turn::Last => return Err(error.into()),
                Err(error) => Failure::from(error).print(self.output),
            };
            if turn == Turn::Last {
                return Ok(exit);
            }
        }
    }

    fn pass(
        &self,
        options: &SyncOptions,
        expected: Option<u64>,
        should_stop: impl Fn() -> bool,
    ) -> Result<SyncReport, Error> {
        let mut progress = Progress::new(self.output, expected);
        let result = self.counters.sync_observed(options, &mut |event| {
            progress.observe(event);
            if should_stop() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        progress.finish();
        result
    }

    /// Prints a line for a pass that did or found anything. What needs attention is repeated only
    /// when its counts have changed since the last pass.
    fn print_pass(&self, report: &SyncReport, turn: Turn, troubles: &mut Option<Troubles>) -> Exit {
        if turn == Turn::Last || report.scanned > 0 || !report.is_clean() {
            let line = || in_one_line(report);
            // A full disk under the log does not keep the command from syncing.
            if let Err(error) = self.print(report, line) {
                Failure::from(error).print(self.output);
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

    /// Prints what needs attention, which in JSON is part of the report.
    fn complain(&self, report: &SyncReport) {
        if !self.output.json {
            complaints(report).iter().for_each(|line| complain(line));
            if let Some(error) = &report.stopped {
                Failure::from(error).print(self.output);
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

/// Whether another pass of a watched sync follows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    Usual,
    /// The pass after a signal.
    Last,
}

type Troubles = Vec<(&'static str, u64)>;

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
