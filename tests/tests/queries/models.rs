//! The application's tables and models.

use counter_diesel::HasCounters;
use counter_diesel::query::CounterValueOf;
use diesel::prelude::*;

diesel::table! {
    posts { id -> BigInt, title -> Text, }
}

diesel::table! {
    integer_posts { id -> Integer, title -> Text, }
}

diesel::table! {
    small_posts { id -> SmallInt, title -> Text, }
}

diesel::table! {
    comments { id -> BigInt, post_id -> Nullable<BigInt>, }
}

diesel::allow_tables_to_appear_in_same_query!(posts, comments);
diesel::joinable!(comments -> posts (post_id));

#[derive(Debug, PartialEq, Queryable, Selectable, Identifiable, HasCounters)]
#[diesel(table_name = posts)]
#[counters(keys(views, likes, downloads))]
pub(crate) struct Post {
    pub(crate) id: i64,
    pub(crate) title: String,
}

#[derive(HasCounters)]
#[diesel(table_name = integer_posts)]
#[counters(owner_type = "post", keys(views))]
pub(crate) struct IntegerPost {
    id: i32,
}

#[derive(HasCounters)]
#[diesel(table_name = small_posts)]
#[counters(owner_type = "post", keys(views))]
pub(crate) struct SmallPost {
    id: i16,
}

/// A post with its views as a field.
#[derive(Debug, PartialEq, Queryable, Selectable, HasCounters)]
#[diesel(table_name = posts, check_for_backend(super::Backend))]
#[counters(owner_type = "post", keys(views))]
pub(crate) struct Viewed {
    id: i64,
    #[diesel(select_expression = Viewed::counter_value(ViewedCounter::Views))]
    #[diesel(select_expression_type = CounterValueOf<Viewed>)]
    views: i64,
}

impl Viewed {
    pub(crate) fn id_and_views(&self) -> (i64, i64) {
        (self.id, self.views)
    }
}

/// That the ids of all three kinds of key are owner ids.
pub(crate) fn owners() -> [counter_diesel::Owner; 3] {
    [
        counter_diesel::Owner::of(
            Post::OWNER_TYPE,
            Post { id: 1, title: String::new() }.counter_owner_id().unwrap(),
        ),
        counter_diesel::Owner::of(
            IntegerPost::OWNER_TYPE,
            IntegerPost { id: 1 }.counter_owner_id().unwrap(),
        ),
        counter_diesel::Owner::of(
            SmallPost::OWNER_TYPE,
            SmallPost { id: 1 }.counter_owner_id().unwrap(),
        ),
    ]
}
