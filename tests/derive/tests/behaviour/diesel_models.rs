//! Beside Diesel's own derives, whose attributes both read.

use counter_diesel::error::Invalid;
use counter_diesel::{HasCounters, OwnerId, ToOwnerId};
use diesel::deserialize::FromSqlRow;
use diesel::expression::AsExpression;
use diesel::prelude::*;
use diesel::sqlite::{Sqlite, SqliteConnection};

diesel::table! {
    posts (number) {
        number -> BigInt,
        title -> Text,
        #[sql_name = "type"]
        type_ -> Text,
    }
}

#[derive(Debug, Insertable, Queryable, Selectable, Identifiable, AsChangeset, HasCounters)]
#[diesel(table_name = posts, primary_key(number))]
#[diesel(check_for_backend(Sqlite))]
#[counters(keys(views, type_ = "type"))]
struct Post {
    #[diesel(column_name = number)]
    id: i64,
    title: String,
    #[diesel(column_name = "type_")]
    kind: String,
}

#[derive(Queryable, Selectable, Identifiable, HasCounters)]
#[diesel(table_name = posts, primary_key(number))]
struct Row {
    #[diesel(deserialize_as = i64)]
    number: PostId,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, AsExpression, FromSqlRow)]
#[diesel(sql_type = diesel::sql_types::BigInt)]
struct PostId(i64);

impl From<i64> for PostId {
    fn from(id: i64) -> Self {
        Self(id)
    }
}

impl ToOwnerId for PostId {
    fn to_owner_id(&self) -> Result<OwnerId, Invalid> {
        self.0.to_owner_id()
    }
}

/// A database with one post.
fn database() -> SqliteConnection {
    let mut conn = SqliteConnection::establish(":memory:").unwrap();
    diesel::sql_query("CREATE TABLE posts (number BIGINT PRIMARY KEY, title TEXT, \"type\" TEXT)")
        .execute(&mut conn)
        .unwrap();
    let post = Post { id: 42, title: "Counting".to_owned(), kind: "essay".to_owned() };
    diesel::insert_into(posts::table).values(&post).execute(&mut conn).unwrap();
    conn
}

#[test]
fn a_model_that_diesel_loaded_owns_counters_under_its_primary_key() {
    let post = posts::table.select(Post::as_select()).first(&mut database()).unwrap();
    assert_eq!((post.title.as_str(), post.kind.as_str()), ("Counting", "essay"));
    assert_eq!(post.counter_owner_id().unwrap().as_i64(), Some(*post.id()));
    assert_eq!(post.id, 42);
    assert_eq!(PostCounter::Type.as_str(), "type");
}

#[test]
fn a_newtype_that_diesel_loads_is_an_owner_id() {
    let row = posts::table.select(Row::as_select()).first(&mut database()).unwrap();
    assert_eq!(row.number, PostId(42));
    assert_eq!(row.counter_owner_id().unwrap().as_i64(), Some(42));
}
