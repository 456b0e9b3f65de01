use counter_diesel::HasCounters;

/// The model that is counted.
#[derive(HasCounters)]
#[counters(keys(views))]
pub struct Post {
    pub id: i64,
}

/// The owner type and key that the derive makes, for code that writes names by hand.
pub const OWNER_TYPE: &str = "post";
pub const KEY: &str = "views";

/// Returns `count` posts, with ids from 1.
pub fn posts(count: i64) -> Vec<Post> {
    (1..=count).map(|id| Post { id }).collect()
}

/// Returns the name of a post's views in Redis.
pub fn name(id: i64) -> String {
    format!("counter:{OWNER_TYPE}:{id}:{KEY}")
}

pub fn names(count: i64) -> Vec<String> {
    (1..=count).map(name).collect()
}
