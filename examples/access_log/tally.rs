use anyhow::Result;
use counter_diesel::{Error, HasCounters};

use crate::job::Job;
use crate::log_line::LogLine;
use crate::pages::{Page, PageCounter};
use crate::site::{SITE, SiteCounter};

/// The outcomes of the lines.
#[derive(Default)]
pub struct Tally {
    pub lines: u64,
    /// Increments that were counted.
    pub increments: u64,
    malformed: Problems,
    /// Increments that certainly were not counted.
    not_counted: Problems,
    /// Increments that were sent, and whose answer was lost.
    unknown: Problems,
}

/// The number of problems of one kind, and the first one.
#[derive(Default)]
struct Problems {
    count: u64,
    first: Option<String>,
}

impl Tally {
    /// Counts one line, in one round trip to the store, and in another one by its time.
    pub fn count(&mut self, line: &[u8], job: Job<'_>) {
        if line.is_empty() {
            return;
        }
        self.lines += 1;
        let parsed = LogLine::parse(line).filter(|line| !job.by_time || line.time().is_some());
        match parsed {
            Some(line) => self.count_parsed(&line, job),
            None => self.malformed.note(1, || format!("{:?}", String::from_utf8_lossy(line))),
        }
    }

    fn count_parsed(&mut self, line: &LogLine<'_>, job: Job<'_>) {
        let mut increments = vec![(PageCounter::Hits, 1), (PageCounter::Bytes, line.bytes)];
        if line.status >= 400 {
            increments.push((PageCounter::Errors, 1));
        }
        let count = increments.len() as u64;
        self.note_all(count, increment(line.target, increments, job));
        if let Some(time) = line.time().filter(|_| job.by_time) {
            let hit = job.counters.at(time).increment(&SITE, SiteCounter::Hits, 1);
            self.note_all(1, hit.map_err(anyhow::Error::from));
        }
    }

    /// Notes the outcome of a call that makes this many increments.
    fn note_all(&mut self, count: u64, outcome: Result<()>) {
        let Err(error) = outcome else {
            self.increments += count;
            return;
        };
        match error.downcast::<Error>() {
            Ok(Error::Increments { outcomes }) => {
                outcomes.into_iter().for_each(|outcome| self.note(outcome));
            }
            Ok(Error::Core(error)) if count == 1 => self.note(Err(error)),
            // Nothing was sent.
            Ok(error) => self.not_counted.note(count, || chain(error)),
            Err(error) => self.not_counted.note(count, || format!("{error:#}")),
        }
    }

    /// Notes the outcome of one increment. Increments are not retried, because one of unknown
    /// outcome could count twice.
    fn note(&mut self, outcome: Result<(), counter_diesel::error::CoreError>) {
        match outcome {
            Ok(()) => self.increments += 1,
            Err(error) if error.is_outcome_unknown() => self.unknown.note(1, || chain(error)),
            Err(error) => self.not_counted.note(1, || chain(error)),
        }
    }

    pub fn add(&mut self, other: Self) {
        self.lines += other.lines;
        self.increments += other.increments;
        self.malformed.add(other.malformed);
        self.not_counted.add(other.not_counted);
        self.unknown.add(other.unknown);
    }

    /// Returns whether everything was certainly counted.
    pub fn is_complete(&self) -> bool {
        self.not_counted.count == 0 && self.unknown.count == 0
    }

    pub fn print(&self) {
        println!("{} lines, {} increments", self.lines, self.increments);
        let Self { malformed, not_counted, unknown, .. } = self;
        if let Some(line) = &malformed.first {
            println!("{} malformed lines were left out, such as {line}", malformed.count);
        }
        if let Some(why) = &not_counted.first {
            println!("{} increments were not counted: {why}", not_counted.count);
        }
        if let Some(why) = &unknown.first {
            println!("{} increments may have been counted or not: {why}", unknown.count);
        }
    }
}

impl Problems {
    fn note(&mut self, count: u64, describe: impl FnOnce() -> String) {
        self.count += count;
        self.first.get_or_insert_with(describe);
    }

    fn add(&mut self, other: Self) {
        self.count += other.count;
        self.first = self.first.take().or(other.first);
    }
}

fn increment(path: &str, increments: Vec<(PageCounter, i64)>, job: Job<'_>) -> Result<()> {
    let page = Page::counter_owner(job.pages.id_of(path)?)?;
    let increments = increments.into_iter().map(|(key, by)| (&page, key, by));
    Ok(job.counters.increment_many(increments)?)
}

/// Returns an error with its causes, on one line.
fn chain(error: impl std::error::Error + Send + Sync + 'static) -> String {
    format!("{:#}", anyhow::Error::new(error))
}
