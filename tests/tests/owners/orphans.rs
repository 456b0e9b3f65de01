use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use counter_diesel::query::OwnerType;
use counter_diesel::sync::Orphaned;
use counter_diesel::{Config, Counters, Error, HasCounters, Owner, OwnerId, SyncOptions};
use counter_tests::faults::Faults;
use counter_tests::fixtures::{counter_of, post};
use counter_tests::suite::Case;
use counter_tests::world::World;

pub(super) const CASES: &[Case<World>] = &[
    ("owners whose rows are gone are found and deleted, and no others", |world| {
        let counters = prepared(world);
        let found = search(&counters).find_in(&"posts".parse().unwrap(), "id").unwrap();
        assert_eq!((found.owners, found.orphans.count(), found.rows), (5, 2, 3), "{found:?}");
        assert!(found.orphans.iter().eq([&post(2), &post(4)]), "{found:?}");
        assert_eq!((found.deleted, found.young), (0, 0));
        assert_eq!(counters.get(post(2), "views").unwrap(), 2);

        counters.increment(post(4), "pending", 1).unwrap();
        let deleted = search(&counters).delete_in(&"posts".parse().unwrap(), "id").unwrap();
        assert_eq!((deleted.orphans.count(), deleted.deleted), (2, 4), "{deleted:?}");
        for id in [2, 4] {
            assert_eq!(world.ledger.rows_of(&post(id)).unwrap(), []);
        }
        for id in [1, 3, 5] {
            assert_eq!(counters.get(post(id), "views").unwrap(), id);
        }
        let found = search(&counters).find_in(&"posts".parse().unwrap(), "id").unwrap();
        assert_eq!((found.owners, found.orphans.count()), (3, 0), "{found:?}");
    }),
    (
        "owners that are texts are found in a column of texts, and UUIDs in what holds them",
        |world| {
            const UUIDS: [&str; 3] = [
                "6fa459ea-ee8a-3ca4-894e-db77e160355e",
                "6fa459ea-ee8a-3ca4-894e-db77e160355f",
                "00000000-0000-0000-0000-000000000000",
            ];
            let counters = world.counters();
            let text = |id: &str| Owner::new("post", id).unwrap();
            let owners = UUIDS.into_iter().chain(["a", "A", "42"]).map(text).collect::<Vec<_>>();
            counters.increment_many(owners.iter().map(|owner| (owner, "views", 1))).unwrap();
            assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
            let kind =
                if world.database.url().starts_with("postgres") { "UUID" } else { "VARBINARY(16)" };
            world.database.execute("CREATE TABLE texts (id VARCHAR(100))").unwrap();
            world.database.execute(&format!("CREATE TABLE uuids (id {kind})")).unwrap();
            for uuid in &UUIDS[..2] {
                let digits = uuid.replace('-', "");
                let value =
                    if kind == "UUID" { format!("'{uuid}'") } else { format!("x'{digits}'") };
                world.database.execute(&format!("INSERT INTO uuids VALUES ({value})")).unwrap();
            }
            let ids = format!("INSERT INTO texts VALUES ('a'), ('42'), ('{}')", UUIDS[0]);
            world.database.execute(&ids).unwrap();
            let found_in = |table: &str| {
                let found = search(&counters).find_in(&table.parse().unwrap(), "id").unwrap();
                found.orphans.iter().map(ToString::to_string).collect::<Vec<_>>()
            };
            let [_, second, none] = UUIDS.map(|uuid| format!("post:{uuid}"));
            assert_eq!(found_in("uuids"), [&*none, "post:%342", "post:A", "post:a"]);
            assert_eq!(found_in("texts"), [&*none, &*second, "post:A"]);
            let deleted = search(&counters).delete_in(&"uuids".parse().unwrap(), "id").unwrap();
            assert_eq!(deleted.deleted, 4, "{deleted:?}");
            for (owner, left) in owners.iter().zip([1, 1, 0, 0, 0, 0]) {
                assert_eq!(counters.get(owner, "views").unwrap(), left, "{owner}");
            }
        },
    ),
    ("one that cannot be deleted is named, and the others are deleted", |world| {
        if world.store.generation().is_none() {
            return; // Nothing but counts gets into the memory of a process.
        }
        let counters = prepared(world);
        super::merge::put(world, &counter_of(&post(2), "m"), "text");
        let found = search(&counters).delete_in(&"posts".parse().unwrap(), "id").unwrap();
        let failed = found.failed.iter().map(|failed| &failed.owner).collect::<Vec<_>>();
        assert_eq!((failed, found.orphans.count(), found.deleted), (vec![&post(2)], 2, 3));
        assert!(format!("{found:?}").contains("text"), "{found:?}");
        for id in [2, 4] {
            assert_eq!(world.ledger.rows_of(&post(id)).unwrap(), []);
        }
    }),
    ("an owner that is there again is not deleted", |world| {
        let counters = prepared(world);
        let mut asked = 0;
        let present = |_: &[OwnerId]| {
            asked += 1;
            // Before anything, when they are found, and just before the deletion.
            Ok(if asked < 3 { vec![1_i64, 3, 5] } else { vec![2_i64] })
        };
        let orphans = counters.orphans::<Post>().older_than(Duration::ZERO);
        let found = orphans.delete(present).unwrap();
        assert!(found.orphans.iter().eq([&post(4)]), "{found:?}");
        assert_eq!((asked, found.rows, found.deleted), (3, 2, 2));
        assert_eq!(counters.get(post(2), "views").unwrap(), 2);
    }),
    ("an owner that changed since it was found is left alone", |world| {
        let counters = prepared(world);
        let ages = "UPDATE model_counters SET updated_at = '2020-01-01 00:00:00'";
        world.database.execute(ages).unwrap();
        let mut asked = 0;
        let present = |_: &[OwnerId]| {
            asked += 1;
            if asked == 3 {
                // Just before the deletion.
                counters.increment(post(2), "views", 1).unwrap();
                assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
            }
            Ok(vec![1_i64, 3, 5])
        };
        let found = counters.orphans::<Post>().delete(present).unwrap();
        assert!(found.orphans.iter().eq([&post(4)]), "{found:?}");
        assert_eq!((found.young, found.deleted), (1, 2), "{found:?}");
        assert_eq!(counters.get(post(2), "views").unwrap(), 3);
    }),
    (
        "the names in the store are gone through once for all, and the observer is asked often",
        |world| {
            let counters = prepared(world);
            let increments = (100..220).map(|id| (post(id), "views", 1));
            counters.increment_many(increments).unwrap();
            assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
            counters.increment_many((100..220).map(|id| (post(id), "pending", 1))).unwrap();
            let table = "posts".parse().unwrap();
            let scans_of = |stops_after: usize| {
                let scans = Arc::new(AtomicUsize::new(0));
                let counted = Arc::clone(&scans);
                let faults = Faults::calling(move |step| {
                    counted.fetch_add(usize::from(step == "scan"), Ordering::Relaxed);
                });
                let mut config = Config::default();
                config.prefix = world.prefix.clone();
                let process = world.counters_behind(&faults, config);
                let mut calls = 0;
                let mut observer = |_: &Orphaned| {
                    calls += 1;
                    if calls < stops_after {
                        ControlFlow::Continue(())
                    } else {
                        ControlFlow::Break(())
                    }
                };
                let search = search(&process).observed(&mut observer);
                (search.delete_in(&table, "id").unwrap(), scans.load(Ordering::Relaxed))
            };
            let (found, once) = scans_of(1);
            assert!(found.interrupted, "{found:?}");
            assert_eq!((found.orphans.count(), found.deleted), (10, 3 + 2 * 8), "{found:?}");
            let (found, scans) = scans_of(100);
            assert_eq!((found.interrupted, found.orphans.count()), (false, 112));
            // What others keep in the same Redis makes more or fewer pages.
            assert!(world.store.private().is_none() || scans == once, "{scans}, not {once}");
            assert_eq!(found.deleted, 2 * 112);
            let found = search(&counters).find_in(&table, "id").unwrap();
            assert_eq!((found.owners, found.orphans.count()), (3, 0), "{found:?}");
        },
    ),
    ("the application says who is there", |world| {
        let counters = prepared(world);
        let present = |ids: &[OwnerId]| {
            assert!(matches!(ids.len(), 5 | 3), "all, and then those that are gone");
            Ok(vec![5_i64, 2])
        };
        let orphans = counters.orphans::<Post>().older_than(Duration::ZERO);
        let found = orphans.delete(present).unwrap();
        assert!(found.orphans.iter().eq([&post(1), &post(3), &post(4)]), "{found:?}");
        assert_eq!(found.deleted, 4);
        let failing = |_: &[OwnerId]| Err::<Vec<i64>, _>(diesel::result::Error::NotFound);
        counters.orphans::<Post>().find(failing).unwrap_err();
    }),
    ("owners that changed within an hour are left alone", |world| {
        let counters = prepared(world);
        let table = "posts".parse().unwrap();
        let found = counters.orphans::<Post>().delete_in(&table, "id").unwrap();
        assert_eq!((found.young, found.orphans.count(), found.deleted), (2, 0, 0), "{found:?}");
        let day = "UPDATE model_counters SET updated_at = '2020-01-01 00:00:00' WHERE owner_id = 4";
        world.database.execute(day).unwrap();
        let found = counters.orphans::<Post>().find_in(&table, "id").unwrap();
        assert_eq!((found.young, found.orphans.count()), (1, 1), "{found:?}");
    }),
    ("where none is there nothing is deleted, unless the caller says that all are gone", |world| {
        let counters = prepared(world);
        world.database.execute("CREATE TABLE wrong (id BIGINT NOT NULL PRIMARY KEY)").unwrap();
        world.database.execute("INSERT INTO wrong VALUES (6)").unwrap();
        let wrong = "wrong".parse().unwrap();
        let found = search(&counters).find_in(&wrong, "id").unwrap();
        assert_eq!((found.owners, found.orphans.count()), (5, 5), "{found:?}");
        let error = search(&counters).delete_in(&wrong, "id").unwrap_err();
        assert!(matches!(error, Error::AllGone { owners: 5, .. }), "{error:?}");
        assert_eq!(counters.get(post(4), "views").unwrap(), 4);
        let none = counters.orphans_of(&OwnerType::new("none").unwrap());
        assert_eq!(none.delete_in(&wrong, "id").unwrap().owners, 0);
        let all = search(&counters).even_if_all_are_gone().delete_in(&wrong, "id").unwrap();
        assert_eq!(all.deleted, 6, "{all:?}");
    }),
    ("more than a batch is looked through", |world| {
        let counters = prepared(world);
        let increments = (100..2_600).map(|id| (post(id), "views", 1));
        counters.increment_many(increments).unwrap();
        assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
        let found = search(&counters).find_in(&"posts".parse().unwrap(), "id").unwrap();
        assert_eq!((found.owners, found.orphans.count(), found.rows), (2_505, 2_502, 2_503));
        assert_eq!(found.orphans.iter().len(), 100);
    }),
];

#[derive(HasCounters)]
#[counters(keys(views))]
struct Post {
    id: i64,
}

fn search(counters: &Counters) -> counter_diesel::Orphans<'_> {
    counters.orphans_of(&OwnerType::new("post").unwrap()).older_than(Duration::ZERO)
}

/// Five posts have counters, three of them are there, and so is another owner that is none of them.
fn prepared(world: &World) -> Counters {
    let _ = Post { id: 1 }.id;
    let counters = world.counters();
    world.database.execute("CREATE TABLE posts (id BIGINT NOT NULL PRIMARY KEY)").unwrap();
    world.database.execute("INSERT INTO posts VALUES (1), (3), (5), (6)").unwrap();
    for id in 1..=5 {
        counters.increment(post(id), "views", id).unwrap();
    }
    counters.increment(post(4), "likes", 1).unwrap();
    counters.increment(Owner::new("poster", 2).unwrap(), "views", 1).unwrap();
    assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
    counters
}
