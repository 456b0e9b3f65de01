//! How cost grows with the number of counters, of threads and of syncs.

use std::env;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use counter_core::RedisStore;
use counter_diesel::{Counters, HasCounters, SyncOptions};
use diesel::dsl::sql;
use diesel::sql_types::BigInt;
use diesel::{PgConnection, RunQueryDsl};

use crate::bench::Bench;
use crate::cores::{self, Side};
use crate::plot::{Curve, Plot};
use crate::post::{PostCounter, posts};
use crate::rounds::{Spread, seconds};
use crate::stage::{Rows, Stage};
use crate::table::{Bar, Row, in_thousands};

/// Measures syncs of more and more counters, each by a process of its own.
pub fn of_counters(bench: &Bench) -> Vec<Row> {
    let database = bench.postgres().url("postgres");
    let mut stage = Stage::<PgConnection>::new(bench, &database);
    let sizes = bench.of(&[10_000, 100_000, 1_000_000, 10_000_000][..], &[1_000, 10_000]);
    let (mut micros, mut mebibytes, mut rows) = (Vec::new(), Vec::new(), Vec::new());
    for &counters in sizes {
        stage.lay_rows(Rows::New, counters);
        stage.count(counters);
        let mut child = Command::new(env::current_exe().unwrap());
        child.arg("--sync-once").args([&bench.redis().url(), &database]);
        let mut output = None;
        let taken = seconds(|| output = child.output().ok());
        let text = String::from_utf8(output.unwrap().stdout).unwrap();
        let (applied, kibibytes) = text.trim().split_once(' ').unwrap_or_else(|| panic!("{text}"));
        assert_eq!(applied.parse(), Ok(counters));
        let each = taken / counters as f64 * 1e6;
        let memory = kibibytes.parse::<f64>().unwrap() / 1024.0;
        rows.push(Row::fact(
            format!("a sync of {} counters, rows new", in_thousands(counters as f64)),
            format!("{taken:.1} s, {each:.1} µs each"),
            format!("{memory:.1} MiB; a row takes {:.0} bytes", row_bytes(&stage, counters)),
        ));
        micros.push((counters as f64, each));
        mebibytes.push((counters as f64, memory));
    }
    if let [(few, least), .., (many, most)] = mebibytes[..] {
        let [few, many] = [few, many].map(in_thousands);
        let what = format!("memory of a sync of {many} counters, beside {few}");
        let row = Row::ratio(what, Spread::of([most / least]), Bar::AtMost(1.2));
        rows.push(row.with_sides(format!("{most:.1} MiB"), format!("{least:.1} MiB")));
    }
    let curves = vec![
        Curve { name: "µs for each counter", points: micros },
        Curve { name: "memory of the process, MiB", points: mebibytes },
    ];
    bench.draw("growth-counters", &Plot { title: "One sync", across: "counters", curves });
    rows
}

/// Returns what a row and its entries of indexes take on the database's disk.
fn row_bytes(stage: &Stage<PgConnection>, counters: i64) -> f64 {
    let size = sql::<BigInt>("SELECT pg_total_relation_size('model_counters')");
    let bytes: i64 = size.get_result(&mut stage.pool.get().unwrap()).unwrap();
    bytes as f64 / counters as f64
}

/// Measures the increments of more and more threads of one process, on any core.
pub fn of_threads(bench: &Bench) -> Vec<Row> {
    let stage = Stage::<PgConnection>::new(bench, &bench.postgres().url("postgres"));
    let posts = posts(1000);
    let (mut rates, mut rows) = (Vec::new(), Vec::new());
    for threads in [1, 2, 4, 8, 16] {
        let time = Duration::from_millis(bench.of(3000, 100));
        let count = |first: usize| {
            cores::pin(Side::Anywhere);
            let (end, mut done) = (Instant::now() + time, 0);
            for post in posts.iter().cycle().skip(first) {
                if Instant::now() >= end {
                    break;
                }
                post.increment_counter(&stage.counters, PostCounter::Views, 1).unwrap();
                done += 1;
            }
            done
        };
        let done: usize = thread::scope(|scope| {
            let count = &count;
            let counting = (0..threads).map(|first| scope.spawn(move || count(first * 37)));
            let counting = counting.collect::<Vec<_>>();
            counting.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        let rate = done as f64 / time.as_secs_f64();
        let noun = if threads > 1 { "threads" } else { "thread" };
        let what = format!("increments of {threads} {noun}");
        rows.push(Row::fact(what, format!("{}/s", in_thousands(rate)), String::new()));
        rates.push((threads as f64, rate));
    }
    let curves = vec![Curve { name: "increments a second", points: rates }];
    bench.draw("growth-threads", &Plot { title: "Increments", across: "threads", curves });
    rows
}

/// Measures more and more syncs at once, each with connections of its own.
pub fn of_syncs(bench: &Bench) -> Vec<Row> {
    let database = bench.postgres().url("postgres");
    let mut stage = Stage::<PgConnection>::new(bench, &database);
    let counters = bench.of(200_000, 10_000);
    let (mut rates, mut rows) = (Vec::new(), Vec::new());
    for syncs in [1, 2, 4, 8] {
        let processes = (0..syncs).map(|_| {
            let redis = RedisStore::builder(bench.redis().url());
            Counters::builder(stage.pool.clone()).redis_with(redis).build().unwrap()
        });
        let processes = processes.collect::<Vec<_>>();
        stage.lay_rows(Rows::New, counters);
        stage.count(counters);
        let mut applied = 0;
        let taken = seconds(|| {
            applied = thread::scope(|scope| {
                let syncing = processes.iter().map(|process| {
                    scope.spawn(|| {
                        cores::pin(Side::Anywhere);
                        process.sync(&SyncOptions::default()).unwrap().applied
                    })
                });
                let syncing = syncing.collect::<Vec<_>>();
                syncing.into_iter().map(|thread| thread.join().unwrap()).sum::<u64>()
            });
        });
        assert_eq!(applied, counters as u64, "each counter is applied by one of them");
        let rate = counters as f64 / taken;
        let noun = if syncs > 1 { "syncs at once" } else { "sync" };
        let what = format!("{syncs} {noun} of {} counters", in_thousands(counters as f64));
        rows.push(Row::fact(what, format!("{}/s", in_thousands(rate)), String::new()));
        rates.push((f64::from(syncs), rate));
    }
    let curves = vec![Curve { name: "counters a second, all together", points: rates }];
    bench.draw("growth-syncs", &Plot { title: "Syncs", across: "syncs at once", curves });
    rows
}
