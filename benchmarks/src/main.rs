//! Measures how fast the counters are, each measure beside its limit: the same work by the plain
//! crates alone, in the same run. Ratios hold on other machines; single numbers do not.
//!
//! `cargo run --release -p counter-benchmarks -- --help`

mod bare;
mod bench;
mod cores;
mod cpu_time;
mod environment;
mod measures;
mod plot;
mod post;
mod rounds;
mod stage;
mod table;

use std::path::PathBuf;

use clap::Parser;

use crate::bench::Bench;
use crate::cores::Side;
use crate::measures::{MEASURES, Measure, memory};
use crate::table::Table;

/// Measures the counters beside their limit, and prints a table in Markdown
///
/// Starts servers of its own on this machine, and stops them.
#[derive(Parser)]
struct Arguments {
    /// What to measure; everything if none is named
    #[arg(value_parser = find)]
    measures: Vec<&'static Measure>,

    /// Run fewer rounds of less work: checks that it works, not how fast
    #[arg(long)]
    quick: bool,

    /// List what can be measured
    #[arg(long)]
    list: bool,

    /// Draw what grows into SVG files of this folder
    #[arg(long, value_name = "FOLDER")]
    plots: Option<PathBuf>,

    /// Sync once and print how much memory that took
    #[arg(long, hide = true, num_args = 2)]
    sync_once: Option<Vec<String>>,
}

fn find(name: &str) -> Result<&'static Measure, String> {
    let found = MEASURES.iter().find(|measure| measure.name == name);
    found.ok_or_else(|| "there is no such measure; --list names them".to_owned())
}

fn main() {
    let arguments = Arguments::parse();
    if arguments.list {
        MEASURES.iter().for_each(|measure| println!("{:18} {}", measure.name, measure.what));
    } else if let Some([redis, database]) = arguments.sync_once.as_deref() {
        memory::sync_once(redis, database);
    } else {
        measure(&arguments);
    }
}

fn measure(arguments: &Arguments) {
    cores::pin(Side::Client);
    let bench = Bench::new(arguments.quick, arguments.plots.clone());
    let load = environment::load();
    let mut table = Table::default();
    let is_chosen = |measure: &&Measure| {
        let chosen = &arguments.measures;
        chosen.is_empty() || chosen.iter().any(|chosen| chosen.name == measure.name)
    };
    for measure in MEASURES.iter().filter(is_chosen) {
        eprintln!("{}: {} ...", measure.name, measure.what);
        for row in (measure.run)(&bench) {
            eprintln!("{row}");
            table.add(row);
        }
    }
    println!("{table}\n{}", environment::in_markdown(&bench, &load));
}
