//! Pages of models with the exact values of their counters, the first few of a model, and the rows
//! themselves.

use counter_diesel::query::OwnerType;
use counter_diesel::schema::ModelCounter;
use counter_diesel::{Error, HasCounters, Owner, schema::model_counters};
use counter_tests::fixtures::{post, user};
use counter_tests::query_log::QueryLog;
use counter_tests::query_world::{QueryWorld, sync};
use counter_tests::suite::Case;
use diesel::prelude::*;

use super::Connection;
use super::models::*;

pub(super) const CASES: &[Case<QueryWorld<Connection>>] = &[
    ("a page has exact values in the order of its models, by one query", |world| {
        let owned = |id, key, by| (Post::counter_owner(id).unwrap(), key, by);
        world.add_posts("posts", 1..=1_000);
        world.count((1..=1_000).map(|id| ("post", id, "views", id)));
        let pending = (1..=1_000).filter(|id| id % 3 == 0).map(|id| owned(id, "views", -1));
        world.counters.increment_many(pending).unwrap();
        world.counters.increment(Post::counter_owner(7).unwrap(), PostCounter::Likes, 9).unwrap();
        let conn = &mut world.connect();
        let seen = QueryLog::on(conn);
        for size in [1, 50, 1_000] {
            let page = posts::table.order(posts::id.desc()).limit(size).load::<Post>(conn).unwrap();
            assert_eq!(seen.take().len(), 1);
            let keys = [PostCounter::Views, PostCounter::Likes];
            let values = world.counters.on(conn).load(&page, keys).unwrap();
            assert_eq!(seen.take().len(), 1, "{size}");
            let expected = page.iter().map(|post| {
                let pending = if post.id % 3 == 0 { -1 } else { 0 };
                [post.id + pending, if post.id == 7 { 9 } else { 0 }]
            });
            assert_eq!(values, expected.collect::<Vec<_>>());
            assert_eq!(world.counters.load(&page, keys).unwrap(), values);
        }
    }),
    ("an empty page is empty, and a page with one owner twice has it twice", |world| {
        world.count([("post", 1, "views", 5)]);
        let none: [Post; 0] = [];
        assert_eq!(world.counters.load(&none, ["views"]).unwrap(), [[0; 1]; 0]);
        let twice = [1, 2, 1].map(|id| Post::counter_owner(id).unwrap());
        let values = world.counters.load(&twice, [PostCounter::Views]).unwrap();
        assert_eq!(values, [[5], [0], [5]]);
        let owners = [post(1), user(1)];
        let values = world.counters.load(&owners, ["likes", "views", "likes"]).unwrap();
        assert_eq!(values, [[0, 5, 0], [0, 0, 0]]);
        let nothing: [&str; 0] = [];
        assert_eq!(world.counters.load(&owners, nothing).unwrap(), [[0; 0]; 2]);
        let conn = &mut world.connect();
        assert_eq!(world.counters.on(conn).load(&owners, nothing).unwrap(), [[0; 0]; 2]);
        let error = world.counters.load(&owners, ["views", ""]).unwrap_err();
        assert!(matches!(error, Error::Core(counter_core::Error::Invalid(_))), "{error:?}");
    }),
    ("the first few of the table come in the order of their exact values", |world| {
        world.count((1..=100).map(|id| ("post", id, "views", id % 50)));
        world.count([("post", 1, "likes", 1_000), ("user", 7, "views", 1_000)]);
        let views = |id: i64, by| {
            world.counters.increment(Post::counter_owner(id).unwrap(), PostCounter::Views, by)
        };
        let top = |n| ids_and_values(world.counters.top::<Post>(PostCounter::Views, n).unwrap());
        assert_eq!(top(5), [(49, 49), (99, 49), (48, 48), (98, 48), (47, 47)]);
        assert_eq!(top(0), []);
        // A counter that was only counted by 0 has no row.
        assert_eq!(top(1_000).len(), 98);

        // Pending increments reorder the list, but move no owner into it or out of it.
        views(98, 10).unwrap();
        views(49, -40).unwrap();
        views(3, 500).unwrap();
        views(200, 500).unwrap();
        assert_eq!(top(4), [(98, 58), (99, 49), (48, 48), (49, 9)]);
        sync(&world.counters);
        assert_eq!(top(4), [(3, 503), (200, 500), (98, 58), (99, 49)]);
    }),
    ("the first few are two queries, on the caller's connection too", |world| {
        world.count((1..=10).map(|id| ("post", id, "views", id)));
        let conn = &mut world.connect();
        let seen = QueryLog::on(conn);
        let top = world.counters.on(conn).top::<Post>(PostCounter::Views, 3).unwrap();
        assert_eq!(ids_and_values(top), [(10, 10), (9, 9), (8, 8)]);
        assert_eq!(seen.take().len(), 2);
        let error = world.counters.top::<Post>("", 3).unwrap_err();
        assert!(matches!(error, Error::Core(counter_core::Error::Invalid(_))), "{error:?}");
    }),
    ("the first few of a type that is only text are those of the model", |world| {
        world.count((1..=10).map(|id| ("post", id, "views", id)));
        world.count([("user", 7, "views", 1_000), ("post", 1, "likes", 1_000)]);
        world.counters.increment(Post::counter_owner(9).unwrap(), PostCounter::Views, 5).unwrap();
        let (posts, users) = (OwnerType::from_static("post"), OwnerType::from_static("user"));
        let owned =
            |owner_type: &str, id, value| (Owner::new(owner_type.to_owned(), id).unwrap(), value);
        let expected = [owned("post", 9, 14), owned("post", 10, 10), owned("post", 8, 8)];
        assert_eq!(world.counters.top_of(&posts, "views", 3).unwrap(), expected);
        assert_eq!(world.counters.top_of(&users, "views", 3).unwrap(), [owned("user", 7, 1_000)]);
        assert_eq!(world.counters.top_of(&users, "likes", 3).unwrap(), []);
        let conn = &mut world.connect();
        let seen = QueryLog::on(conn);
        assert_eq!(world.counters.on(conn).top_of(&posts, "views", 3).unwrap(), expected);
        assert_eq!(seen.take().len(), 2);
        let error = world.counters.top_of(&posts, "", 3).unwrap_err();
        assert!(matches!(error, Error::Core(counter_core::Error::Invalid(_))), "{error:?}");
    }),
    ("the rows of models come in groups, in the order of the models", |world| {
        world.count([
            ("post", 1, "views", 5),
            ("post", 1, "likes", -1),
            ("post", 3, "views", 7),
            ("user", 3, "views", 9),
        ]);
        let models = [3, 2, 1, 3].map(|id| Post { id, title: String::new() });
        let conn = &mut world.connect();
        let seen = QueryLog::on(conn);
        let query = ModelCounter::of_models(&models).unwrap().order(model_counters::key.desc());
        let rows = query.load::<ModelCounter>(conn).unwrap();
        assert_eq!(seen.take().len(), 1);
        let groups = ModelCounter::grouped_by(rows.clone(), &models).unwrap();
        let seen = groups.iter().map(|rows| rows.iter().map(|row| (row.key.as_str(), row.count)));
        let seen = seen.map(Iterator::collect::<Vec<_>>).collect::<Vec<_>>();
        let third = vec![("views", 7)];
        assert_eq!(seen, [third.clone(), vec![], vec![("views", 5), ("likes", -1)], third]);
        let of_nobody = ModelCounter::grouped_by(rows, [user(3)]);
        assert_eq!(of_nobody.unwrap(), [[]]);
        let narrower = ModelCounter::of_models(&models).unwrap();
        let narrower = narrower.filter(model_counters::count.gt(5)).count();
        assert_eq!(narrower.get_result::<i64>(conn).unwrap(), 1);
    }),
];

fn ids_and_values(top: Vec<(counter_diesel::query::OwnerOf<Post>, i64)>) -> Vec<(i64, i64)> {
    top.iter().map(|(owner, value)| (owner.id().as_i64().unwrap(), *value)).collect()
}
