//! Owners whose counters are in several slots.

use counter_diesel::Error;
use counter_diesel::error::BuildProblem;
use counter_diesel::query::OwnerType;
use counter_tests::fixtures::post;

use super::copies::{COUNTERS, World, assert_all, increment_all, sync};

/// No step changes counters of two slots at one instant.
#[test]
fn where_counters_are_in_all_slots_owners_are_deleted_and_not_merged() {
    let world = World::new();
    let counters = world.process();
    increment_all(&counters);
    assert!(sync(&counters).is_clean());
    increment_all(&counters);
    let [old, new] = ["post", "page"].map(|name| OwnerType::new(name).unwrap());
    let refused = [
        counters.merge(post(1), post(2)).unwrap_err(),
        counters.rename_owner_type(&old, &new).unwrap_err(),
    ];
    for error in refused {
        assert!(matches!(error, Error::Build(BuildProblem::StoreMovesNothing)), "{error:?}");
        assert!(error.to_string().contains("a tag in its prefix"), "{error}");
    }
    assert_eq!(counters.delete_all(post(1)).unwrap(), 1);
    assert!(sync(&counters).is_clean());
    assert_all(&counters, &[1], 0);
    assert_all(&counters, &(2..=COUNTERS).collect::<Vec<_>>(), 10);
}
