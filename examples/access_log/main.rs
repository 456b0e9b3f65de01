//! Counts a web server's log: hits, bytes and errors of each page, from several threads, while a
//! worker syncs them into a database.
//!
//! `cargo run --release --example access_log -- access.log --workers 4`
//!
//! With `--by day` or `--by hour` it counts the hits of each day and hour too, by the times in the
//! log, and prints them as a chart.

mod count;
mod database;
mod job;
mod log_line;
mod pages;
mod site;
mod tally;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::{Parser, ValueEnum};
use counter_diesel::Counters;
use counter_diesel::error::{Printable, redact};
use counter_diesel::query::Grain;
use counter_diesel::store::Prefix;
use counter_diesel::sync::WorkerStatus;

use crate::count::count_files;
use crate::job::Job;
use crate::pages::{PageCounter, Pages};
use crate::site::Chart;

/// Counts hits, bytes and errors of each page of a log in Common or Combined format.
#[derive(Parser)]
struct Arguments {
    /// The logs.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// A SQLite file, created if missing, or a postgres:// or mysql:// URL. Earlier counts in it
    /// are kept.
    #[arg(long, value_name = "URL", default_value = "access_log.sqlite")]
    database: String,
    /// The Redis in which increments wait, a redis:// URL, or some nodes of a cluster:
    /// redis+cluster://host1,host2. Without it, they wait in memory.
    #[arg(long, value_name = "URL")]
    redis: Option<String>,
    /// The start of all names in Redis. It must not be that of another application, because one
    /// prefix belongs to one database.
    #[arg(long, default_value = "access_log:")]
    prefix: Prefix,
    /// The number of threads that parse lines and count.
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..))]
    workers: u8,
    /// Also count the hits of each hour and day, by the times in the logs, and print them by
    /// this. Hours and days are those of UTC.
    #[arg(long, value_name = "PERIOD")]
    by: Option<By>,
}

#[derive(Clone, Copy, ValueEnum)]
enum By {
    Hour,
    Day,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(is_complete) if is_complete => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Returns whether every line that could be read was certainly counted, and is in the database.
fn run(arguments: &Arguments) -> Result<bool> {
    // Opened before anything is counted, so that a misspelt last name does not leave half a result.
    let files = count::open(&arguments.files)?;
    let counters = open_counters(arguments)?;
    counters.run_pending_migrations()?;
    let pages = Pages::open(&arguments.database)?;

    let started = Instant::now();
    let worker = counters.spawn_sync(Duration::from_millis(200))?;
    let job = Job { pages: &pages, counters: &counters, by_time: arguments.by.is_some() };
    let tally = count_files(files, job, arguments.workers)?;
    let saved = worker.stop().context(match arguments.redis {
        Some(_) => "the last sync failed; what is pending stays in Redis, for the next run",
        None => "the last sync failed, and what it should have saved is lost",
    });
    let seconds = started.elapsed().as_secs_f64();

    // The tally is printed even if the last sync failed.
    let shown = saved.as_ref().map_or(Ok(()), |_| {
        print_top_ten(&pages, &counters)?;
        arguments.by.map_or(Ok(()), |by| print_chart(&pages, by))
    });
    tally.print();
    println!("{:.0} lines per second", tally.lines as f64 / seconds);
    let status = saved?;
    let per_row = tally.increments as f64 / status.applied.max(1) as f64;
    println!(
        "{} rows written in {} syncs: {per_row:.1} increments per row",
        status.applied, status.passes
    );
    shown.context("cannot show what was counted")?;
    Ok(tally.is_complete() && is_all_saved(&status))
}

/// Returns whether the last sync left nothing behind, and prints what it left.
fn is_all_saved(status: &WorkerStatus) -> bool {
    let Some(report) = &status.last_report else {
        return true;
    };
    if report.busy > 0 {
        println!("{} counters are being synced by another process", report.busy);
    }
    if !report.is_clean() {
        println!("the last sync left something behind: {report}");
    }
    report.is_clean()
}

fn open_counters(arguments: &Arguments) -> Result<Counters> {
    let database = &arguments.database;
    let builder = database::counters(database)
        .with_context(|| format!("cannot open the database {}", redact::passwords(database)))?
        // Logs may be of any age.
        .oldest_event(Duration::MAX)
        .prefix(arguments.prefix.clone());
    let counters = match &arguments.redis {
        None => builder.memory().build()?,
        #[cfg(feature = "redis")]
        Some(url) => builder.redis(url).build()?,
        #[cfg(not(feature = "redis"))]
        Some(_) => anyhow::bail!("this build has no Redis: add `--features redis`"),
    };
    Ok(counters)
}

fn print_top_ten(pages: &Pages, counters: &Counters) -> Result<()> {
    println!("{:>10} {:>14} {:>8}  page", "hits", "bytes", "errors");
    for page in pages.most_visited(10)? {
        let keys = [PageCounter::Hits, PageCounter::Bytes, PageCounter::Errors];
        let [hits, bytes, errors] = counter_diesel::HasCounters::counters(&page, counters, keys)?;
        // The path comes from a client, so it is escaped for the terminal.
        println!("{hits:>10} {bytes:>14} {errors:>8}  {}", Printable(&page.path));
    }
    println!();
    Ok(())
}

fn print_chart(pages: &Pages, by: By) -> Result<()> {
    let grain = match by {
        By::Hour => Grain::Hour,
        By::Day => Grain::Day,
    };
    println!("{}", pages.with_connection(|conn| Chart::read(conn, grain))?);
    Ok(())
}
