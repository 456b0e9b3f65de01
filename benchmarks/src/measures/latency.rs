use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use counter_diesel::{Counters, HasCounters, SyncOptions};
use diesel::PgConnection;

use crate::bench::Bench;
use crate::cores::{self, Side};
use crate::post::{Post, PostCounter};
use crate::stage::{Rows, Stage};
use crate::table::Row;

/// Measures single increments, alone and while another thread of the program syncs, on any core.
pub fn beside_a_sync(bench: &Bench) -> Vec<Row> {
    let mut stage = Stage::<PgConnection>::new(bench, &bench.postgres().url("postgres"));
    let counters = bench.of(300_000, 10_000);
    stage.lay_rows(Rows::New, counters);
    stage.count(counters);
    // A counter that is not synced.
    let post = Post { id: counters + 1 };
    let alone = percentiles(&stage.counters, &post, |times| times < bench.of(50_000, 5000));
    let is_over = AtomicBool::new(false);
    let beside = thread::scope(|scope| {
        scope.spawn(|| {
            cores::pin(Side::Anywhere);
            let report = stage.counters.sync(&SyncOptions::default()).unwrap();
            assert!(report.is_clean(), "{report:?}");
            is_over.store(true, Ordering::SeqCst);
        });
        percentiles(&stage.counters, &post, |_| !is_over.load(Ordering::SeqCst))
    });
    vec![
        Row::fact("single increments: median and 99th percentile", alone, String::new()),
        Row::fact("the same while a sync runs", beside, String::new()),
    ]
}

fn percentiles(counters: &Counters, post: &Post, goes_on: impl Fn(usize) -> bool) -> String {
    let mut taken = Vec::new();
    while goes_on(taken.len()) {
        let started = Instant::now();
        post.increment_counter(counters, PostCounter::Views, 1).unwrap();
        taken.push(started.elapsed());
    }
    taken.sort_unstable();
    let at = |percent: usize| taken[taken.len() * percent / 100].as_secs_f64() * 1e6;
    format!("{:.0} µs, {:.0} µs", at(50), at(99))
}
