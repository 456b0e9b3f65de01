use diesel::PgConnection;

use crate::bare::Steps;
use crate::bench::Bench;
use crate::rounds::{Spread, seconds};
use crate::stage::{Rows, Stage};
use crate::table::{Row, in_thousands};

const COUNTERS: i64 = 10;

/// Measures a scan, which has to visit all keys of the Redis database. The limit is the scan alone.
pub fn beside_many(bench: &Bench) -> Vec<Row> {
    let mut stage = Stage::<PgConnection>::new(bench, &bench.postgres().url("postgres"));
    let keys = bench.of(500_000, 10_000);
    let numbers = (0..keys).collect::<Vec<_>>();
    for numbers in numbers.chunks(10_000) {
        let mut sets = redis::pipe();
        for number in numbers {
            sets.cmd("SET").arg(format!("other:{number}")).arg(number).ignore();
        }
        sets.exec(&mut stage.redis).unwrap();
    }
    let mut steps = Steps::new(bench.redis().bare());
    let (mut ours, mut limit) = (Vec::new(), Vec::new());
    for _ in 0..bench.of(5, 2) {
        stage.lay_rows(Rows::New, COUNTERS);
        stage.count(COUNTERS);
        limit.push(seconds(|| drop(steps.scan())));
        ours.push(stage.sync(COUNTERS));
    }
    let side = |taken: Vec<f64>| format!("{:.3} s", Spread::of(taken).median);
    let what = format!("sync of 10 counters beside {} keys of others", in_thousands(keys as f64));
    vec![Row::fact(what, side(ours), side(limit) + " (the scan)")]
}
