use counter_diesel::query::OwnerType;
use counter_diesel::sync::Merged;
use diesel::{MysqlConnection, PgConnection, SqliteConnection};

use crate::bare::BareConnection;
use crate::bench::Bench;
use crate::post::OWNER_TYPE;
use crate::rounds::{Rounds, seconds};
use crate::stage::{Rows, Stage};
use crate::table::{Bar, Row};

/// The limit is the sync of as many new counters: a rename brings as many into the table, and
/// changes the old ones too.
pub fn beside_a_sync(bench: &Bench) -> Vec<Row> {
    let postgres = Stage::<PgConnection>::new(bench, &bench.postgres().url("postgres"));
    let mut rows = into(bench, postgres, "PostgreSQL");
    let mariadb = Stage::<MysqlConnection>::new(bench, &bench.mariadb().url("benchmarks"));
    rows.extend(into(bench, mariadb, "MariaDB"));
    let sqlite = Stage::<SqliteConnection>::new(bench, &bench.sqlite());
    rows.extend(into(bench, sqlite, "SQLite"));
    rows
}

fn into<C: BareConnection>(bench: &Bench, mut stage: Stage<C>, database: &str) -> Vec<Row> {
    let posts = bench.of(100_000, 10_000);
    let (mut renames, mut removals, mut syncs) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..bench.of(3, 1) {
        stage.lay_rows(Rows::New, posts);
        stage.count(posts);
        syncs.push(stage.sync(posts));
        renames.push(seconds(|| {
            let merged = rename(&stage);
            assert_eq!((merged.moved, merged.is_complete()), (posts as u64, true), "{merged:?}");
        }));
        stage.execute("UPDATE model_counters SET updated_at = '2001-02-03 04:05:06'");
        removals.push(seconds(|| {
            let merged = rename(&stage);
            assert_eq!((merged.moved, merged.rows_removed), (0, posts as u64), "{merged:?}");
        }));
    }
    let beside_syncs = |ours: Vec<f64>| {
        let of_each = |taken: &f64| taken / posts as f64;
        let (ours, limit) = (ours.iter().map(of_each), syncs.iter().map(of_each));
        Rounds { ours: ours.collect(), limit: limit.collect() }
    };
    let what = |what: &str| format!("{what} beside a sync of new ones, {database}");
    vec![
        Row::times(what("renaming the owners of counters"), &beside_syncs(renames), Bar::None),
        Row::times(what("removing their rows"), &beside_syncs(removals), Bar::None),
    ]
}

fn rename<C: BareConnection>(stage: &Stage<C>) -> Merged {
    let [old, new] = [OWNER_TYPE, "article"].map(|name| OwnerType::new(name).unwrap());
    stage.counters.rename_owner_type(&old, &new).unwrap()
}
