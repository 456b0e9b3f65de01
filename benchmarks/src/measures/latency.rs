use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use counter_diesel::{Counters, HasCounters, SyncOptions};
use counter_tests::servers::RedisServer;
use diesel::PgConnection;

use crate::bench::Bench;
use crate::cores::{self, Side};
use crate::post::{Post, PostCounter};
use crate::rounds::{Spread, seconds};
use crate::stage::{Rows, Stage};
use crate::table::{Bar, Row};

/// Measures single increments on the client's core, alone and while another thread of the program
/// syncs on any core: with a Redis that waits until PostgreSQL leaves their core, and with one that
/// need not. On more cores than two they may have one each.
pub fn beside_a_sync(bench: &Bench) -> Vec<Row> {
    let mut rows = beside(bench, bench.redis(), "while a sync runs");
    let precedence = ["chrt", "--fifo", "1"];
    let tried = Command::new(precedence[0]).args(&precedence[1..]).arg("true").output();
    if tried.is_ok_and(|tried| tried.status.success()) {
        let program = [&precedence[..], &["redis-server"]].concat();
        let redis = cores::on(Side::Servers, || RedisServer::start_program(&program, &[]));
        rows.extend(beside(bench, &redis, "while a sync runs, where Redis has precedence"));
    } else {
        eprintln!("not measured: this user may not give Redis precedence, or there is no chrt");
    }
    rows
}

fn beside(bench: &Bench, redis: &RedisServer, when: &str) -> Vec<Row> {
    let mut stage = Stage::<PgConnection>::with(redis, &bench.postgres().url("postgres"));
    let counters = bench.of(300_000, 10_000);
    // A counter of its own.
    let post = Post { id: counters + 1 };
    let rounds = (0..bench.of(5, 1)).map(|_| {
        stage.lay_rows(Rows::New, counters);
        stage.count(counters);
        let alone =
            Taken::while_true(&stage.counters, &post, |times| times < bench.of(50_000, 5000));
        let is_over = AtomicBool::new(false);
        let beside = thread::scope(|scope| {
            scope.spawn(|| {
                cores::pin(Side::Anywhere);
                let report = stage.counters.sync(&SyncOptions::default()).unwrap();
                assert!(report.is_clean(), "{report:?}");
                is_over.store(true, Ordering::SeqCst);
            });
            Taken::while_true(&stage.counters, &post, |_| !is_over.load(Ordering::SeqCst))
        });
        (alone, beside)
    });
    let (alone, beside) = rounds.unzip::<_, _, Vec<_>, Vec<_>>();
    let at = |taken: &[Taken], percent| Spread::of(taken.iter().map(|taken| taken.at(percent)));
    let row = |percent, name: &str, to_reach| {
        let sides = beside.iter().zip(&alone);
        let ratio = sides.map(|(beside, alone)| beside.at(percent) / alone.at(percent));
        let micros = |taken: &[Taken]| format!("{:.0} µs", at(taken, percent).median * 1e6);
        let what = format!("single increments {when}, and alone: {name}");
        let row = Row::ratio(what, Spread::of(ratio), to_reach);
        row.with_sides(micros(&beside), micros(&alone))
    };
    vec![row(50, "median", Bar::None), row(99, "99th percentile", Bar::AtMost(10.0))]
}

/// The seconds of single increments, in ascending order.
struct Taken(Vec<f64>);

impl Taken {
    /// Increments for as long as `goes_on` says so, after how many there were.
    fn while_true(counters: &Counters, post: &Post, goes_on: impl Fn(usize) -> bool) -> Self {
        let mut taken = Vec::new();
        while goes_on(taken.len()) {
            taken.push(seconds(|| {
                post.increment_counter(counters, PostCounter::Views, 1).unwrap();
            }));
        }
        taken.sort_unstable_by(f64::total_cmp);
        Self(taken)
    }

    fn at(&self, percent: usize) -> f64 {
        self.0[self.0.len() * percent / 100]
    }
}
