//! A pattern means to this library what it means to the server, which has to find with it what the
//! library then sorts.

use std::cell::{Cell, RefCell};

use counter_core::Pattern;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::Setting;

#[test]
fn patterns_match_as_the_server_matches_them() {
    let setting = RefCell::new(Setting::new());
    let mut runner =
        TestRunner::new(Config { cases: 3000, failure_persistence: None, ..Config::default() });
    let pattern = "[ab*?\\[\\]\\\\^é-]{1,8}|([a-d]|\\*|\\?|\\[\\^?[a-d]-?[a-d]?\\]|\\\\[*?a]){1,6}";
    let texts = prop::collection::btree_set("[a-d*?\\[\\]\\\\^é-]{1,6}", 1..12);
    let matched = Cell::new(0);
    let result = runner.run(&(pattern, texts), |(pattern, texts)| {
        let Ok(parsed) = pattern.parse::<Pattern>() else {
            return Ok(());
        };
        let setting = &mut *setting.borrow_mut();
        let () = setting.run("FLUSHALL");
        let pairs = texts.iter().map(|text| (text, 1)).collect::<Vec<_>>();
        let () = redis::cmd("MSET").arg(pairs).query(&mut setting.bare).unwrap();
        let mut found: Vec<String> =
            redis::cmd("KEYS").arg(&pattern).query(&mut setting.bare).unwrap();
        found.sort();
        let expected: Vec<_> = texts.into_iter().filter(|text| parsed.matches(text)).collect();
        matched.set(matched.get() + expected.len());
        prop_assert_eq!(found, expected, "{:?}", pattern);
        Ok(())
    });
    result.unwrap();
    assert!(matched.get() > 1000, "{matched:?}");
}
