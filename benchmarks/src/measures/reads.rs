use counter_diesel::schema::model_counters;
use counter_diesel::{Counters, HasCounters};
use diesel::prelude::*;
use diesel::r2d2::{ConnectionManager, Pool};

use crate::bare::ValuesOf;
use crate::bench::Bench;
use crate::post::{KEY, OWNER_TYPE, PostCounter, names, posts};
use crate::rounds::{Rounds, seconds};
use crate::stage::Stage;
use crate::table::{Bar, Row};

const POSTS: i64 = 1000;
const PER_CALL: usize = 50;

/// Makes a row for each counter, and something pending. The rows come from a sync, because a row
/// with a sequence that the store never gave out makes a read look twice.
fn stage(bench: &Bench) -> Stage<PgConnection> {
    let mut stage = Stage::new(bench, &bench.postgres().url("postgres"));
    stage.count(POSTS);
    stage.sync(POSTS);
    stage.count(POSTS);
    stage
}

/// Returns counters over a pool that does not test a connection before it hands it out.
fn unchecked(bench: &Bench) -> Counters {
    let manager = ConnectionManager::<PgConnection>::new(bench.postgres().url("postgres"));
    let pool = Pool::builder().max_size(4).test_on_check_out(false).build(manager).unwrap();
    Counters::builder(pool).redis(&bench.redis().url()).build().unwrap()
}

/// Returns the seconds of one piece of work, after a first one that is not measured.
fn compare(bench: &Bench, pieces: usize, ours: impl Fn(), limit: &mut impl FnMut()) -> Rounds {
    ours();
    limit();
    let each = |taken: f64| taken / pieces as f64;
    Rounds::alternate(bench.of(101, 5), || each(seconds(&ours)), || each(seconds(&mut *limit)))
}

pub fn one(bench: &Bench) -> Vec<Row> {
    let Stage { counters, mut redis, pool, .. } = stage(bench);
    let unchecked = unchecked(bench);
    let (posts, names) = (posts(POSTS), names(POSTS));
    let mut conn = pool.get().unwrap();
    let times = bench.of(200, 100);
    let read = |counters: &Counters| {
        for post in posts.iter().cycle().take(times) {
            assert_eq!(post.counter(counters, PostCounter::Views).unwrap(), 2);
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
    let mut row = |what: &str, counters: &Counters, to_reach| {
        let rounds = compare(bench, times, || read(counters), &mut limit);
        Row::rates(what, &rounds, to_reach)
    };
    vec![
        row("`get`", &counters, Bar::AtLeast(0.85)),
        row("`get`, pool without `test_on_check_out`", &unchecked, Bar::None),
    ]
}

pub fn many(bench: &Bench) -> Vec<Row> {
    let Stage { counters, mut redis, pool, .. } = stage(bench);
    let unchecked = unchecked(bench);
    let (posts, names) = (posts(POSTS), names(POSTS));
    let mut conn = pool.get().unwrap();
    let calls = bench.of(40, 20);
    let read = |counters: &Counters| {
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
    let mut row = |what: &str, counters: &Counters, to_reach| {
        let rounds = compare(bench, calls, || read(counters), &mut limit);
        Row::rates(what, &rounds, to_reach)
    };
    vec![
        row("`get_many`, calls of 50 counters", &counters, Bar::AtLeast(0.85)),
        row("`get_many`, pool without `test_on_check_out`", &unchecked, Bar::None),
    ]
}
