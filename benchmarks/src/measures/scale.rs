use diesel::PgConnection;

use crate::bare::batches;
use crate::bench::Bench;
use crate::rounds::{Rounds, Spread};
use crate::stage::{Rows, Stage};
use crate::table::{Bar, Row, in_thousands};

/// Measures how much more a counter costs in a large sync than in a small one, relative to a row of
/// the bare upsert.
pub fn per_counter(bench: &Bench) -> Vec<Row> {
    let (small, large) = bench.of((100_000, 1_000_000), (10_000, 100_000));
    let [in_small, in_large] = [small, large].map(|counters| measure(bench, counters));
    let growth = |small: &[f64], large: &[f64]| {
        small.iter().zip(large).map(|(small, large)| large / small).collect::<Vec<_>>()
    };
    let growth = Rounds {
        ours: growth(&in_small.ours, &in_large.ours),
        limit: growth(&in_small.limit, &in_large.limit),
    };
    let grows = |growth: &[f64]| format!("{:.2} times", Spread::of(growth.iter().copied()).median);
    let what = format!(
        "sync into PostgreSQL of {} counters: time for each, beside {}",
        in_thousands(large as f64),
        in_thousands(small as f64)
    );
    vec![
        Row::ratio(what, growth.times(), Bar::AtMost(1.15))
            .with_sides(grows(&growth.ours), grows(&growth.limit)),
        Row::times(format!("sync of {}", in_thousands(large as f64)), &in_large, Bar::None),
    ]
}

fn measure(bench: &Bench, counters: i64) -> Rounds {
    let mut stage = Stage::<PgConnection>::new(bench, &bench.postgres().url("postgres"));
    let batches = batches(counters, 2);
    let each = |taken: f64| taken / counters as f64;
    let mut rounds = Rounds { ours: Vec::new(), limit: Vec::new() };
    for _ in 0..bench.of(3, 1) {
        stage.lay_rows(Rows::New, counters);
        rounds.limit.push(each(stage.upsert(&batches)));
        stage.lay_rows(Rows::New, counters);
        stage.count(counters);
        rounds.ours.push(each(stage.sync(counters)));
    }
    rounds
}
