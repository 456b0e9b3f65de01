//! Where the value of a counter can stand in a query, and what it is there.

use counter_diesel::error::Invalid;
use counter_diesel::query::{CounterValue, OwnerType};
use counter_diesel::{CounterKey, HasCounters, SyncOptions, schema::model_counters};
use counter_tests::query_log::QueryLog;
use counter_tests::query_world::QueryWorld;
use counter_tests::suite::Case;
use diesel::dsl::{count_star, max, min, sql, sum};
use diesel::prelude::*;
use diesel::result::Error;
use diesel::sql_types::{BigInt, Nullable, Numeric};

use super::models::*;
use super::{Backend, Connection};

pub(super) const CASES: &[Case<QueryWorld<Connection>>] = &[
    ("the value is what the last sync wrote, and zero where there is nothing", |world| {
        world.add_posts("posts", 1..=4);
        world.count([("post", 1, "views", 5), ("post", 3, "views", -7), ("post", 1, "likes", 9)]);
        world.counters.increment(Post::counter_owner(1).unwrap(), PostCounter::Views, 100).unwrap();
        world.counters.increment(Post::counter_owner(2).unwrap(), PostCounter::Views, 100).unwrap();
        let read = || {
            let query = posts::table.select((posts::id, Post::counter_value(PostCounter::Views)));
            query.order(posts::id).load::<(i64, i64)>(&mut world.connect()).unwrap()
        };
        assert_eq!(read(), [(1, 5), (2, 0), (3, -7), (4, 0)]);
        assert!(world.counters.sync(&SyncOptions::default()).unwrap().is_clean());
        assert_eq!(read(), [(1, 105), (2, 100), (3, -7), (4, 0)]);
    }),
    ("keys of 16, 32 and 64 bits find their counters", |world| {
        world.add_posts("posts", [i64::MIN, -1, 0, 1, i64::MAX]);
        world.add_posts("integer_posts", [i32::MIN, -1, 0, 1, i32::MAX].map(i64::from));
        world.add_posts("small_posts", [i16::MIN, -1, 0, 1, i16::MAX].map(i64::from));
        let ends = [i64::MIN, i32::MIN.into(), i16::MIN.into(), -1, 0, 1];
        let ends = ends.into_iter().chain([i16::MAX.into(), i32::MAX.into(), i64::MAX]);
        world.count(ends.zip(1..).map(|(id, n)| ("post", id, "views", n)));
        let conn = &mut world.connect();
        let values = posts::table.select(Post::counter_value(PostCounter::Views));
        let values = values.order(posts::id).load::<i64>(conn);
        assert_eq!(values.unwrap(), [1, 4, 5, 6, 9]);
        let values =
            integer_posts::table.select(IntegerPost::counter_value(IntegerPostCounter::Views));
        let values = values.order(integer_posts::id).load::<i64>(conn);
        assert_eq!(values.unwrap(), [2, 4, 5, 6, 8]);
        let values = small_posts::table.select(SmallPost::counter_value(SmallPostCounter::Views));
        let values = values.order(small_posts::id).load::<i64>(conn);
        assert_eq!(values.unwrap(), [3, 4, 5, 6, 7]);
        let [a, b, c] = owners();
        assert!(a == b && b == c);
    }),
    (
        "a page is ordered by one counter, filtered by another and shows a third, in one query",
        |world| {
            world.add_posts("posts", 1..=1_000);
            world.count((1..=1_000).flat_map(|id| {
                [
                    ("post", id, "views", id % 10),
                    ("post", id, "likes", -id),
                    ("post", id, "downloads", id % 2),
                ]
            }));
            let conn = &mut world.connect();
            let seen = QueryLog::on(conn);
            for size in [1, 50, 1_000] {
                let page = posts::table
                    .filter(Post::counter_value(PostCounter::Downloads).ge(0))
                    .filter(Post::counter_value(PostCounter::Downloads).lt(1))
                    .order((Post::counter_value(PostCounter::Views).desc(), posts::id))
                    .select((Post::as_select(), Post::counter_value(PostCounter::Likes)))
                    .limit(size)
                    .load::<(Post, i64)>(conn)
                    .unwrap();
                let mut expected = (1..=1_000).filter(|id| id % 2 == 0).collect::<Vec<i64>>();
                expected.sort_by_key(|id| (-(id % 10), *id));
                expected.truncate(usize::try_from(size).unwrap());
                assert_eq!(page.iter().map(|(post, _)| post.id).collect::<Vec<_>>(), expected);
                assert!(page.iter().all(|(post, likes)| *likes == -post.id));
                assert_eq!(seen.take().len(), 1);
            }
        },
    ),
    ("a field of a model can be a counter", |world| {
        world.add_posts("posts", 1..=3);
        world.count([("post", 2, "views", 5)]);
        let seen_on = |conn: &mut Connection| {
            let rows = posts::table.order(posts::id).select(Viewed::as_select()).load(conn);
            rows.unwrap().iter().map(Viewed::id_and_views).collect::<Vec<_>>()
        };
        assert_eq!(seen_on(&mut world.connect()), [(1, 0), (2, 5), (3, 0)]);
    }),
    ("it stands in boxed queries, for orders and filters that are chosen at run time", |world| {
        world.add_posts("posts", 1..=3);
        world.count([("post", 1, "views", 1), ("post", 2, "views", 5), ("post", 3, "likes", 5)]);
        let page = |by: &str, at_least: Option<i64>| {
            let mut query = posts::table.select(posts::id).into_boxed::<Backend>();
            if let Some(at_least) = at_least {
                query = query.filter(Post::counter_value(PostCounter::Views).ge(at_least));
            }
            query = match by {
                "views" => query.order(Post::counter_value(PostCounter::Views).desc()),
                _ => query.order(Post::counter_value(PostCounter::Likes).desc()),
            };
            query.then_order_by(posts::id).load::<i64>(&mut world.connect()).unwrap()
        };
        assert_eq!(page("views", None), [2, 1, 3]);
        assert_eq!(page("likes", None), [3, 1, 2]);
        assert_eq!(page("likes", Some(1)), [1, 2]);
        let value: Box<dyn BoxableExpression<posts::table, Backend, SqlType = BigInt>> =
            Box::new(Post::counter_value(PostCounter::Views));
        let values = posts::table.select(value).order(posts::id).load::<i64>(&mut world.connect());
        assert_eq!(values.unwrap(), [1, 5, 0]);
    }),
    ("it stands in joins, and is zero where a join finds no row", |world| {
        world.add_posts("posts", 1..=2);
        world.run("INSERT INTO comments VALUES (1, 2), (2, 1), (3, NULL)");
        world.count([
            ("post", 1, "views", 10),
            ("post", 2, "views", 20),
            ("comment", 1, "views", 7),
        ]);
        let conn = &mut world.connect();
        let views = || Post::counter_value(PostCounter::Views);
        let inner = comments::table.inner_join(posts::table).order(views().desc());
        let inner = inner.select((comments::id, views())).load::<(i64, i64)>(conn);
        assert_eq!(inner.unwrap(), [(1, 20), (2, 10)]);
        let left = comments::table.left_join(posts::table).order(comments::id);
        let left = left.select((comments::id, views())).load::<(i64, i64)>(conn);
        assert_eq!(left.unwrap(), [(1, 20), (2, 10), (3, 0)]);
        let right = posts::table.left_join(comments::table).filter(views().gt(10));
        let right = right.select((posts::id, views(), comments::id.nullable()));
        assert_eq!(right.load::<(i64, i64, Option<i64>)>(conn).unwrap(), [(2, 20, Some(1))]);
    }),
    ("a foreign key and an alias need no join", |world| {
        world.add_posts("posts", 1..=2);
        world.run("INSERT INTO comments VALUES (1, 2), (2, NULL)");
        world.count([("post", 1, "views", 10), ("post", 2, "views", 20)]);
        let conn = &mut world.connect();
        let views = Post::counter_value_of(comments::post_id, PostCounter::Views);
        let rows = comments::table.select((comments::id, views)).order(comments::id);
        assert_eq!(rows.load::<(i64, i64)>(conn).unwrap(), [(1, 20), (2, 0)]);
        let other = diesel::alias!(posts as other);
        let views = Post::counter_value_of(other.field(posts::id), PostCounter::Views);
        let rows = other.select(views).order(other.field(posts::id)).load::<i64>(conn);
        assert_eq!(rows.unwrap(), [10, 20]);
    }),
    ("the table of counters can itself be the one that is asked", |world| {
        world.count([("post", 1, "views", 10), ("post", 1, "likes", 3), ("post", 2, "likes", 4)]);
        let views = Post::counter_value_of(model_counters::owner_id, PostCounter::Views);
        let rows = model_counters::table
            .filter(model_counters::key.eq("likes"))
            .order(model_counters::owner_id)
            .select((model_counters::count, views))
            .load::<(i64, i64)>(&mut world.connect());
        assert_eq!(rows.unwrap(), [(3, 10), (4, 0)]);
    }),
    ("it stands in aggregates, and beside them where the id is grouped by", |world| {
        world.add_posts("posts", 1..=4);
        world.run("INSERT INTO comments VALUES (1, 2), (2, 2), (3, 1)");
        world.count([("post", 1, "views", 10), ("post", 2, "views", -4), ("post", 3, "views", 7)]);
        let conn = &mut world.connect();
        let views = || Post::counter_value(PostCounter::Views);
        let ends = posts::table.select((max(views()), min(views()), count_star()));
        let ends = ends.first::<(Option<i64>, Option<i64>, i64)>(conn);
        assert_eq!(ends.unwrap(), (Some(10), Some(-4), 4));
        let more_than = |n| {
            let n = sql::<Nullable<Numeric>>(n);
            let total = posts::table.select(sum(views()).gt(n));
            total.first::<Option<bool>>(&mut world.connect()).unwrap()
        };
        assert_eq!(["12", "13"].map(more_than), [Some(true), Some(false)]);
        let grouped = comments::table
            .inner_join(posts::table)
            .group_by(posts::id)
            .order(posts::id)
            .select((posts::id, views(), count_star()));
        assert_eq!(grouped.load::<(i64, i64, i64)>(conn).unwrap(), [(1, 10, 1), (2, -4, 2)]);
    }),
    ("it stands in updates and deletes", |world| {
        world.add_posts("posts", 1..=3);
        world.count([("post", 1, "views", 10), ("post", 2, "views", 20)]);
        let conn = &mut world.connect();
        let unseen = posts::table.filter(Post::counter_value(PostCounter::Views).eq(0));
        assert_eq!(diesel::delete(unseen).execute(conn).unwrap(), 1);
        let busy = posts::table.filter(Post::counter_value(PostCounter::Views).gt(10));
        let update = diesel::update(busy).set(posts::title.eq("Busy"));
        assert_eq!(update.execute(conn).unwrap(), 1);
        let titles = posts::table.order(posts::id).select(posts::title).load::<String>(conn);
        assert_eq!(titles.unwrap(), ["Post 1", "Busy"]);
    }),
    ("a raw name as the id is that of the query, also where ours are named alike", |world| {
        world.add_posts("posts", [7, 9]);
        world.run("INSERT INTO comments VALUES (9, 7)");
        // The rows of our table have ids too, and those are 1 and 2.
        world.count([("post", 7, "views", 10), ("post", 9, "views", 20)]);
        let conn = &mut world.connect();
        let views = Post::counter_value_of(sql::<BigInt>("id"), PostCounter::Views);
        let values = posts::table.select(views).order(posts::id).load::<i64>(conn);
        assert_eq!(values.unwrap(), [10, 20]);
        let views = Post::counter_value_of(sql::<BigInt>("post_id"), PostCounter::Views);
        assert_eq!(comments::table.select(views).load::<i64>(conn).unwrap(), [10]);
        let views = Post::counter_value_of(sql::<BigInt>("owner_id"), PostCounter::Views);
        let of_rows = model_counters::table.select(views).order(model_counters::owner_id);
        assert_eq!(of_rows.load::<i64>(conn).unwrap(), [10, 20]);
    }),
    ("owner types and keys are compared byte for byte", |world| {
        world.add_posts("posts", [1]);
        let others = ["Views", "views ", " views", "viêws", "VIEWS"];
        world.count(others.map(|key| ("post", 1, key, 1)));
        world.count(["Post", "post ", "POST"].map(|kind| (kind, 1, "views", 2)));
        let value = |key: &'static str| {
            let query = posts::table.select(Post::counter_value(key));
            query.first::<i64>(&mut world.connect()).unwrap()
        };
        assert_eq!(value("views"), 0);
        world.count([("post", 1, "views", 3), ("post", 1, "'); DROP TABLE posts; --", 4)]);
        assert_eq!(value("views"), 3);
        assert_eq!(value("Views"), 1);
        assert_eq!(value("views "), 1);
        assert_eq!(value("'); DROP TABLE posts; --"), 4);
    }),
    ("a text that is no key fails the query, and can be logged", |world| {
        for bad in ["", "a\0b", &"x".repeat(101)] {
            let query = posts::table.select(Post::counter_value(bad));
            let logged = diesel::debug_query::<Backend, _>(&query).to_string();
            assert!(logged.contains("COALESCE"), "{logged}");
            let error = query.load::<i64>(&mut world.connect()).unwrap_err();
            let Error::SerializationError(source) = &error else { panic!("{error:?}") };
            assert!(source.is::<Invalid>(), "{source:?}");
        }
    }),
    ("values are added and multiplied, for orders by several at once", |world| {
        world.add_posts("posts", 1..=3);
        world.count([("post", 1, "views", 5), ("post", 2, "likes", 2), ("post", 3, "views", 7)]);
        let score = || {
            let [views, likes] = [PostCounter::Views, PostCounter::Likes].map(Post::counter_value);
            views + likes * 3
        };
        let query = posts::table.select((posts::id, score())).order(score().desc());
        let scores = query.load::<(i64, i64)>(&mut world.connect());
        assert_eq!(scores.unwrap(), [(3, 7), (2, 6), (1, 5)]);
    }),
    ("two counters in a query are never taken for each other", |world| {
        world.add_posts("posts", 1..=3);
        world.count([("post", 1, "views", 1), ("post", 3, "views", 2), ("post", 2, "likes", 3)]);
        let conn = &mut world.connect();
        let [views, likes] =
            [PostCounter::Views, PostCounter::Likes].map(|key| move || Post::counter_value(key));
        let by_views = posts::table.select((posts::id, likes())).order(views().desc());
        assert_eq!(by_views.load::<(i64, i64)>(conn).unwrap(), [(3, 0), (1, 0), (2, 3)]);
        let by_likes = posts::table.select((posts::id, views())).order((likes().desc(), posts::id));
        assert_eq!(by_likes.load::<(i64, i64)>(conn).unwrap(), [(2, 0), (1, 1), (3, 2)]);
        let is_viewed = posts::table.select((posts::id, likes().gt(0)));
        let is_viewed = is_viewed.order((views().gt(0).asc(), posts::id));
        let rows = is_viewed.load::<(i64, bool)>(conn);
        assert_eq!(rows.unwrap(), [(2, true), (1, false), (3, false)]);
        let both = posts::table.select((likes(), views())).order((views(), likes()));
        assert_eq!(both.load::<(i64, i64)>(conn).unwrap(), [(3, 0), (0, 1), (0, 2)]);
    }),
    ("statements are kept under their text, but not for undeclared keys", |world| {
        world.add_posts("posts", [1]);
        world.count([
            ("post", 1, "views", 1),
            ("post", 1, "likes", 2),
            ("post", 1, "downloads", 3),
        ]);
        let conn = &mut world.connect();
        let seen = QueryLog::on(conn);
        for _ in 0..2 {
            let values = PostCounter::ALL.iter().map(|key| {
                posts::table.select(Post::counter_value(*key)).first::<i64>(conn).unwrap()
            });
            assert_eq!(values.collect::<Vec<_>>(), [1, 2, 3]);
        }
        assert_eq!(seen.take_prepared().len(), 3);
        for n in 0..10 {
            let value = Post::counter_value(format!("key-{n}"));
            assert_eq!(posts::table.select(value).first::<i64>(conn).unwrap(), 0);
            let value = CounterValue::new(Post::OWNER_TYPE, posts::id, VIEWS);
            assert_eq!(posts::table.select(value).first::<i64>(conn).unwrap(), 1);
        }
        assert_eq!(seen.take_prepared(), [""; 0]);
    }),
    ("tables that are named at run time are not taken for each other", |world| {
        world.add_posts("posts", [1]);
        world.count([("post", 1, "views", 1)]);
        let names = ["hits", "main_hits", "select"];
        let others = names.map(|name| world.counters_in(name));
        for (counters, n) in others.iter().zip(2..) {
            counters.increment(Post::counter_owner(1).unwrap(), "views", n).unwrap();
            counter_tests::query_world::sync(counters);
        }
        let conn = &mut world.connect();
        let seen = QueryLog::on(conn);
        for _ in 0..2 {
            let mut values = vec![];
            let query = posts::table.select(Post::counter_value(PostCounter::Views));
            values.push(query.first::<i64>(conn).unwrap());
            for counters in [&world.counters, &others[0], &others[1], &others[2]] {
                let value =
                    Post::counter_value(PostCounter::Views).in_table(&counters.config().table_name);
                let query = posts::table.select(value.clone()).order(value.desc());
                values.push(query.first::<i64>(conn).unwrap());
            }
            assert_eq!(values, [1, 1, 2, 3, 4]);
        }
        // Statements that are still kept, each under its own text.
        assert_eq!(seen.take_prepared().len(), 5);
    }),
    ("an owner that is no model has a value too", |world| {
        world.add_posts("posts", 1..=2);
        world.count([("thing", 2, "views", 6)]);
        let value = CounterValue::new(OwnerType::from_static("thing"), posts::id, VIEWS);
        let values = posts::table.select(value).order(posts::id).load::<i64>(&mut world.connect());
        assert_eq!(values.unwrap(), [0, 6]);
    }),
];

const VIEWS: CounterKey = CounterKey::from_static("views");
