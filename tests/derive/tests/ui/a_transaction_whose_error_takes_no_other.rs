use counter_diesel::{Counters, Owner};
use diesel::prelude::*;

fn show(counters: &Counters, conn: &mut SqliteConnection, post: &Owner) -> QueryResult<()> {
    counters.transaction(conn, |_, after| {
        let _ = after.increment(post, "views", 1);
        QueryResult::Ok(())
    })
}

fn main() {}
