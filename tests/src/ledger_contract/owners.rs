//! All owners of a type, page by page, and rows that are removed.

use std::num::NonZeroUsize;
use std::time::Duration;

use counter_diesel::ledger::{LockWait, RowPlace};
use counter_diesel::query::OwnerType;
use counter_diesel::store::{Baseline, ClaimSeq};
use counter_diesel::{CounterId, Owner, OwnerId, ToOwnerId};

use super::{LedgerWorld, add, apply, row, row_of};
use crate::fixtures::{bucket_of, counter_of, post, views_of};
use crate::suite::Case;

pub(super) const CASES: &[Case<LedgerWorld>] = &[
    ("the rows of a type come page by page, each once, and no others", |world| {
        let mut ids = Vec::new();
        for owner in [i64::MIN, -3, 0, 1, 2, 7, i64::MAX] {
            ids.extend(["a", "A", "b:c", "é", "z"].map(|key| counter_of(&post(owner), key)));
        }
        for owner in ["0", "a", "A", "a:b", "é", "6fa459ea-ee8a-3ca4-894e-db77e160355e"] {
            let owner = Owner::new("post", owner).unwrap();
            ids.extend(["a", "z"].map(|key| counter_of(&owner, key)));
        }
        let others = ["poster", "pos", "Post"].map(|other| CounterId::new(other, 1, "a").unwrap());
        let all = ids.iter().chain(&others).map(|id| add(id, 5, 3)).collect::<Vec<_>>();
        apply(&*world.ledger, all);
        ids.sort();
        for limit in [1, 2, 3, 5, 7, 46, 47, 48] {
            let mut found = rows_of_type(world, None, limit);
            assert!(found.iter().all(|(_, found)| *found == row(3, 5)));
            found.sort_by(|(a, _), (b, _)| a.cmp(b));
            assert!(found.iter().map(|(id, _)| id).eq(&ids), "{limit} a page: {found:?}");
        }
    }),
    ("rows are found after a place that is not there any more", |world| {
        let keys = ["a", "b", "c"].map(|key| counter_of(&post(1), key));
        let last = views_of(2);
        apply(
            &*world.ledger,
            keys.iter().chain([&last]).map(|id| add(id, 5, 3)).collect::<Vec<_>>(),
        );
        let place =
            |owner, key: &str| RowPlace { owner: id(owner), key: key.to_owned(), period: None };
        for (after, expected) in [("", 4), ("a", 3), ("aa", 3), ("b", 2), ("x", 1)] {
            let found = rows_of_type(world, Some(place(1, after)), 2);
            assert_eq!(found.len(), expected, "after {after:?}: {found:?}");
        }
        let found = rows_of_type(world, Some(place(2, "z")), 2);
        assert_eq!(found, []);
    }),
    ("the owners of a type come page by page, with the number of their rows", |world| {
        let ids = [(1, "a"), (1, "b"), (2, "a"), (5, "a"), (5, "b"), (5, "c")];
        let ids = ids.map(|(owner, key)| counter_of(&post(owner), key));
        apply(&*world.ledger, ids.map(|id| add(&id, 5, 3)));
        let page = |after: Option<i64>, limit| {
            let after = after.map(id);
            let limit = NonZeroUsize::new(limit).unwrap();
            let found = world.ledger.owners_after(&posts(), after.as_ref(), limit).unwrap();
            assert!(found.iter().all(|owner| owner.idle < Duration::from_secs(600)), "{found:?}");
            found.into_iter().map(|owner| (owner.owner, owner.rows)).collect::<Vec<_>>()
        };
        assert_eq!(page(None, 2), [(id(1), 2), (id(2), 1)]);
        assert_eq!(page(Some(2), 2), [(id(5), 3)]);
        assert_eq!(page(Some(3), 9), [(id(5), 3)]);
        assert_eq!(page(Some(5), 9), []);
    }),
    ("owners that are texts come page by page, beside integers", |world| {
        let mut owners = ["0", "B", "a", "b", "c"].map(|text| text.to_owner_id().unwrap()).to_vec();
        owners.extend([-1, 0, 1].map(id));
        let claims = owners.iter().map(|id| Owner::new("post", id).unwrap());
        let claims = claims.map(|owner| add(&counter_of(&owner, "a"), 5, 3)).collect::<Vec<_>>();
        apply(&*world.ledger, claims);
        owners.sort();
        for limit in [1, 2, 3, 8, 9] {
            let (mut found, mut after) = (Vec::new(), None);
            loop {
                let limit = NonZeroUsize::new(limit).unwrap();
                let page = world.ledger.owners_after(&posts(), after.as_ref(), limit).unwrap();
                found.extend(page.iter().map(|owner| owner.owner.clone()));
                after = page.last().map(|owner| owner.owner.clone());
                if page.len() < limit.get() {
                    break;
                }
            }
            found.sort();
            assert_eq!(found, owners, "{limit} a page");
        }
    }),
    ("many rows are deleted at once, and none that is another's", |world| {
        let ledger = &*world.ledger;
        let mut ids = (0..1_500).map(views_of).collect::<Vec<_>>();
        ids.extend(
            (0..700).map(|id| counter_of(&Owner::new("post", format!("t{id}")).unwrap(), "views")),
        );
        ids.sort();
        let counts = ids.iter().enumerate().map(|(n, id)| add(id, 5, i64::from(n % 3 == 0)));
        apply(ledger, counts.collect::<Vec<_>>());
        let rows = ids.iter().map(|id| (id.clone(), ClaimSeq::new(5))).collect::<Vec<_>>();
        let mut transaction = ledger.begin(LockWait::Usual).unwrap();
        let deleted = transaction.delete_zeros(&rows).unwrap();
        transaction.commit().unwrap();
        let left = ids.iter().step_by(3).map(|id| (id.clone(), row(1, 5))).collect::<Vec<_>>();
        assert_eq!(deleted as usize, ids.len() - left.len());
        let mut found = rows_of_type(world, None, 1_000);
        found.sort_by(|(a, _), (b, _)| a.cmp(b));
        assert_eq!(found, left);
        let mut transaction = ledger.begin(LockWait::Usual).unwrap();
        assert_eq!(transaction.delete_zeros(&[]).unwrap(), 0);
    }),
    ("a row that says both an integer and a text hides no other", |world| {
        let ids = [3, 9].map(views_of);
        apply(&*world.ledger, ids.each_ref().map(|id| add(id, 5, 3)));
        let columns = "\"owner_type\", \"owner_id\", \"owner_key\", \"key\"";
        let both = format!("INSERT INTO model_counters ({columns}) VALUES ('post', 7, 'x', 'a')");
        world.database.execute(&both).unwrap();
        for limit in [1, 2, 3] {
            let found = rows_of_type(world, None, limit);
            assert!(found.iter().map(|(id, _)| id).eq(&ids), "{limit} a page: {found:?}");
        }
        let limit = NonZeroUsize::new(10).unwrap();
        let owners = world.ledger.owners_after(&posts(), None, limit).unwrap();
        assert!(owners.iter().map(|owner| &owner.owner).eq(&[id(3), id(9)]), "{owners:?}");
    }),
    ("owners of both kinds are looked for in a column of any type", |world| {
        const UUID: &str = "6fa459ea-ee8a-3ca4-894e-db77e160355e";
        let asked = [42.to_owner_id(), "42".to_owner_id(), "a".to_owner_id(), UUID.to_owner_id()];
        let asked = asked.map(Result::unwrap);
        let url = world.database.url();
        let digits = UUID.replace('-', "");
        let mut columns = vec![
            ("INTEGER", "42", vec![0, 1]),
            ("SMALLINT", "42", vec![0, 1]),
            ("NUMERIC(20, 0)", "42", vec![0, 1]),
            ("VARCHAR(60)", "'42'", vec![0, 1]),
            ("VARCHAR(60)", "'a'", vec![2]),
            ("TEXT", "'a'", vec![2]),
        ];
        let bytes = format!("x'{digits}'");
        let (text, escaped) = (format!("'{UUID}'"), format!("'\\x{digits}'"));
        if url.starts_with("postgres") {
            columns.extend([("UUID", &*text, vec![3]), ("BYTEA", &*escaped, vec![3])]);
            columns.extend([("CHAR(60)", "'a'", vec![2]), ("CHAR(60)", "'42'", vec![0, 1])]);
            columns.extend([("NAME", "'a'", vec![2]), ("NAME", "'42'", vec![0, 1])]);
        } else if url.starts_with("mysql") {
            columns.extend([("INT(8) ZEROFILL", "42", vec![0, 1]), ("CHAR(60)", "'a'", vec![2])]);
            columns
                .extend([("BIGINT UNSIGNED", "42", vec![0, 1]), ("BINARY(16)", &*bytes, vec![3])]);
            columns
                .extend([("VARBINARY(60)", "'a'", vec![2]), ("VARBINARY(60)", "'42'", vec![0, 1])]);
            columns.extend([("ENUM('a', 'b')", "'a'", vec![2])]);
        } else {
            columns.extend([("BINARY(16)", &*bytes, vec![3]), ("ANYTHING", "'a'", vec![2])]);
        }
        for (kind, value, expected) in columns {
            world.database.execute(&format!("CREATE TABLE things (id {kind})")).unwrap();
            world.database.execute(&format!("INSERT INTO things VALUES ({value})")).unwrap();
            let present = world.ledger.present_owners(&"things".parse().unwrap(), "id", &asked);
            let expected = expected.into_iter().map(|place| asked[place].clone());
            assert!(present.unwrap().into_iter().eq(expected), "{value} in {kind}");
            world.database.execute("DROP TABLE things").unwrap();
        }
    }),
    ("owners are looked for in a table of the application's", |world| {
        let statements = [
            "CREATE TABLE animals (number BIGINT NOT NULL, name VARCHAR(40) NOT NULL)",
            "INSERT INTO animals VALUES (1, '1'), (3, 'three'), (-9, 'nine')",
        ];
        statements.iter().for_each(|statement| world.database.execute(statement).unwrap());
        let table = "animals".parse().unwrap();
        let asked = [3, 2, 1, -9, i64::MAX].map(id);
        let present = world.ledger.present_owners(&table, "number", &asked).unwrap();
        assert_eq!(present, [3, 1, -9].map(id));
        assert_eq!(world.ledger.present_owners(&table, "number", &[]).unwrap(), []);
        let texts = ["nine", "NINE", "-9", "1", "three "].map(|text| text.to_owner_id().unwrap());
        let present = world.ledger.present_owners(&table, "name", &texts).unwrap();
        assert_eq!(present, [&texts[0], &texts[3]].map(Clone::clone));
        let many = (0..2_345).map(id).collect::<Vec<_>>();
        let present = world.ledger.present_owners(&table, "number", &many).unwrap();
        assert_eq!(present, [1, 3].map(id));
        for column in ["missing", "number\"", "number) FROM animals; --"] {
            assert!(world.ledger.present_owners(&table, column, &asked).is_err(), "{column}");
        }
        assert_eq!(world.ledger.present_owners(&table, "number", &asked).unwrap().len(), 3);
    }),
    ("a row is deleted that is 0 and has seen nothing since", |world| {
        let ledger = &*world.ledger;
        let ids = [1, 2, 3, 4].map(views_of);
        apply(ledger, [add(&ids[0], 5, 0), add(&ids[1], 5, 1), add(&ids[2], 6, 0)]);
        let rows = ids.clone().map(|id| (id, ClaimSeq::new(5)));
        let delete = || {
            let mut transaction = ledger.begin(LockWait::Usual).unwrap();
            let deleted = transaction.delete_zeros(&rows).unwrap();
            (transaction, deleted)
        };
        let (transaction, deleted) = delete();
        assert_eq!(deleted, 1);
        drop(transaction);
        assert_eq!(row_of(ledger, &ids[0]), Some(row(0, 5)));
        let (transaction, deleted) = delete();
        transaction.commit().unwrap();
        assert_eq!(deleted, 1);
        let left = ids.map(|id| row_of(ledger, &id));
        assert_eq!(left, [None, Some(row(1, 5)), Some(row(0, 6)), None]);
    }),
    ("owners are found by rows of either table, page by page in one order", |world| {
        let text = |id: &str| Owner::new("post", id).unwrap();
        let day = |owner: &Owner| bucket_of(&counter_of(owner, "views"), "day:2026-11-28");
        let of_totals = [post(-3), text("0"), post(5), post(9)];
        let of_buckets = [post(0), text("0"), text("a"), post(5)];
        let mut ids = of_totals.iter().map(|of| counter_of(of, "views")).collect::<Vec<_>>();
        ids.extend(of_buckets.iter().map(day));
        ids.push(bucket_of(&views_of(5), "year:2026"));
        ids.push(bucket_of(&CounterId::new("Post", 5, "views").unwrap(), "year:2026"));
        apply(&*world.ledger, ids.iter().map(|id| add(id, 5, 1)).collect::<Vec<_>>());
        let expected = [
            (post(-3), 1),
            (post(0), 1),
            (text("0"), 2),
            (text("a"), 1),
            (post(5), 3),
            (post(9), 1),
        ];
        let expected = expected.map(|(owner, rows)| (owner.id().clone(), rows));
        for limit in 1..=7 {
            let limit = NonZeroUsize::new(limit).unwrap();
            let (mut found, mut after) = (Vec::new(), None);
            loop {
                let page = world.ledger.owners_after(&posts(), after.as_ref(), limit).unwrap();
                let is_last = page.len() < limit.get();
                after = page.last().map(|owner| owner.owner.clone());
                found.extend(page.into_iter().map(|found| (found.owner, found.rows)));
                if is_last {
                    break;
                }
            }
            assert_eq!(found, expected, "{limit} a page");
        }
    }),
];

fn id(number: i64) -> OwnerId {
    number.to_owner_id().unwrap()
}

fn posts() -> OwnerType {
    OwnerType::new("post").unwrap()
}

/// All rows of posts after a place, in pages of this size.
fn rows_of_type(
    world: &LedgerWorld,
    mut place: Option<RowPlace>,
    limit: usize,
) -> Vec<(CounterId, Baseline)> {
    let limit = NonZeroUsize::new(limit).unwrap();
    let mut found = Vec::new();
    loop {
        let page = world.ledger.rows_after(&posts(), place.as_ref(), limit).unwrap();
        assert!(page.rows.len() <= limit.get());
        assert!(page.rows.iter().all(|row| row.idle < Duration::from_secs(600)), "{page:?}");
        found.extend(page.rows.into_iter().map(|row| (row.counter, row.row)));
        place = page.next;
        if place.is_none() {
            return found;
        }
    }
}
