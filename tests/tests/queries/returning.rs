//! Values in `RETURNING`, where a database has it.

use counter_diesel::HasCounters;
use counter_tests::query_world::QueryWorld;
use counter_tests::suite::Case;
use diesel::prelude::*;

use super::Connection;
use super::models::*;

pub(super) const CASES: &[Case<QueryWorld<Connection>>] = &[
    ("a field that is a counter is that of the row which was written", |world| {
        count_some(world);
        let conn = &mut world.connect();
        let new = (posts::id.eq(7), posts::title.eq("Post 7"));
        let insert = diesel::insert_into(posts::table).values(new);
        let new = insert.returning(Viewed::as_returning()).get_result(conn).unwrap();
        assert_eq!(new.id_and_views(), (7, 10));
        let update = diesel::update(posts::table.find(8)).set(posts::title.eq("Busy"));
        let changed = update.returning(Viewed::as_returning()).get_result(conn).unwrap();
        assert_eq!(changed.id_and_views(), (8, 20));
        let delete = diesel::delete(posts::table.find(9));
        let gone = delete.returning(Viewed::as_returning()).get_result(conn).unwrap();
        assert_eq!(gone.id_and_views(), (9, 0));
    }),
    ("the counters of columns that name other rows are those of these rows", |world| {
        count_some(world);
        let conn = &mut world.connect();
        let views = || {
            let of_post = Post::counter_value_of(comments::post_id, PostCounter::Views);
            (Post::counter_value_of(comments::id, PostCounter::Views), of_post)
        };
        let new = (comments::id.eq(7), comments::post_id.eq(8));
        let insert = diesel::insert_into(comments::table).values(new).returning(views());
        assert_eq!(insert.get_result::<(i64, i64)>(conn).unwrap(), (10, 20));
        let update = diesel::update(comments::table.find(7)).set(comments::post_id.eq(9));
        let update = update.returning(views()).get_result::<(i64, i64)>(conn);
        assert_eq!(update.unwrap(), (10, 0));
        let delete = diesel::delete(comments::table.find(7)).returning(views());
        assert_eq!(delete.get_result::<(i64, i64)>(conn).unwrap(), (10, 0));
    }),
];

/// Posts 8 and 9, and views of 7 and 8.
fn count_some(world: &QueryWorld<Connection>) {
    world.add_posts("posts", 8..=9);
    world.count([("post", 7, "views", 10), ("post", 8, "views", 20)]);
}
