//! Redis has no memory left, and refuses to make room by itself.

use counter_core::Error as CoreError;
use counter_diesel::{Counters, Error};
use counter_tests::fixtures::post;
use counter_tests::servers::RedisServer;

use super::setting::{Setting, sync_cleanly};

fn used_memory(redis: &RedisServer) -> i64 {
    let info: String = redis::cmd("INFO").arg("memory").query(&mut redis.bare()).unwrap();
    let line = info.lines().find_map(|line| line.strip_prefix("used_memory:")).unwrap();
    line.trim().parse().unwrap()
}

/// Increments counters until one is refused, and returns how many were counted.
fn count_until_full(counters: &Counters, from: i64) -> i64 {
    for number in from.. {
        match counters.increment(post(number), "views", 1) {
            Ok(()) => {}
            Err(Error::Core(CoreError::NotCounted { .. })) => return number - from,
            Err(error) => panic!("{error:?}"),
        }
    }
    unreachable!("it has little memory")
}

#[test]
fn increments_that_do_not_fit_are_not_counted_and_a_sync_makes_room() {
    for setting in [Setting::with_postgres, Setting::with_mariadb] {
        let redis = RedisServer::start_with(&["--maxmemory-policy", "noeviction"]);
        let setting = setting(redis);
        let counters = setting.counters();
        let _ = sync_cleanly(&counters);
        let limit = used_memory(&setting.redis) + 500_000;
        let mut bare = setting.redis.bare();
        redis::cmd("CONFIG").arg("SET").arg("maxmemory").arg(limit).exec(&mut bare).unwrap();

        let first = count_until_full(&counters, 1);
        assert!(first > 100, "{first}");
        let report = sync_cleanly(&counters);
        assert_eq!(i64::try_from(report.applied).unwrap(), first, "{report:?}");
        let second = count_until_full(&counters, first + 1);
        assert!(second > 100, "{second}");
        let _ = sync_cleanly(&counters);

        let everything = (1..=first + second).map(|number| (post(number), "views"));
        let values = counters.get_many(everything).unwrap();
        assert!(values.iter().all(|value| *value == 1));
        assert_eq!(counters.baseline(post(first + second), "views").unwrap(), 1);
        assert_eq!(counters.baseline(post(first + second + 1), "views").unwrap(), 0);
    }
}
