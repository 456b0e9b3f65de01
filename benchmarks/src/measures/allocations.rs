use allocation_counter::measure;
use counter_diesel::HasCounters;
use diesel::SqliteConnection;
use redis::ConnectionLike as _;

use crate::bench::Bench;
use crate::post::{Post, PostCounter, name};
use crate::rounds::Spread;
use crate::stage::Stage;
use crate::table::{Bar, Row};

/// Measures our own allocations. Those of the `redis` crate, to read one reply, are subtracted.
pub fn of_an_increment(bench: &Bench) -> Vec<Row> {
    let Stage { counters, mut redis, .. } = Stage::<SqliteConnection>::new(bench, &bench.sqlite());
    let post = Post { id: 1 };
    let handle = counters.handle(&post, PostCounter::Views).unwrap();
    let packed = redis::cmd("INCRBY").arg(name(1)).arg(1).get_packed_command();

    let bare = each(|| drop(redis.req_packed_command(&packed).unwrap()));
    let through_handle = each(|| handle.increment(1).unwrap());
    let through_trait = each(|| post.increment_counter(&counters, PostCounter::Views, 1).unwrap());
    let row = |what: &str, all: u64, most| {
        let ours = Spread::of([all as f64 - bare as f64]);
        Row::ratio(format!("allocations of our own, {what}"), ours, Bar::AtMost(most))
            .with_sides(format!("{all} in all"), format!("{bare} in the redis crate"))
    };
    vec![row("through a handle", through_handle, 0.0), row("through the trait", through_trait, 2.0)]
}

/// Returns the highest number of allocations among several runs.
fn each(mut act: impl FnMut()) -> u64 {
    act();
    (0..100).map(|_| measure(&mut act).count_total).max().unwrap_or_default()
}
