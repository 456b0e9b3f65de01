use counter_diesel::{HasCounters, OwnerId, ToOwnerId};
use counter_diesel::error::Invalid;
use diesel::prelude::*;

diesel::table! {
    posts { id -> Double, title -> Bool, }
}

struct Slug(f64);

impl ToOwnerId for Slug {
    fn to_owner_id(&self) -> Result<OwnerId, Invalid> {
        self.0.to_string().to_owner_id()
    }
}

#[derive(HasCounters)]
#[diesel(table_name = posts)]
#[counters(keys(views))]
struct Post {
    id: Slug,
}

fn main() {
    let _ = posts::table.select(Post::counter_value(PostCounter::Views));
    let _ = posts::table.select(Post::counter_value_of(posts::title, PostCounter::Views));
}
