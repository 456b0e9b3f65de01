use counter_diesel::query::OwnerType;
use counter_diesel::schema::model_counters;
use diesel::prelude::*;

use crate::bare::BareConnection;
use crate::bench::Bench;
use crate::post::{KEY, OWNER_TYPE, name};
use crate::rounds::{Rounds, Spread, seconds};
use crate::stage::Stage;
use crate::table::{Bar, Row, in_thousands};

const N: i64 = 10;

/// A database that is asked for the owners with the highest counts.
trait Ranked: BareConnection {
    const INDEX: &str = "CREATE INDEX counters_top ON model_counters \
                         (owner_type, \"key\", count DESC, owner_key, owner_id)";

    const DROP: &str = "DROP INDEX counters_top";

    const SERVER: &str;

    fn highest(&mut self) -> Vec<(i64, i64)>;
}

macro_rules! ranked {
    ($connection:ident, $server:literal $(, $index:literal)?) => {
        impl Ranked for $connection {
            const SERVER: &str = $server;
            $(
                const INDEX: &str = $index;
                const DROP: &str = "DROP INDEX counters_top ON model_counters";
            )?

            fn highest(&mut self) -> Vec<(i64, i64)> {
                let rows = model_counters::table
                    .filter(model_counters::owner_type.eq(OWNER_TYPE))
                    .filter(model_counters::key.eq(KEY));
                let order = (
                    model_counters::count.desc(),
                    model_counters::owner_key,
                    model_counters::owner_id,
                );
                let columns = (model_counters::owner_id, model_counters::count);
                rows.order(order).select(columns).limit(N).load(self).unwrap()
            }
        }
    };
}

ranked!(PgConnection, "PostgreSQL");
ranked!(
    MysqlConnection,
    "MariaDB",
    "CREATE INDEX counters_top ON model_counters \
     (owner_type, `key`, count DESC, owner_key, owner_id)"
);
ranked!(SqliteConnection, "SQLite");

/// The limit is the query of the index for so many rows.
pub fn of_many(bench: &Bench) -> Vec<Row> {
    let mut rows = of(bench, Stage::<PgConnection>::new(bench, &bench.postgres().url("postgres")));
    let mariadb = bench.mariadb().url("benchmarks");
    rows.extend(of(bench, Stage::<MysqlConnection>::new(bench, &mariadb)));
    rows.extend(of(bench, Stage::<SqliteConnection>::new(bench, &bench.sqlite())));
    rows
}

fn of<C: Ranked>(bench: &Bench, mut stage: Stage<C>) -> Vec<Row> {
    let posts = bench.of(100_000, 10_000);
    let mut counts = redis::pipe();
    for id in 1..=posts {
        // Each count is that of ten posts.
        counts.cmd("SET").arg(name(id)).arg(id % (posts / 10) + 1).ignore();
    }
    counts.exec(&mut stage.redis).unwrap();
    stage.sync(posts);
    stage.execute(C::SETTLE);
    let owner_type = OwnerType::new(OWNER_TYPE).unwrap();
    let top = || {
        let top = stage.counters.top_of(&owner_type, KEY, N as usize).unwrap();
        assert_eq!(top.len() as i64, N);
    };
    let scanned = (0..bench.of(9, 2)).map(|_| seconds(top) * 1e3).collect::<Vec<_>>();
    stage.execute(C::INDEX);
    stage.execute(C::SETTLE);
    let mut conn = stage.pool.get().unwrap();
    let calls = bench.of(50, 5);
    let each = |taken: f64| taken / f64::from(calls);
    let rounds = Rounds::alternate(
        bench.of(51, 3),
        || each(seconds(|| (0..calls).for_each(|_| top()))),
        || {
            each(seconds(|| {
                for _ in 0..calls {
                    assert_eq!(conn.highest().len() as i64, N);
                }
            }))
        },
    );
    drop(conn);
    // With it no update of a later measure would stay on its page.
    stage.execute(C::DROP);
    let of = format!("{} in {}", in_thousands(posts as f64), C::SERVER);
    vec![
        Row::times(format!("`top` 10 of {of}, with an index of counts"), &rounds, Bar::AtMost(5.0)),
        Row::number(format!("`top` 10 of {of}, without it"), "ms", Spread::of(scanned), Bar::None),
    ]
}
