use counter_diesel::{HasCounters, OwnerId, ToOwnerId};
use counter_diesel::error::Invalid;
use diesel::prelude::*;

diesel::table! {
    posts { id -> Binary, title -> Text, }
}

struct Digest(Vec<u8>);

impl ToOwnerId for Digest {
    fn to_owner_id(&self) -> Result<OwnerId, Invalid> {
        format!("{:?}", self.0).to_owner_id()
    }
}

#[derive(HasCounters)]
#[diesel(table_name = posts)]
#[counters(keys(views))]
struct Post {
    id: Digest,
}

fn main() {
    let _ = posts::table.select(Post::counter_value(PostCounter::Views));
}
