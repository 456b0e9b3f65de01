use counter_diesel::{Counters, HasCounters};
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

#[derive(HasCounters)]
#[counters(keys(logins))]
struct User {
    id: i64,
}

fn main() {
    let _ = posts::table.select(Post::counter_value(UserCounter::Logins));
}

fn show(counters: &Counters, posts: Vec<Post>) {
    let _ = counters.top::<Post>(UserCounter::Logins, 10);
    let _ = counters.load(&posts, [UserCounter::Logins]);
}
