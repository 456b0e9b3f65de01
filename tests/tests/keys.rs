//! Small applications whose models have other keys than 64-bit integers: with UUIDs on PostgreSQL,
//! texts on SQLite and unsigned numbers on MariaDB or MySQL. They are written as docs/queries.md
//! has it.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use counter_diesel::schema::{ModelCounter, model_counters};
use counter_diesel::{Counters, HasCounters, Owner, SyncOptions};
use counter_tests::database::{OwnDatabase, SqliteFile};
use counter_tests::servers::{RedisServer, mariadb, postgres};
use diesel::prelude::*;

fn same<T: Clone>(key: &T) -> T {
    key.clone()
}

/// Defines the application: its table, its model, and what it does.
macro_rules! application {
    ($connection:ty, $column:ty, $key:ty) => {
        diesel::table! {
            posts { id -> $column, title -> Text, }
        }

        diesel::table! {
            comments { id -> Integer, post_id -> $column, }
        }

        diesel::allow_tables_to_appear_in_same_query!(posts, comments);

        #[derive(Queryable, Selectable, Identifiable, Insertable, HasCounters)]
        #[diesel(table_name = posts)]
        #[counters(keys(views, likes))]
        struct Post {
            id: $key,
            title: String,
        }

        /// Counts, queries and syncs posts with these three keys.
        fn use_counters(conn: &mut $connection, counters: &Counters, keys: [$key; 3]) {
            counters.run_pending_migrations().unwrap();
            for (key, number) in keys.iter().zip(1..) {
                let post = Post { id: same(key), title: format!("Post {number}") };
                diesel::insert_into(posts::table).values(&post).execute(conn).unwrap();
                let comment = (comments::id.eq(number), comments::post_id.eq(same(key)));
                diesel::insert_into(comments::table).values(comment).execute(conn).unwrap();
            }
            let page = posts::table.order(posts::title).select(Post::as_select()).load(conn);
            let page = page.unwrap();
            for (post, number) in page.iter().zip(1..) {
                post.increment_counter(counters, PostCounter::Views, number).unwrap();
                counters.increment(post, PostCounter::Likes, -number).unwrap();
            }
            // By its key alone, without loading the row.
            let third = Post::counter_owner(&keys[2]).unwrap();
            counters.increment(&third, PostCounter::Views, 100).unwrap();
            assert_eq!(page[2].counter(counters, PostCounter::Views).unwrap(), 103);
            let values = counters.load(&page, [PostCounter::Views, PostCounter::Likes]).unwrap();
            assert_eq!(values, [[1, -1], [2, -2], [103, -3]]);

            let report = counters.sync(&SyncOptions::default()).unwrap();
            assert!(report.is_clean() && report.applied == 6, "{report}");
            let most_viewed = posts::table
                .order(Post::counter_value(PostCounter::Views).desc())
                .filter(Post::counter_value(PostCounter::Likes).lt(-1))
                .select((posts::title, Post::counter_value(PostCounter::Views)))
                .load::<(String, i64)>(conn)
                .unwrap();
            assert_eq!(most_viewed, [("Post 3".to_owned(), 103), ("Post 2".to_owned(), 2)]);
            let of_comments = comments::table
                .order(comments::id)
                .select(Post::counter_value_of(comments::post_id, PostCounter::Views))
                .load::<i64>(conn)
                .unwrap();
            assert_eq!(of_comments, [1, 2, 103]);
            let joined = comments::table
                .inner_join(posts::table.on(posts::id.eq(comments::post_id)))
                .order(comments::id)
                .select(Post::counter_value(PostCounter::Likes));
            assert_eq!(joined.load::<i64>(conn).unwrap(), [-1, -2, -3]);

            let top = counters.top::<Post>(PostCounter::Views, 2).unwrap();
            let top = top.iter().map(|(post, views)| (post.id().clone(), *views));
            let expected = [(2, 103), (1, 2)]
                .map(|(n, views): (usize, i64)| (page[n].counter_owner_id().unwrap(), views));
            assert_eq!(top.collect::<Vec<_>>(), expected);
            let rows = ModelCounter::of_models(&page).unwrap().order(model_counters::key);
            let rows = rows.load::<ModelCounter>(conn).unwrap();
            let groups = ModelCounter::grouped_by(rows, &page).unwrap();
            let likes = groups.iter().map(|rows| rows[0].count).collect::<Vec<_>>();
            assert_eq!(likes, [-1, -2, -3]);

            page[0].set_counter(counters, PostCounter::Views, 7).unwrap();
            page[1].delete_counter(counters, PostCounter::Views).unwrap();
            let all = page.iter().map(|post| post.all_counters(counters).unwrap());
            let all = all.collect::<Vec<_>>();
            let of = |views, likes| {
                BTreeMap::from([("views".to_owned(), views), ("likes".to_owned(), likes)])
            };
            assert_eq!(all, [of(7, -1), of(0, -2), of(103, -3)]);
        }
    };
}

