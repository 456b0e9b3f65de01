use counter_diesel::{Counters, Error, Owner};
use diesel::prelude::*;

fn show(counters: &Counters, conn: &mut SqliteConnection) -> Result<(), Error> {
    let mut kept = None;
    counters.transaction(conn, |_, after| {
        kept = Some(after);
        Ok::<_, Error>(())
    })?;
    kept.unwrap().increment(Owner::new("post", 1)?, "views", 1)
}

fn main() {}
