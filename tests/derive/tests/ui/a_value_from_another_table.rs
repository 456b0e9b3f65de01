use counter_diesel::HasCounters;
use diesel::prelude::*;

diesel::table! {
    posts { id -> BigInt, }
}

diesel::table! {
    users { id -> BigInt, }
}

diesel::allow_tables_to_appear_in_same_query!(posts, users);

#[derive(HasCounters)]
#[diesel(table_name = posts)]
#[counters(keys(views))]
struct Post {
    id: i64,
}

fn main() {
    let _ = users::table.select(Post::counter_value(PostCounter::Views));
    let _ = users::table.order(Post::counter_value(PostCounter::Views).desc());
}
