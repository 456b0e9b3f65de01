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
    let conn = &mut SqliteConnection::establish(":memory:").unwrap();
    let of_others = users::table.filter(Post::counter_value(PostCounter::Views).gt(0)).select(users::id);
    let _ = of_others.load::<i64>(conn);
}
