use counter_diesel::HasCounters;
use diesel::prelude::*;

diesel::table! {
    posts { id -> BigInt, }
}

#[derive(HasCounters)]
#[diesel(table_name = posts)]
#[counters(keys(views))]
struct Post {
    id: i64,
}

fn main() {
    let conn = &mut SqliteConnection::establish(":memory:").unwrap();
    let _ = posts::table.select(Post::counter_value(PostCounter::Views)).load::<i32>(conn);
}
