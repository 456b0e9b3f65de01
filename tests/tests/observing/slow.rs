//! Steps that took longer than an operator would like.

use std::time::Duration;

use counter_tests::log::Logged;

use crate::events::only;
use crate::scenes::{SLOW, logged_of, memory, slow_at, sync, was_slow};

pub fn show() -> Vec<Logged> {
    let steps =
        [("begin", "database", 1000), ("commit", "database", 1000), ("verify", "verify", 250)];
    let mut all = Vec::new();
    for (step, side, limit) in steps {
        let world = memory();
        let limit = Duration::from_millis(limit);
        let report = sync(&slow_at(&world, step, limit));
        assert!(report.is_clean(), "slow, and nothing else: {report:?}");
        let mut logged = logged_of(&world);
        // On a busy machine another one may be slow, too.
        logged.retain(|logged| !was_slow(logged) || logged.field("step") == side);
        let slow = only(&logged, SLOW);
        assert_eq!(slow.field("limit_seconds"), format!("{:?}", limit.as_secs_f64()));
        let times = report.times;
        let longest = if side == "verify" { times.longest_verify } else { times.longest_database };
        assert_eq!(slow.field("seconds"), format!("{:?}", longest.as_secs_f64()));
        assert!(longest >= limit && longest <= times.database.max(times.verify), "{report:?}");
        all.extend(logged);
    }
    all
}
