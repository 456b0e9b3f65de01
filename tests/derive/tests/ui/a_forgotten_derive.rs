use counter_diesel::{CounterOwner, HasCounters};
use counter_diesel::query::KeyOf;

// What `Counters::increment` asks for.
fn increment<O: CounterOwner>(_: O, _: impl KeyOf<O::Model>, _: i64) {}

struct Post {
    id: i64,
}

// What a method of `Counters` that is given a model asks for.
fn owner_of(_: &impl HasCounters) {}

fn main() {
    let post = Post { id: 1 };
    increment(&post, "views", 1);
    owner_of(&post);
    let _ = Post::counter_owner(post.id);
}
