//! Migrations, other tables, and what is known of the store.

use std::sync::{Arc, Barrier};
use std::thread;

use counter_diesel::ledger::{Ledger, LedgerState, LedgerTransaction, LockWait, LockedRecord};
use counter_diesel::store::{ClaimSeq, Generation, NotedRow, Prefix};
use counter_diesel::{CounterKey, Error};

use super::{LedgerWorld, add, apply, baseline, row};
use crate::fixtures::{post, views_of};
use crate::suite::Case;

pub(super) const CASES: &[Case<LedgerWorld>] = &[
    ("migrations run once", |world| {
        let fresh = world.database.ledger("hits");
        let pending = fresh.pending_migrations().unwrap();
        assert!(!pending.is_empty());
        assert_eq!(fresh.pending_migrations().unwrap(), pending, "asking changed something");
        assert_eq!(fresh.run_pending_migrations().unwrap(), pending);
        assert_eq!(fresh.pending_migrations().unwrap(), [""; 0]);
        assert_eq!(fresh.run_pending_migrations().unwrap(), [""; 0]);
        let other = world.database.ledger("hits");
        assert_eq!(other.run_pending_migrations().unwrap(), [""; 0]);
    }),
    ("processes that migrate at once all succeed, and one of them does it", |world| {
        for round in 0..5 {
            let table = format!("hits_{round}");
            let ledgers = (0..8).map(|_| world.database.ledger(&table));
            let ledgers = ledgers.collect::<Vec<_>>();
            let start = Arc::new(Barrier::new(ledgers.len()));
            let threads = ledgers.into_iter().map(|ledger| {
                let start = Arc::clone(&start);
                thread::spawn(move || {
                    start.wait();
                    ledger.run_pending_migrations().unwrap().len()
                })
            });
            let threads = threads.collect::<Vec<_>>();
            let run = threads.into_iter().map(|thread| thread.join().unwrap());
            let mut run = run.collect::<Vec<_>>();
            run.sort_unstable();
            assert!(run[7] > 0);
            assert_eq!(run[..7], [0; 7]);
            apply(&*world.database.ledger(&table), [add(&views_of(1), 5, 1)]);
        }
    }),
    ("a migration that is refused leaves what was there and says its name", |world| {
        world.database.execute("CREATE TABLE \"hits\" (\"count\" INTEGER)").unwrap();
        let ledger = world.database.ledger("hits");
        for _ in 0..2 {
            let error = ledger.run_pending_migrations().unwrap_err();
            assert!(
                matches!(error, Error::Migration { name, .. } if name.contains("create_model_counters")),
                "{error:?}"
            );
        }
        world.database.execute("DROP TABLE \"hits\"").unwrap();
        assert!(!ledger.run_pending_migrations().unwrap().is_empty());
        apply(&*ledger, [add(&views_of(1), 5, 1)]);
    }),
    ("tables of other names hold other counters", |world| {
        let schema = world.database.other_schema();
        let names = ["hits", "Hits2", "select", &format!("{schema}.page_hits")];
        let ledgers = names.map(|name| world.database.ledger(name));
        for (ledger, n) in ledgers.iter().zip(1..) {
            ledger.run_pending_migrations().unwrap();
            apply(&**ledger, [add(&views_of(1), 5, n)]);
            apply(&**ledger, [add(&views_of(1), 6, n)]);
        }
        for (ledger, n) in ledgers.iter().zip(1..) {
            assert_eq!(baseline(&**ledger, &views_of(1)), row(2 * n, 6));
            assert_eq!(ledger.baselines(&[views_of(2), views_of(1)]).unwrap()[1], row(2 * n, 6));
        }
        assert_eq!(baseline(&*world.ledger, &views_of(1)), row(0, 0));
    }),
    ("what is missing is said by name, whatever is asked", |world| {
        let ledger = world.database.ledger("nowhere");
        assert_not_migrated(&*ledger);
        let in_schema = world.database.ledger("no_such_schema.nowhere");
        assert_not_migrated(&*in_schema);
        world.database.execute("DROP TABLE \"model_counters_state\"").unwrap();
        let prefix = Prefix::default();
        let error = world.ledger.state(&prefix).unwrap_err();
        assert!(matches!(error, Error::NotMigrated { .. }), "{error:?}");
    }),
    ("the database has an id of its own, and remembers stores by prefix", |world| {
        let ledger = &*world.ledger;
        let (prefix, other) = (Prefix::default(), "other:".parse::<Prefix>().unwrap());
        let fresh = ledger.state(&prefix).unwrap();
        assert!(fresh.database.len() >= 32 && fresh.recorded.is_none(), "{fresh:?}");
        let second = world.database.ledger("hits");
        second.run_pending_migrations().unwrap();
        assert_ne!(second.state(&prefix).unwrap().database, fresh.database);
        for seq in [7, i64::MAX, 3] {
            let generation = generation(&format!("store-{seq}"), seq);
            ledger.record(&prefix, &generation).unwrap();
            let state = ledger.state(&prefix).unwrap();
            let recorded = state.recorded.unwrap();
            assert_eq!(state.database, fresh.database);
            assert_eq!(recorded.store_id, format!("store-{seq}"));
            assert_eq!(recorded.seq, ClaimSeq::new(seq));
        }
        assert!(ledger.state(&other).unwrap().recorded.is_none());
        ledger.record(&other, &generation("b", 1)).unwrap();
        assert_eq!(ledger.state(&prefix).unwrap().recorded.unwrap().store_id, "store-3");
    }),
    ("the sequence of one generation never goes back", |world| {
        let prefix = Prefix::default();
        let recorded = |store, seq| {
            world.ledger.record(&prefix, &generation(store, seq)).unwrap();
            world.ledger.state(&prefix).unwrap().recorded.unwrap().seq.get()
        };
        assert_eq!(recorded("one", 200), 200);
        assert_eq!(recorded("one", 100), 200, "two passes ended the other way round");
        assert_eq!(recorded("other", 50), 50);
    }),
    ("transactions at the same time record what they know, and none waits for another", |world| {
        let (prefix, other) = (Prefix::default(), "other:".parse::<Prefix>().unwrap());
        let begin = || world.ledger.begin(LockWait::Usual).unwrap();
        // Of a store's first transactions two can make the same row, and then one waits.
        let mut only = begin();
        record(&mut *only, &prefix, "one", 0);
        only.commit().unwrap();
        let mut first = begin();
        assert_eq!(record(&mut *first, &prefix, "one", 5), [5]);
        if world.database.url().contains("://") {
            let mut second = begin();
            assert_eq!(record(&mut *second, &prefix, "one", 6), [6]);
            first.commit().unwrap();
            assert_eq!(record(&mut *begin(), &prefix, "one", 2), [2, 5], "the second is not over");
            second.commit().unwrap();
        } else {
            first.commit().unwrap();
            let mut second = begin();
            assert_eq!(record(&mut *second, &prefix, "one", 6), [5, 6]);
            second.commit().unwrap();
        }
        let newest = |recorded: Vec<i64>| recorded.into_iter().max();
        assert_eq!(newest(record(&mut *begin(), &prefix, "one", 1)), Some(6));
        assert_eq!(record(&mut *begin(), &prefix, "two", 1), [1]);
        assert_eq!(record(&mut *begin(), &other, "one", 1), [1]);
    }),
    ("what transactions recorded is known of each store, and passes of the last one", |world| {
        let (prefix, other) = (Prefix::default(), "other:".parse::<Prefix>().unwrap());
        for (store, seq) in [("one", 5), ("two", 9)] {
            let mut transaction = world.ledger.begin(LockWait::Usual).unwrap();
            record(&mut *transaction, &prefix, store, seq);
            transaction.commit().unwrap();
        }
        let state = world.ledger.state(&prefix).unwrap();
        let last = state.recorded.as_ref().map(|last| (last.store_id.as_str(), last.synced_at));
        assert_eq!(last, Some(("two", None)), "no pass has ended");
        assert_eq!(sequences(&state, "one"), [5]);
        assert_eq!(sequences(&state, "two"), [9]);
        world.ledger.record(&prefix, &generation("one", 3)).unwrap();
        let state = world.ledger.state(&prefix).unwrap();
        assert_eq!(sequences(&state, "one"), [3, 5]);
        let recorded = state.recorded.unwrap();
        assert_eq!((recorded.store_id.as_str(), recorded.seq.get()), ("one", 5));
        let elsewhere = world.ledger.state(&other).unwrap();
        assert_eq!((elsewhere.stores.len(), elsewhere.newest.get()), (0, 9));
    }),
    ("a row keeps its marks, and another transaction finds them", |world| {
        let prefix = Prefix::default();
        let begin = || world.ledger.begin(LockWait::Usual).unwrap();
        for number in 1..=3 {
            let mut transaction = begin();
            record(&mut *transaction, &prefix, "one", number);
            transaction.commit().unwrap();
            world.ledger.record(&prefix, &generation("one", 9)).unwrap();
            let row = begin().lock_record(&prefix, "one").unwrap().row;
            assert_eq!((row.seq.get(), row.marks.number()), (number, number));
            let state = world.ledger.state(&prefix).unwrap();
            let kept = state.stores.iter().find(|kept| kept.writer == row.writer).unwrap();
            assert_eq!((kept.writer > 0, &kept.marks), (true, &row.marks));
        }
        begin().lock_record(&prefix, "one").unwrap();
        assert_eq!(begin().lock_record(&prefix, "one").unwrap().row.marks.number(), 3);
    }),
    ("an adopted database has marks that no copy has, for what the store has noted too", |world| {
        let prefix = Prefix::default();
        let begin = || world.ledger.begin(LockWait::Usual).unwrap();
        let mut transaction = begin();
        record(&mut *transaction, &prefix, "one", 5);
        transaction.commit().unwrap();
        let before = { begin() }.lock_record(&prefix, "one").unwrap().row;
        let marks = before.marks.after(None, 1).after(None, 2);
        let (writer, seq) = (before.writer % 64 + 1, ClaimSeq::new(9));
        let elsewhere = NotedRow { writer, seq, marks, ..NotedRow::default() };
        let noted = [before.clone(), elsewhere.clone()];
        let adopted = world.ledger.adopt(&prefix, "one", &noted).unwrap();
        let of = |writer| adopted.iter().find(|row| row.writer == writer).unwrap();
        assert_eq!((adopted.len(), of(before.writer).marks.number()), (3, 2));
        assert_eq!(of(NotedRow::DECISIONS).marks.number(), 1);
        assert_eq!(of(elsewhere.writer).marks.number(), 4);
        let state = world.ledger.state(&prefix).unwrap();
        let kept = |writer| state.stores.iter().find(|kept| kept.writer == writer).unwrap();
        assert!(adopted.iter().all(|row| kept(row.writer).marks == row.marks), "{state:?}");
        assert_eq!(state.identity_for("one"), None, "no pass over it has ended");
        let known = { begin() }.lock_record(&prefix, "one").unwrap();
        assert!(
            known.row.writer > 0 && known.decision == of(NotedRow::DECISIONS).marks,
            "{known:?}"
        );
        let again = world.ledger.adopt(&prefix, "one", &adopted).unwrap();
        let decisions = again.iter().find(|row| row.writer == NotedRow::DECISIONS).unwrap();
        assert_eq!((again.len(), decisions.marks.number()), (3, 2));
    }),
    ("prefixes differ if a byte does", |world| {
        let prefixes = ["app:", "App:", "äpp:", "app :", "'app':"];
        let prefixes = prefixes.map(|prefix| prefix.parse::<Prefix>().unwrap());
        for prefix in &prefixes {
            world.ledger.record(prefix, &generation(prefix.as_str(), 1)).unwrap();
        }
        for prefix in &prefixes {
            let recorded = world.ledger.state(prefix).unwrap().recorded.unwrap();
            assert_eq!(recorded.store_id, prefix.as_str());
        }
    }),
    ("times are in UTC and go on", |world| {
        let now = || chrono::Utc::now().naive_utc();
        // SQLite keeps whole seconds.
        let before = now() - chrono::TimeDelta::seconds(1);
        world.ledger.record(&Prefix::default(), &generation("a", 1)).unwrap();
        let state = world.ledger.state(&Prefix::default()).unwrap();
        let at = state.recorded.unwrap().synced_at.unwrap();
        assert!(before <= at && at <= now(), "{at}");
    }),
];

