use counter_diesel::{CounterOwner, HasCounters, Owner};
use counter_diesel::query::KeyOf;

// What `Counters::increment` asks for.
fn increment<O: CounterOwner>(_: O, _: impl KeyOf<O::Model>, _: i64) {}

#[derive(HasCounters)]
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
    increment(&Post { id: 1 }, UserCounter::Logins, 1);
    increment(Post::counter_owner(1).unwrap(), UserCounter::Logins, 1);
    increment(Owner::new("post", 1).unwrap(), PostCounter::Views, 1);
}
