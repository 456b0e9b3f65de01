use counter_diesel::{CounterOwner, HasCounters};
use counter_diesel::query::KeyOf;

fn increment<O: CounterOwner>(_: O, _: impl KeyOf<O::Model>, _: i64) {}

// Every mistake is reported, and none of the uses below is.
#[derive(HasCounters)]
#[counters(
    keys(views, likes, likes),
    owner_type = "global",
    key_enum = "1",
    prefix = "x"
)]
struct Post {
    id: Option<i64>,
}

fn main() {
    let post = Post { id: Some(1) };
    increment(&post, PostCounter::Views, 1);
    increment(&post, PostCounter::Likes, 1);
    let _: (_, &str) = (Post::OWNER_TYPE, PostCounter::ALL[0].as_str());
    let _: Result<PostCounter, _> = "views".parse();
}
