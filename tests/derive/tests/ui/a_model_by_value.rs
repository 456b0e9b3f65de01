use counter_diesel::{CounterOwner, HasCounters};
use counter_diesel::query::KeyOf;

// What `Counters::increment` asks for.
fn increment<O: CounterOwner>(_: O, _: impl KeyOf<O::Model>, _: i64) {}

#[derive(HasCounters)]
struct Post {
    id: i64,
}

fn main() {
    increment(Post { id: 1 }, "views", 1);
}
