use counter_diesel::{CounterOwner, Owner};
use counter_diesel::query::KeyOf;

// What `Counters::increment` asks for.
fn increment<O: CounterOwner>(_: O, _: impl KeyOf<O::Model>, _: i64) {}

fn main() {
    increment("post", "views", 1);
    increment(("post", 1), "views", 1);
    increment(Owner::new("post", 42), "views", 1);
}
