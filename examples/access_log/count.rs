use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressStyle};

use crate::job::Job;
use crate::tally::Tally;

/// Lines that travel between threads together.
type Chunk = Vec<Vec<u8>>;

const LINES_PER_CHUNK: usize = 200;

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
pub fn count_files(files: Vec<(PathBuf, File)>, job: Job<'_>, workers: u8) -> Result<Tally> {
    let size =
        files.iter().map(|(_, file)| file.metadata().map_or(0, |metadata| metadata.len())).sum();
    let progress = ProgressBar::new(size)
        .with_style(ProgressStyle::with_template("{wide_bar} {bytes}/{total_bytes} {eta}")?);
    let (sender, receiver) = sync_channel(usize::from(workers) * 2);
    let receiver = Arc::new(Mutex::new(receiver));
    thread::scope(|scope| {
        let spawn = |_| {
            let receiver = Arc::clone(&receiver);
            scope.spawn(move || count_chunks(&receiver, job))
        };
        let workers = (0..workers).map(spawn).collect::<Vec<_>>();
        // If no worker is left, sending fails instead of waiting.
        drop(receiver);
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

fn count_chunks(receiver: &Mutex<Receiver<Chunk>>, job: Job<'_>) -> Tally {
    let mut tally = Tally::default();
    loop {
        let chunk = receiver.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(chunk) = chunk else {
            return tally;
        };
        for line in chunk {
            tally.count(line.trim_ascii_end(), job);
        }
    }
}
