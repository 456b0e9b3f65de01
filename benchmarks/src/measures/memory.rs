use std::env;
use std::fs;
use std::process::Command;

use diesel::PgConnection;

use crate::bare::BareConnection;
use crate::bench::Bench;
use crate::rounds::Spread;
use crate::stage::{Rows, Stage};
use crate::table::{Bar, Row, in_thousands};

/// Measures the peak memory of a process that only syncs.
pub fn of_a_sync(bench: &Bench) -> Vec<Row> {
    let (few, many) = bench.of((10_000, 1_000_000), (10_000, 100_000));
    let database = bench.postgres().url("postgres");
    let mut stage = Stage::<PgConnection>::new(bench, &database);
    let mut needed = |counters| {
        stage.lay_rows(Rows::New, counters);
        stage.count(counters);
        let program = env::current_exe().unwrap();
        let mut child = Command::new(program);
        let output =
            child.arg("--sync-once").args([&bench.redis().url(), &database]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let (applied, kibibytes) = text.trim().split_once(' ').unwrap_or_else(|| panic!("{text}"));
        assert_eq!(applied.parse(), Ok(counters));
        kibibytes.parse::<f64>().unwrap() / 1024.0
    };
    let (for_few, for_many) = (needed(few), needed(many));
    let ratio = Spread::of([for_many / for_few]);
    let [few, many] = [few, many].map(|counters| in_thousands(counters as f64));
    vec![
        Row::ratio(
            format!("memory of a sync of {many} counters, beside {few}"),
            ratio,
            Bar::AtMost(1.2),
        )
        .with_sides(format!("{for_many:.1} MiB"), format!("{for_few:.1} MiB")),
    ]
}

/// Runs in that process.
pub fn sync_once(redis: &str, database: &str) {
    let counters = counter_diesel::Counters::builder(PgConnection::pool(database)).redis(redis);
    let report = counters.build().unwrap().sync(&Default::default()).unwrap();
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    println!("{} {}", report.applied, line.trim().trim_end_matches(" kB"));
}
