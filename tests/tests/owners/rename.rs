use std::ops::ControlFlow;

use counter_diesel::query::OwnerType;
use counter_diesel::{Counters, Error, Owner, SyncOptions};
use counter_tests::suite::Case;
use counter_tests::world::World;

pub(super) const CASES: &[Case<World>] = &[
    ("every counter of a type is moved, in batches", |world| {
        let counters = prepared(world, 1_200);
        let mut batches = 0;
        let merged = counters.rename_owner_type_observed(&old(), &new(), &mut |_| {
            batches += 1;
            ControlFlow::Continue(())
        });
        let merged = merged.unwrap();
        assert!(merged.is_complete(), "{merged:?}");
        assert_eq!((merged.moved, merged.rows_left), (1_200, 599), "{merged:?}");
        assert!(batches > 2, "{batches}");
        assert_renamed(world, &counters, 1_200);
    }),
    ("it is interrupted between two batches, and the same call goes on", |world| {
        let counters = prepared(world, 1_200);
        let mut calls = 0;
        loop {
            calls += 1;
            let mut batches = 0;
            let merged = counters.rename_owner_type_observed(&old(), &new(), &mut |_| {
                batches += 1;
                if batches < calls { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            });
            if !merged.unwrap().interrupted {
                break;
            }
        }
        assert!(calls > 3, "{calls} calls");
        assert!(counters.rename_owner_type(&old(), &new()).unwrap().is_complete());
        assert_renamed(world, &counters, 1_200);
    }),
    ("what old processes count afterwards is moved by the next call", |world| {
        let counters = prepared(world, 3);
        assert!(counters.rename_owner_type(&old(), &new()).unwrap().is_complete());
        counters.increment(owner(&old(), 2), "views", 10).unwrap();
        counters.increment(owner(&old(), 9), "views", 1).unwrap();
        let merged = counters.rename_owner_type(&old(), &new()).unwrap();
        assert_eq!((merged.is_complete(), merged.moved), (true, 2), "{merged:?}");
        assert_eq!(counters.get(owner(&new(), 2), "views").unwrap(), 14);
        assert_eq!(counters.get(owner(&new(), 9), "views").unwrap(), 1);
    }),
    ("owners whose ids are texts are renamed, merged, found and deleted like others", |world| {
        let counters = world.counters();
        let text = |owner_type: &OwnerType, id: &str| {
            Owner::new(owner_type.as_str().to_owned(), id).unwrap()
        };
        for id in ["42", "a:b", "6fa459ea-ee8a-3ca4-894e-db77e160355e"] {
            counters.increment(text(&old(), id), "views", 5).unwrap();
        }
        counters.increment(owner(&old(), 42), "views", 1).unwrap();
        assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
        counters.increment(text(&old(), "a:b"), "views", 2).unwrap();
        let merged = counters.rename_owner_type(&old(), &new()).unwrap();
        assert_eq!((merged.is_complete(), merged.moved), (true, 4), "{merged:?}");
        assert_eq!(counters.get(text(&new(), "42"), "views").unwrap(), 5);
        assert_eq!(counters.get(owner(&new(), 42), "views").unwrap(), 1);
        let merged = counters.merge(text(&new(), "a:b"), owner(&new(), 42)).unwrap();
        assert!(merged.is_complete(), "{merged:?}");
        assert_eq!(counters.get(owner(&new(), 42), "views").unwrap(), 8);
        assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());

        let statements = [
            "CREATE TABLE articles (id VARCHAR(60) NOT NULL)",
            "INSERT INTO articles VALUES ('6fa459ea-ee8a-3ca4-894e-db77e160355e'), ('a:b')",
        ];
        statements.iter().for_each(|statement| world.database.execute(statement).unwrap());
        counters.delete(owner(&new(), 42), "views").unwrap();
        let orphans = counters.orphans_of(&new()).older_than(std::time::Duration::ZERO);
        let found = orphans.delete_in(&"articles".parse().unwrap(), "id").unwrap();
        assert!(found.orphans.iter().eq([&text(&new(), "42")]), "{found:?}");
        // The row of a:b, which was merged, is there still.
        assert_eq!((found.owners, found.deleted), (3, 1));
    }),
    ("a type is not renamed to itself", |world| {
        let error = world.counters().rename_owner_type(&old(), &old()).unwrap_err();
        assert!(matches!(error, Error::Core(_)), "{error:?}");
    }),
];

fn old() -> OwnerType {
    OwnerType::new("blog_post").unwrap()
}

fn new() -> OwnerType {
    OwnerType::new("article").unwrap()
}

fn owner(owner_type: &OwnerType, id: i64) -> Owner {
    Owner::new(owner_type.as_str().to_owned(), id).unwrap()
}

/// Each has its number, twice: half of them in the table, the rest pending. Another type has a name
/// that begins the same.
fn prepared(world: &World, owners: i64) -> Counters {
    let counters = world.counters();
    let increments = (0..owners).map(|id| (owner(&old(), id), "views", id));
    let increments = increments.collect::<Vec<_>>();
    counters.increment_many(increments[..owners as usize / 2].iter().cloned()).unwrap();
    counters.increment(owner(&OwnerType::new("blog_posts").unwrap(), 1), "views", 77).unwrap();
    assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
    counters.increment_many(increments.iter().cloned()).unwrap();
    counters.increment_many(increments[owners as usize / 2..].iter().cloned()).unwrap();
    counters.increment(owner(&old(), 0), "views", 1).unwrap();
    counters
}

fn assert_renamed(world: &World, counters: &Counters, owners: i64) {
    assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
    world.age_rows();
    let merged = counters.rename_owner_type(&old(), &new()).unwrap();
    assert_eq!(
        (merged.moved, merged.rows_left, merged.rows_removed),
        (0, 0, owners as u64 / 2 - 1)
    );
    for (owner_type, factor, first) in [(old(), 0, 0), (new(), 2, 1)] {
        let of_type = (0..owners).map(|id| (owner(&owner_type, id), "views"));
        let values = counters.get_many(of_type).unwrap();
        let expected = (0..owners).map(|id| if id == 0 { first } else { factor * id });
        assert!(values.iter().copied().eq(expected), "{owner_type}: {values:?}");
        let baseline = counters.baseline(owner(&owner_type, 7), "views").unwrap();
        assert_eq!(baseline, if owners > 7 { 7 * factor } else { 0 });
    }
    let limit = std::num::NonZeroUsize::MIN;
    assert_eq!(world.ledger.rows_after(&old(), None, limit).unwrap().rows, []);
    let other = owner(&OwnerType::new("blog_posts").unwrap(), 1);
    assert_eq!(counters.get(&other, "views").unwrap(), 77);
}
