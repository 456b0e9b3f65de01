use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

use anyhow::{Context, Result};
use counter_diesel::{Counters, HasCounters};
use indicatif::{ProgressBar, ProgressStyle};

use crate::log_line::LogLine;
use crate::pages::{Page, PageCounter, Pages};

/// Lines that travel between threads together.
type Chunk = Vec<Vec<u8>>;

const LINES_PER_CHUNK: usize = 200;

/// What came of the lines.
#[derive(Default)]
pub struct Tally {
    pub lines: u64,
    pub malformed: u64,
    /// Increments that were counted.
    pub increments: u64,
    /// Lines of which something was not, or not certainly, counted.
    pub failed: u64,
    first_malformed: Option<String>,
    first_failure: Option<String>,
}

/// Opens every log, so that one that cannot be read is known before anything is counted.
pub fn open(paths: &[PathBuf]) -> Result<Vec<(PathBuf, File)>> {
    let open_one = |path: &PathBuf| {
        let context = || format!("cannot read {}", path.display());
        let file = File::open(path).with_context(context)?;
        let is_directory = file.metadata().with_context(context)?.is_dir();
        anyhow::ensure!(!is_directory, "cannot read {}: it is a directory", path.display());
        Ok((path.clone(), file))
    };
    paths.iter().map(open_one).collect()
}

/// Counts all lines of all files, on this many threads.
pub fn count_files(
    files: Vec<(PathBuf, File)>,
    pages: &Pages,
    counters: &Counters,
    workers: u8,
) -> Result<Tally> {
    let size =
        files.iter().map(|(_, file)| file.metadata().map_or(0, |metadata| metadata.len())).sum();
    let progress = ProgressBar::new(size)
        .with_style(ProgressStyle::with_template("{wide_bar} {bytes}/{total_bytes} {eta}")?);
    let (sender, receiver) = sync_channel(usize::from(workers) * 2);
    let receiver = Mutex::new(receiver);
    thread::scope(|scope| {
        let count = || count_chunks(&receiver, pages, counters);
        let workers = (0..workers).map(|_| scope.spawn(count)).collect::<Vec<_>>();
        let read = read_files(files, &sender, &progress);
        drop(sender);
        let mut tally = Tally::default();
        for worker in workers {
            tally.add(worker.join().map_err(|_| anyhow::anyhow!("a worker panicked"))?);
        }
        progress.finish_and_clear();
        read.map(|()| tally)
    })
}

fn read_files(
    files: Vec<(PathBuf, File)>,
    sender: &SyncSender<Chunk>,
    progress: &ProgressBar,
) -> Result<()> {
    for (path, file) in files {
        let mut reader = BufReader::new(file);
        let mut chunk = Chunk::new();
        loop {
            let mut line = Vec::new();
            let read = reader.read_until(b'\n', &mut line);
            let length = read.with_context(|| format!("cannot read on in {}", path.display()))?;
            if length > 0 {
                progress.inc(length as u64);
                chunk.push(line);
            }
            if length == 0 || chunk.len() == LINES_PER_CHUNK {
                sender.send(std::mem::take(&mut chunk)).context("no worker is left")?;
            }
            if length == 0 {
                break;
            }
        }
    }
    Ok(())
}

fn count_chunks(receiver: &Mutex<Receiver<Chunk>>, pages: &Pages, counters: &Counters) -> Tally {
    let mut tally = Tally::default();
    loop {
        let chunk = receiver.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(chunk) = chunk else {
            return tally;
        };
        for line in chunk {
            tally.count(line.trim_ascii_end(), pages, counters);
        }
    }
}

impl Tally {
    fn count(&mut self, line: &[u8], pages: &Pages, counters: &Counters) {
        if line.is_empty() {
            return;
        }
        self.lines += 1;
        let Some(parsed) = LogLine::parse(line) else {
            self.malformed += 1;
            let text = || String::from_utf8_lossy(line).into_owned();
            self.first_malformed.get_or_insert_with(text);
            return;
        };
        match increment(&parsed, pages, counters) {
            Ok(increments) => self.increments += increments,
            Err(error) => {
                self.failed += 1;
                self.first_failure.get_or_insert_with(|| format!("{error:#}"));
            }
        }
    }

    fn add(&mut self, other: Self) {
        self.lines += other.lines;
        self.malformed += other.malformed;
        self.increments += other.increments;
        self.failed += other.failed;
        self.first_malformed = self.first_malformed.take().or(other.first_malformed);
        self.first_failure = self.first_failure.take().or(other.first_failure);
    }

    /// Whether every line that is one was counted.
    pub fn is_complete(&self) -> bool {
        self.failed == 0
    }

    pub fn print(&self) {
        println!("{} lines, {} increments", self.lines, self.increments);
        if let Some(line) = &self.first_malformed {
            println!("{} malformed lines were left out, such as {line:?}", self.malformed);
        }
        if let Some(failure) = &self.first_failure {
            println!("{} lines were not, or not certainly, counted: {failure}", self.failed);
        }
    }
}

/// Counts one line, in one round trip to the store, and returns how many increments that took.
fn increment(line: &LogLine<'_>, pages: &Pages, counters: &Counters) -> Result<u64> {
    let page = Page::counter_owner(pages.id_of(line.target)?)?;
    let mut increments =
        vec![(&page, PageCounter::Hits, 1), (&page, PageCounter::Bytes, line.bytes)];
    if line.status >= 400 {
        increments.push((&page, PageCounter::Errors, 1));
    }
    let count = increments.len() as u64;
    counters.increment_many(increments)?;
    Ok(count)
}
