use counter_diesel::HasCounters;
use counter_diesel::schema::model_counters;
use diesel::prelude::*;

use crate::bare::ValuesOf;
use crate::bench::Bench;
use crate::post::{KEY, OWNER_TYPE, PostCounter, names, posts};
use crate::rounds::{Rounds, seconds};
use crate::stage::{Rows, Stage};
use crate::table::{Bar, Row};

const POSTS: i64 = 1000;
const PER_CALL: usize = 50;

/// With a row of each counter, and something pending.
fn stage(bench: &Bench) -> Stage<PgConnection> {
    let mut stage = Stage::new(bench, &bench.postgres().url("postgres"));
    stage.lay_rows(Rows::Present, POSTS);
    stage.count(POSTS);
    stage
}

pub fn one(bench: &Bench) -> Vec<Row> {
    let Stage { counters, mut redis, pool, .. } = stage(bench);
    let (posts, names) = (posts(POSTS), names(POSTS));
    let mut conn = pool.get().unwrap();
    let times = bench.of(5000, 500);
    let each = |taken: f64| taken / times as f64;
    let ours = || {
        for post in posts.iter().cycle().take(times) {
            assert_eq!(post.counter(&counters, PostCounter::Views).unwrap(), 2);
        }
    };
    let mut limit = || {
        for (post, name) in posts.iter().zip(&names).cycle().take(times) {
            let pending: i64 = redis::cmd("GET").arg(name).query(&mut redis).unwrap();
            let row = model_counters::table
                .filter(model_counters::owner_type.eq(OWNER_TYPE))
                .filter(model_counters::owner_id.eq(post.id))
                .filter(model_counters::key.eq(KEY))
                .select((model_counters::count, model_counters::claim_seq));
            let (count, _) = row.get_result::<(i64, i64)>(&mut conn).unwrap();
            assert_eq!(pending + count, 2);
        }
    };
    (ours(), limit());
    let rounds =
        Rounds::alternate(bench.of(15, 3), || each(seconds(ours)), || each(seconds(&mut limit)));
    vec![Row::rates("`get`", &rounds, Bar::AtLeast(0.85))]
}

pub fn many(bench: &Bench) -> Vec<Row> {
    let Stage { counters, mut redis, pool, .. } = stage(bench);
    let (posts, names) = (posts(POSTS), names(POSTS));
    let mut conn = pool.get().unwrap();
    let calls = bench.of(500, 50);
    let each = |taken: f64| taken / calls as f64;
    let ours = || {
        for posts in posts.chunks(PER_CALL).cycle().take(calls) {
            let values = posts.iter().map(|post| (post, PostCounter::Views));
            assert_eq!(counters.get_many(values).unwrap(), [2; PER_CALL]);
        }
    };
    let mut limit = || {
        for (posts, names) in posts.chunks(PER_CALL).zip(names.chunks(PER_CALL)).cycle().take(calls)
        {
            let pending: Vec<i64> = redis::cmd("MGET").arg(names).query(&mut redis).unwrap();
            let ids = posts.iter().map(|post| post.id).collect();
            let rows = ValuesOf::posts(ids).load::<(i64, i64, i64)>(&mut conn).unwrap();
            assert_eq!((pending.len(), rows.len()), (PER_CALL, PER_CALL));
        }
    };
    (ours(), limit());
    let rounds =
        Rounds::alternate(bench.of(15, 3), || each(seconds(ours)), || each(seconds(&mut limit)));
    vec![Row::rates("`get_many`, calls of 50 counters", &rounds, Bar::AtLeast(0.8))]
}