fn generation(store_id: &str, seq: i64) -> Generation {
    let (store_id, high_water) = (store_id.to_owned(), ClaimSeq::new(seq));
    Generation::new(store_id, String::new(), high_water)
}

fn record(
    transaction: &mut dyn LedgerTransaction,
    prefix: &Prefix,
    store_id: &str,
    seq: i64,
) -> Vec<i64> {
    let LockedRecord { mut row, recorded, .. } = transaction.lock_record(prefix, store_id).unwrap();
    (row.seq, row.marks) = (ClaimSeq::new(seq), row.marks.after(None, 7));
    transaction.record(prefix, store_id, &row).unwrap();
    let mut recorded = recorded.into_iter().map(ClaimSeq::get).collect::<Vec<_>>();
    recorded.push(seq);
    recorded.sort_unstable();
    recorded
}

fn sequences(state: &LedgerState, store_id: &str) -> Vec<i64> {
    let mut sequences = state.sequences_of(store_id).map(ClaimSeq::get).collect::<Vec<_>>();
    sequences.sort_unstable();
    sequences
}

fn assert_not_migrated(ledger: &dyn Ledger) {
    let (id, prefix) = (views_of(1), Prefix::default());
    let both = [views_of(1), views_of(2)];
    let owner = post(1);
    let errors = [
        ledger.baselines(std::slice::from_ref(&id)).unwrap_err(),
        ledger.baselines(&both).unwrap_err(),
        ledger.rows_of(&owner).unwrap_err(),
        ledger.top(owner.owner_type(), &CounterKey::from_static("views"), None, 1).unwrap_err(),
        ledger.begin(LockWait::Usual).unwrap().upsert(&[add(&id, 5, 1)]).unwrap_err(),
        ledger.begin(LockWait::Usual).unwrap().update(&add(&id, 5, 1)).unwrap_err(),
        ledger.begin(LockWait::Usual).unwrap().lock_record(&prefix, "a").unwrap_err(),
        ledger.state(&prefix).unwrap_err(),
        ledger.record(&prefix, &generation("a", 1)).unwrap_err(),
    ];
    for error in errors {
        let Error::NotMigrated { table, .. } = &error else { panic!("{error:?}") };
        assert!(table.ends_with("nowhere"), "{table}");
    }
}
