use counter_diesel::{CounterOwner, HasCounters};
use counter_diesel::query::KeyOf;

fn increment<O: CounterOwner>(_: O, _: impl KeyOf<O::Model>, _: i64) {}

// One mistake, and none of the uses below is another.
#[derive(HasCounters)]
#[counters(keys(views))]
enum Post {
    Draft,
}

fn main() {
    increment(&Post::Draft, PostCounter::Views, 1);
}
