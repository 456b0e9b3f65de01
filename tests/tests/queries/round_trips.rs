//! What pages and commits ask of Redis, by a server that answers nothing before it was asked
//! everything.

use counter_diesel::{Counters, Error, HasCounters, Owner, RedisStore};
use counter_tests::query_world::QueryWorld;
use counter_tests::servers::{FakeRedis, FakeReply};
use counter_tests::store_worlds::patient;
use diesel::SqliteConnection;
use libtest_mimic::Trial;

#[derive(HasCounters)]
#[counters(keys(views, likes))]
struct Post {
    id: i64,
}

pub(crate) fn trials() -> Vec<Trial> {
    let trials: [(_, fn()); 3] = [
        ("redis::a_page_of_any_size_is_one_round_trip", page),
        ("redis::what_a_commit_counts_is_one_round_trip", commit),
        ("redis::a_commit_whose_increments_have_no_reply_says_so", unknown),
    ];
    let trial = |(name, show): (&str, fn())| {
        Trial::test(name, move || {
            show();
            Ok(())
        })
    };
    trials.into_iter().map(trial).collect()
}

fn counters(world: &QueryWorld<SqliteConnection>, server: &FakeRedis) -> Counters {
    let builder = RedisStore::builder(server.url()).timeouts(patient());
    let store = builder.connect_lazily().without_index();
    Counters::builder(world.pool.clone()).redis_with(store).build().unwrap()
}

/// As many values that are not there as were asked for; kept back until this is the last of so many
/// commands.
fn nothing(number: usize, words: &[String], commands: usize) -> FakeReply {
    assert_eq!(words[0], "MGET");
    let reply = format!("*{}\r\n{}", words.len() - 1, "$-1\r\n".repeat(words.len() - 1)).leak();
    if number + 1 == commands { FakeReply::Bytes(reply) } else { FakeReply::KeptBack(reply) }
}

fn page() {
    let world = QueryWorld::<SqliteConnection>::sqlite();
    let servers = [
        (1, FakeRedis::start(|number, words| nothing(number, words, 1))),
        // 100 and 2,000 counters in pieces of 60.
        (50, FakeRedis::start(|number, words| nothing(number, words, 2))),
        (1_000, FakeRedis::start(|number, words| nothing(number, words, 34))),
    ];
    for (size, server) in &servers {
        let posts = (1..=*size).map(|id| Post { id }).collect::<Vec<_>>();
        let keys = [PostCounter::Views, PostCounter::Likes];
        let values = counters(&world, server).load(&posts, keys).unwrap();
        assert_eq!(values, vec![[0, 0]; posts.len()]);
    }
}

fn commit() {
    let world = QueryWorld::<SqliteConnection>::sqlite();
    let server = FakeRedis::start(|number, words| {
        assert_eq!(words[0], "INCRBY");
        if number + 1 == 100 { FakeReply::Bytes(":1\r\n") } else { FakeReply::KeptBack(":1\r\n") }
    });
    let counters = counters(&world, &server);
    let gathering = counters.transaction(&mut world.connect(), |_, after| {
        for id in 0..100 {
            after.increment(&Post { id }, PostCounter::Views, 1)?;
        }
        Ok::<_, Error>(())
    });
    gathering.unwrap();
    // With nothing gathered nothing is asked: this server would not answer again.
    counters.transaction(&mut world.connect(), |_, _| Ok::<_, Error>(())).unwrap();
}

fn unknown() {
    let world = QueryWorld::<SqliteConnection>::sqlite();
    let server = FakeRedis::start(|_, _| FakeReply::HangUp);
    let gathering = counters(&world, &server).transaction(&mut world.connect(), |conn, after| {
        use diesel::connection::SimpleConnection;
        conn.batch_execute("INSERT INTO posts VALUES (1, 'Kept')").unwrap();
        after.increment(Owner::new("post", 1)?, "views", 1)
    });
    let error = gathering.unwrap_err();
    assert!(error.is_outcome_unknown());
    let is_told = matches!(&error, Error::CommittedNotCounted(committed)
        if committed.gathered == 1 && committed.uncounted[0].error.is_outcome_unknown());
    assert!(is_told, "{error:?}");
    let mut conn = world.connect();
    let posts = diesel::dsl::sql::<diesel::sql_types::BigInt>("SELECT count(*) FROM posts");
    assert_eq!(diesel::RunQueryDsl::get_result::<i64>(posts, &mut conn).unwrap(), 1);
}