#[test]
fn posts_with_uuids_count_on_postgres() {
    application!(PgConnection, Uuid, uuid::Uuid);

    let redis = RedisServer::start();
    let database = OwnDatabase::<PgConnection>::in_server(&postgres::shared_url());
    let pool = counter_diesel::postgres_pool(&database.url(), 2).unwrap();
    let counters = Counters::builder(pool).redis(&redis.url()).build().unwrap();
    let conn = &mut database.connect();
    diesel::sql_query("CREATE TABLE posts (id UUID PRIMARY KEY, title TEXT NOT NULL)")
        .execute(conn)
        .unwrap();
    diesel::sql_query("CREATE TABLE comments (id INT PRIMARY KEY, post_id UUID NOT NULL)")
        .execute(conn)
        .unwrap();
    let keys = [1, 0x6fa4_59ea_ee8a_3ca4_894e_db77_e160_355e, u128::MAX].map(uuid::Uuid::from_u128);
    use_counters(conn, &counters, keys);
    let by_text = Owner::new("post", "6fa459ea-ee8a-3ca4-894e-db77e160355e").unwrap();
    assert_eq!(counters.get(by_text, "likes").unwrap(), -2);
}

#[test]
fn posts_with_texts_count_on_sqlite() {
    application!(SqliteConnection, Text, String);

    let redis = RedisServer::start();
    let file = SqliteFile::new();
    let pool = counter_diesel::sqlite_pool(&file.path(), 2).unwrap();
    let counters = Counters::builder(pool).redis(&redis.url()).build().unwrap();
    let conn = &mut SqliteConnection::establish(&file.path()).unwrap();
    diesel::sql_query("CREATE TABLE posts (id TEXT PRIMARY KEY, title TEXT NOT NULL)")
        .execute(conn)
        .unwrap();
    diesel::sql_query("CREATE TABLE comments (id INT PRIMARY KEY, post_id TEXT NOT NULL)")
        .execute(conn)
        .unwrap();
    use_counters(conn, &counters, ["hello-world", "42", "größe: {100%}"].map(str::to_owned));
    assert_eq!(counters.get(Owner::new("post", 42).unwrap(), "likes").unwrap(), 0);
}

#[test]
fn posts_with_unsigned_numbers_count_on_mariadb() {
    application!(MysqlConnection, Unsigned<BigInt>, u64);

    let redis = RedisServer::start();
    let database = OwnDatabase::<MysqlConnection>::in_server(&mariadb::shared_url());
    let pool = counter_diesel::mysql_pool(&database.url(), 2).unwrap();
    let counters = Counters::builder(pool).redis(&redis.url()).build().unwrap();
    let conn = &mut database.connect();
    diesel::sql_query(
        "CREATE TABLE posts (id BIGINT UNSIGNED NOT NULL PRIMARY KEY, title TEXT NOT NULL)",
    )
    .execute(conn)
    .unwrap();
    diesel::sql_query(
        "CREATE TABLE comments (id INT PRIMARY KEY, post_id BIGINT UNSIGNED NOT NULL)",
    )
    .execute(conn)
    .unwrap();
    use_counters(conn, &counters, [1, 42, i64::MAX.unsigned_abs()]);
    let error = Post::counter_owner(u64::MAX).unwrap_err().to_string();
    assert!(error.contains("18446744073709551615"), "{error}");
}
