//! The numbers of stores that belong to one process each.

use std::time::{Duration, Instant};

use chrono::{TimeDelta, Utc};
use counter_diesel::Error;
use counter_diesel::ledger::{Ledger, LedgerTransaction, LockWait};
use counter_diesel::store::{ClaimSeq, Generation, HeldNumber, NumberRow, Prefix, StoreNumber};

use super::LedgerWorld;
use crate::suite::Case;

pub(super) const CASES: &[Case<LedgerWorld>] = &[
    ("the row of a number that another has written since is not written", |world| {
        let ledger = &*world.ledger;
        let mut transaction = ledger.begin(LockWait::Usual).unwrap();
        let number = transaction.take_number(7).unwrap().number;
        let locked = transaction.lock_number(number).unwrap().unwrap();
        let (mine, theirs) = (NumberRow { batch: 1, ..locked }, NumberRow { holder: 9, ..locked });
        transaction.write_number(number, locked, mine).unwrap();
        transaction.commit().unwrap();
        for changed in [theirs, NumberRow { batch: 3, ..locked }] {
            let mut transaction = ledger.begin(LockWait::Usual).unwrap();
            assert_eq!(transaction.lock_number(number).unwrap(), Some(mine));
            assert!(transaction.write_number(number, changed, locked).is_err());
            drop(transaction);
        }
        let mut transaction = ledger.begin(LockWait::Usual).unwrap();
        assert_eq!(transaction.lock_number(number).unwrap(), Some(mine));
    }),
    ("a number is held from its commit on, above all that is recorded", |world| {
        let ledger = &*world.ledger;
        let generation = Generation::new("id".to_owned(), String::new(), ClaimSeq::new(40));
        ledger.record(&Prefix::default(), &generation).unwrap();
        let first = take(ledger, 7);
        assert_eq!((first.above, first.shared), (ClaimSeq::new(40), ClaimSeq::new(40)));
        let mut transaction = begin(ledger);
        let row = transaction.lock_number(first.number).unwrap().unwrap();
        assert_eq!(row, NumberRow { holder: 7, ..NumberRow::default() });
        let written = NumberRow { floor: ClaimSeq::new(90), batch: 5, ..row };
        let record = transaction.write_number(first.number, row, written).unwrap();
        assert_eq!(record.newest, ClaimSeq::new(40), "a number is no shared store");
        assert!(record.synced_ago.is_some());
        transaction.commit().unwrap();
        let second = take(ledger, 8);
        assert_ne!(second.number, first.number);
        assert_eq!((second.above, second.shared), (ClaimSeq::new(90), ClaimSeq::new(40)));
    }),
    ("a number that is not committed belongs to no process", |world| {
        let ledger = &*world.ledger;
        let number = begin(ledger).take_number(7).unwrap().number;
        assert_eq!(begin(ledger).lock_number(number).unwrap(), None);
    }),
    ("the next holder of a number finds its floor and its last batch", |world| {
        let ledger = &*world.ledger;
        let held = take(ledger, 7).number;
        write(ledger, held, |row| NumberRow { floor: ClaimSeq::new(90), batch: 5, ..row });
        used_ago(world, held, 7200);
        let taken = take(ledger, 8);
        assert_eq!((taken.number, taken.above), (held, ClaimSeq::new(90)));
        let row = begin(ledger).lock_number(held).unwrap();
        assert_eq!(row, Some(NumberRow { holder: 8, floor: ClaimSeq::new(90), batch: 5 }));
    }),
    ("a number that is in use is not taken while one was never used", |world| {
        let ledger = &*world.ledger;
        let held = (0..20).map(|holder| take(ledger, holder).number).collect::<Vec<_>>();
        let differ = held.iter().enumerate().all(|(i, number)| !held[..i].contains(number));
        assert!(differ, "{held:?}");
    }),
    ("where all numbers are in use the one is taken that was not used for the longest", |world| {
        let ledger = &*world.ledger;
        fill(world, 60);
        let oldest = StoreNumber::new(17).unwrap();
        used_ago(world, oldest, 120);
        assert_eq!(take(ledger, 8).number, oldest);
        // It is used now.
        let next = StoreNumber::new(18).unwrap();
        used_ago(world, next, 100);
        assert_eq!(take(ledger, 9).number, next);
    }),
    ("a number whose row is locked is not waited for", |world| {
        let ledger = &*world.ledger;
        if !has_row_locks(world) {
            return;
        }
        fill(world, 60);
        let oldest = StoreNumber::new(17).unwrap();
        used_ago(world, oldest, 120);
        let mut working = begin(ledger);
        working.lock_number(oldest).unwrap();
        let started = Instant::now();
        let mut transaction = begin(ledger);
        assert!(
            transaction.take_number(8).is_err(),
            "it is tried again, a bounded number of times"
        );
        assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
        drop(transaction);
        working.commit().unwrap();
        assert_eq!(take(ledger, 8).number, oldest);
    }),
    ("the row of a number is waited for as long as a transaction waits for locks", |world| {
        let ledger = &*world.ledger;
        if !has_row_locks(world) {
            return;
        }
        let number = take(ledger, 7).number;
        let mut working = begin(ledger);
        working.lock_number(number).unwrap();
        let error = { ledger.begin(LockWait::Short).unwrap() }.lock_number(number).unwrap_err();
        assert!(matches!(error, Error::Locked { .. }), "{error:?}");
        working.commit().unwrap();
        assert!({ begin(ledger) }.lock_number(number).unwrap().is_some());
    }),
];

fn begin(ledger: &dyn Ledger) -> Box<dyn LedgerTransaction + '_> {
    ledger.begin(LockWait::Usual).unwrap()
}

fn take(ledger: &dyn Ledger, holder: i64) -> HeldNumber {
    let mut transaction = begin(ledger);
    let held = transaction.take_number(holder).unwrap();
    transaction.commit().unwrap();
    held
}

fn write(ledger: &dyn Ledger, number: StoreNumber, change: fn(NumberRow) -> NumberRow) {
    let mut transaction = begin(ledger);
    let row = transaction.lock_number(number).unwrap().unwrap();
    transaction.write_number(number, row, change(row)).unwrap();
    transaction.commit().unwrap();
}

/// A database that is one file locks all of it.
fn has_row_locks(world: &LedgerWorld) -> bool {
    world.database.url().contains("://")
}

/// All numbers were used so many seconds ago.
fn fill(world: &LedgerWorld, seconds: i64) {
    let at = ago(seconds);
    let row = |number: u16| format!("('', 'memory', {}, '{at}', 1)", number + 1);
    let rows = (0..StoreNumber::COUNT).map(row).collect::<Vec<_>>().join(", ");
    let into = "\"model_counters_state\" (\"prefix\", \"store_id\", \"writer\", \"synced_at\", \"holder\")";
    world.database.execute(&format!("INSERT INTO {into} VALUES {rows}")).unwrap();
}

fn used_ago(world: &LedgerWorld, number: StoreNumber, seconds: i64) {
    let (at, writer) = (ago(seconds), number.get() + 1);
    let update = format!(
        "UPDATE \"model_counters_state\" SET \"synced_at\" = '{at}' \
         WHERE \"store_id\" = 'memory' AND \"writer\" = {writer}"
    );
    world.database.execute(&update).unwrap();
}

fn ago(seconds: i64) -> String {
    (Utc::now().naive_utc() - TimeDelta::seconds(seconds)).format("%Y-%m-%d %H:%M:%S").to_string()
}
