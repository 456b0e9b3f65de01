//! What an application hands over as a name.

use counter_core::{Config, Error as CoreError, InputKind};
use counter_diesel::Error;
use counter_tests::fixtures::post;
use counter_tests::suite::Case;
use counter_tests::world::World;

use super::refused::refused;
use super::{dump, redis};

pub(super) const CASES: &[Case<World>] =
    &[("a key that is none is refused by every method, and nothing is counted", |world| {
        let counters = world.counters_with(Config::default());
        counters.increment(post(1), "views", 1).unwrap();
        let before = dump(&mut redis(), &world.prefix);
        for (_, key) in refused().iter().filter(|(kind, _)| *kind == InputKind::CounterKey) {
            let key = key.as_str();
            assert_invalid(key, counters.increment(post(1), key, 1));
            assert_invalid(key, counters.decrement(post(1), key, 1));
            assert_invalid(key, counters.set(post(1), key, 1));
            assert_invalid(key, counters.delete(post(1), key));
            assert_invalid(key, counters.get(post(1), key));
            assert_invalid(key, counters.baseline(post(1), key));
            assert_invalid(key, counters.pending(post(1), key));
            assert_invalid(key, counters.get_many([(post(1), "views"), (post(1), key)]));
            let increments = [(post(1), "views", 1), (post(1), key, 1)];
            assert_invalid(key, counters.increment_many(increments));
        }
        assert_eq!(dump(&mut redis(), &world.prefix), before);
        assert_eq!(counters.get(post(1), "views").unwrap(), 1);
    })];

fn assert_invalid<T>(text: &str, outcome: Result<T, Error>) {
    let error = outcome.map(drop).unwrap_err();
    assert!(matches!(error, Error::Core(CoreError::Invalid(_))), "{text:?}: {error:?}");
}
