//! The example `access_log` as a program, in front of real servers: what is in the table in the end
//! is what awk counts, and while servers go away and come back, what the program said of it is
//! true.

mod counting;
#[path = "../../../examples/tests/access_log/counts.rs"]
mod counts;
mod database_restarts;
mod log;
mod redis_restarts;

use std::process::Command;

use counter_tests::process::wait_for;
use counter_tests::program::{Program, ProgramEnd, example};
use counter_tests::site::Site;

use crate::counts::{Counts, counts_of_rows};

/// The program on the servers of this site, behind the prefix that the site's own counters have.
fn access_log(site: &Site) -> Command {
    let mut command = example("access_log");
    command.args(["--redis", &site.redis_url(), "--database", &site.database().url()]);
    command.args(["--prefix", "counter:"]);
    command
}

/// Starts the program, which counts the lines that it is fed. Its tables exist.
fn start(site: &Site, workers: &str) -> Program {
    let ended = Program::start(access_log(site).arg("/dev/null")).finish();
    assert!(ended.status.success(), "{ended:?}");
    Program::start(access_log(site).args(["/dev/stdin", "--workers", workers]))
}

/// What the table says of each page.
fn counts_in(site: &Site) -> Counts {
    let rows = site.database().texts(
        "SELECT CONCAT(pages.path, ' ', model_counters.key, ' ', model_counters.count) \
         FROM pages JOIN model_counters ON owner_type = 'page' AND owner_id = pages.id",
    );
    counts_of_rows(rows.iter().map(|row| {
        let [path, key, count] = row.split(' ').collect::<Vec<_>>()[..] else { panic!("{row}") };
        (path.to_owned(), key.to_owned(), count.parse().unwrap())
    }))
}

/// The sum of everything in the table.
fn total_in(site: &Site) -> i64 {
    counts_in(site).values().flatten().sum()
}

fn wait_until_rows_appear(site: &Site) {
    let rows = "SELECT CONCAT(COUNT(*)) FROM model_counters";
    wait_for("rows in the table", || (site.database().texts(rows) != ["0"]).then_some(()));
}

/// What the program says became of its increments.
#[derive(Debug)]
struct Said {
    lines: i64,
    counted: i64,
    not_counted: i64,
    unknown: i64,
    /// Claims that this process applied.
    rows: i64,
    /// The passes in which it did so.
    syncs: i64,
}

impl Said {
    fn by(ended: &ProgramEnd) -> Self {
        let number_before = |words: &str| {
            let end = ended.output.find(words)?;
            ended.output[..end].split(|c: char| !c.is_ascii_digit()).next_back()?.parse().ok()
        };
        let said = Self {
            lines: number_before(" lines, ").expect("it says how many lines it read"),
            counted: number_before(" increments\n").expect("it says how much it counted"),
            not_counted: number_before(" increments were not counted: ").unwrap_or(0),
            unknown: number_before(" increments may have been counted or not: ").unwrap_or(0),
            rows: number_before(" rows written in ").unwrap_or(0),
            syncs: number_before(" syncs: ").unwrap_or(0),
        };
        println!("{said:?}");
        said
    }

    /// All lines are of the same two increments by 1, so the total has to be what was counted.
    fn assert_agrees_with(&self, lines: i64, total: i64) {
        assert_eq!(self.lines, lines, "{self:?}");
        assert_eq!(self.counted + self.not_counted + self.unknown, 2 * lines, "{self:?}");
        let possible = self.counted..=self.counted + self.unknown;
        assert!(possible.contains(&total), "the table says {total}, the program {self:?}");
    }
}
