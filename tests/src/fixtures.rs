//! The owners and counters that most tests count for.

use counter_core::{CounterId, CounterKey, Owner};

/// Returns a post, as an owner.
pub fn post(id: i64) -> Owner {
    Owner::new("post", id).expect("a valid owner")
}

/// Returns a user, as an owner.
pub fn user(id: i64) -> Owner {
    Owner::new("user", id).expect("a valid owner")
}

/// Returns a counter of an owner.
pub fn counter_of(owner: &Owner, key: &str) -> CounterId {
    CounterId::of(owner, &CounterKey::new(key.to_owned()).expect("a valid key"))
}

/// Returns the bucket of a counter, given its total or any bucket of it, for a period such as
/// `day:2026-11-28`.
pub fn bucket_of(counter: &CounterId, period: &str) -> CounterId {
    let period = period.parse().expect("a valid period");
    counter.within(period).expect("a period that has a name")
}

/// Returns the views of a post.
pub fn views_of(post_id: i64) -> CounterId {
    counter_of(&post(post_id), "views")
}

/// Returns the downloads of a user.
pub fn downloads_of(user_id: i64) -> CounterId {
    counter_of(&user(user_id), "downloads")
}
