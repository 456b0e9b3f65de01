//! Redis forgets its scripts.

use std::sync::Arc;

use counter_core::Config;
use counter_tests::faults::{Faults, FaultyStore};
use counter_tests::fixtures::post;
use counter_tests::servers::RedisServer;

use super::setting::{Setting, store_on, sync_cleanly, views};

#[test]
fn a_sync_is_whole_though_the_scripts_are_forgotten_before_each_of_its_steps() {
    for setting in [Setting::with_postgres, Setting::with_mariadb] {
        let setting = setting(RedisServer::start());
        let url = setting.redis.url();
        let faults = Faults::calling(move |_| {
            let mut bare = redis::Client::open(url.as_str()).unwrap().get_connection().unwrap();
            redis::cmd("SCRIPT").arg("FLUSH").exec(&mut bare).unwrap();
        });
        let inner = Arc::new(store_on(&setting.redis).build().unwrap());
        let counters = setting.counters_over(FaultyStore::new(inner, &faults), Config::default());
        for number in 1..=3 {
            counters.increment(post(number), "views", number).unwrap();
        }
        counters.set(post(3), "views", 9).unwrap();
        let _ = sync_cleanly(&counters);
        assert_eq!(views(&counters), [1, 2, 9]);
        assert!(faults.steps() > 5);
    }
}
