use std::cell::RefCell;
use std::thread;

use chrono::{Days, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use counter_diesel::query::{Grain, Span};
use counter_diesel::schema::model_counters_periods as periods;
use counter_diesel::{Counters, HasCounters};
use diesel::prelude::*;
use redis::{Connection, Script};

use crate::bare::BareConnection;
use crate::bench::Bench;
use crate::cpu_time;
use crate::measures::increments::{THREADS, in_micros};
use crate::measures::sync::where_it_went;
use crate::post::{KEY, OWNER_TYPE, Post, PostCounter, name, names};
use crate::rounds::{Rounds, seconds};
use crate::stage::{Rows, Stage, count_names};
use crate::table::{Bar, Row};

/// A model whose views are counted by day, too. Its owner type is that of [`crate::post::Post`].
#[derive(HasCounters)]
#[counters(owner_type = "post", keys(views(every(day))))]
struct Daily {
    id: i64,
}

const DAYS: u64 = 366;

fn day_name(id: i64, day: NaiveDate) -> String {
    format!("counter:{{{}}}:day:{day}", name(id))
}

fn day_claim(id: i64, day: NaiveDate) -> String {
    day_name(id, day) + ":claim"
}

fn today() -> NaiveDate {
    Utc::now().date_naive()
}

/// The limit is a bare script of two INCRBYs.
pub fn increment_with_day(bench: &Bench) -> Vec<Row> {
    const POSTS: i64 = 1000;
    let Stage { counters, mut redis, .. } =
        Stage::<PgConnection>::new(bench, &bench.postgres().url("postgres"));
    let posts = (1..=POSTS).map(|id| Daily { id }).collect::<Vec<_>>();
    let names = (1..=POSTS).map(|id| (name(id), day_name(id, today()))).collect::<Vec<_>>();
    let both = Script::new(
        "redis.call('INCRBY', KEYS[1], ARGV[1]) redis.call('INCRBY', KEYS[2], ARGV[1])",
    );
    let times = bench.of(1000, 500);
    let each = |taken: f64| taken / times as f64;
    let rounds = Rounds::alternate(
        bench.of(201, 5),
        || {
            each(seconds(|| {
                for post in posts.iter().cycle().take(times) {
                    post.increment_counter(&counters, DailyCounter::Views, 1).unwrap();
                }
            }))
        },
        || {
            each(seconds(|| {
                for (total, day) in names.iter().cycle().take(times) {
                    let mut both = both.key(total);
                    let () = both.key(day).arg(1).invoke(&mut redis).unwrap();
                }
            }))
        },
    );
    vec![
        Row::rates("`increment` of a total and its day", &rounds, Bar::AtLeast(0.9)),
        redis_time_with_day(bench, &counters),
    ]
}

/// Measures what a busy Redis spends on it. The limit is increments of totals alone.
fn redis_time_with_day(bench: &Bench, counters: &Counters) -> Row {
    let times = bench.of(2000, 200);
    let spent = |redis: &mut Connection, increment: &(dyn Fn(i64) + Sync)| {
        let in_threads = || {
            thread::scope(|scope| {
                for _ in 0..THREADS {
                    scope.spawn(|| (0..times).for_each(increment));
                }
            });
        };
        cpu_time::of_redis(redis, in_threads) / (times * THREADS as i64) as f64
    };
    let (mut redis, mut other) = (bench.redis().bare(), bench.redis().bare());
    let rounds = Rounds::alternate(
        bench.of(51, 3),
        || {
            spent(&mut redis, &|id| {
                Daily { id }.increment_counter(counters, DailyCounter::Views, 1).unwrap();
            })
        },
        || {
            spent(&mut other, &|id| {
                Post { id }.increment_counter(counters, PostCounter::Views, 1).unwrap();
            })
        },
    );
    let what = "`increment` of a total and its day, and of a total, 8 threads: Redis's CPU time";
    Row::ratio(what, rounds.times(), Bar::None)
        .with_sides(in_micros(&rounds.ours), in_micros(&rounds.limit))
}

/// The limit is one MGET of all names of the days, and one query for the range of rows.
pub fn series_of_a_year(bench: &Bench) -> Vec<Row> {
    let mut stage = Stage::<PgConnection>::new(bench, &bench.postgres().url("postgres"));
    let today = today();
    let days = (0..DAYS).map(|ago| today - Days::new(ago)).collect::<Vec<_>>();
    let names = days.iter().map(|day| day_name(1, *day)).collect::<Vec<_>>();
    stage.execute(PgConnection::EMPTY);
    count_names(&mut stage.redis, &names);
    stage.sync(DAYS as i64);
    stage.execute(PgConnection::SETTLE);
    count_names(&mut stage.redis, &names);
    let Stage { counters, mut redis, pool, .. } = stage;
    let mut conn = pool.get().unwrap();
    let mut asked = names;
    asked.extend(days.iter().map(|day| day_claim(1, *day)));
    asked.push("counter:{seq}".to_owned());
    let first = (today - Days::new(DAYS - 1)).and_time(NaiveTime::MIN);
    let calls = bench.of(50, 10);
    let each = |taken: f64| taken / calls as f64;
    let rounds = Rounds::alternate(
        bench.of(101, 3),
        || {
            each(seconds(|| {
                for _ in 0..calls {
                    let span = Span::last(DAYS as usize, Grain::Day);
                    let series = counters.series(&Daily { id: 1 }, DailyCounter::Views, span);
                    assert_eq!(series.unwrap().sum(), Ok(2 * DAYS as i64));
                }
            }))
        },
        || {
            each(seconds(|| {
                for _ in 0..calls {
                    let pending: Vec<Option<i64>> =
                        redis::cmd("MGET").arg(&asked).query(&mut redis).unwrap();
                    let rows = periods::table
                        .filter(periods::owner_type.eq(OWNER_TYPE))
                        .filter(periods::owner_id.eq(1))
                        .filter(periods::owner_key.eq(""))
                        .filter(periods::key.eq(KEY))
                        .filter(periods::grain.eq("day"))
                        .filter(periods::starts_at.ge(first))
                        .order(periods::starts_at)
                        .select((periods::starts_at, periods::count, periods::claim_seq));
                    let rows = rows.load::<(NaiveDateTime, i64, i64)>(&mut conn).unwrap();
                    let counted = rows.iter().map(|(_, count, _)| count).sum::<i64>();
                    let pending = pending.iter().take(DAYS as usize).flatten().sum::<i64>();
                    assert_eq!(counted + pending, 2 * DAYS as i64);
                }
            }))
        },
    );
    vec![Row::times("series of 366 days", &rounds, Bar::AtMost(1.3))]
}

/// The limit is a sync of as many totals.
pub fn sync_of_buckets(bench: &Bench) -> Vec<Row> {
    let postgres = Stage::<PgConnection>::new(bench, &bench.postgres().url("postgres"));
    let mut rows = buckets_into(bench, postgres, "PostgreSQL");
    let mariadb = Stage::<MysqlConnection>::new(bench, &bench.mariadb().url("benchmarks"));
    rows.extend(buckets_into(bench, mariadb, "MariaDB"));
    rows
}

fn buckets_into<C: BareConnection>(bench: &Bench, stage: Stage<C>, database: &str) -> Vec<Row> {
    let counters = bench.of(100_000, 10_000);
    let today = today();
    let buckets = (1..=counters).map(|id| day_name(id, today)).collect::<Vec<_>>();
    let totals = names(counters);
    let stage = RefCell::new(stage);
    let mut rows = Vec::new();
    for (laid, how) in [(Rows::New, "new"), (Rows::Present, "present")] {
        let times: [RefCell<Vec<_>>; 2] = Default::default();
        let sync = |names: &[String], side: usize| {
            let mut stage = stage.borrow_mut();
            let taken = stage.sync_of(names, laid);
            times[side].borrow_mut().extend(stage.times.last().copied());
            taken
        };
        let rounds = Rounds::alternate(bench.of(7, 2), || sync(&buckets, 0), || sync(&totals, 1));
        let what = format!("sync of buckets beside totals into {database}, rows {how}");
        rows.push(Row::times(&what, &rounds, Bar::AtMost(1.2)));
        let [of_buckets, of_totals] = times.map(RefCell::into_inner);
        rows.push(where_it_went(&format!("{what}: buckets"), of_buckets, counters));
        rows.push(where_it_went(&format!("{what}: totals"), of_totals, counters));
    }
    rows
}
