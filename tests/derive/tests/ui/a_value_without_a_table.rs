use counter_diesel::HasCounters;
use diesel::prelude::*;

diesel::table! {
    posts { id -> BigInt, }
}

#[derive(HasCounters)]
#[counters(keys(views))]
struct Post {
    id: i64,
}

fn main() {
    let _ = posts::table.select(Post::counter_value(PostCounter::Views));
}
