//! All or nothing, and what others see of it.

use std::sync::{Arc, Barrier};
use std::thread;

use counter_diesel::Error;
use counter_diesel::error::LedgerStep;
use counter_diesel::ledger::LockWait;
use counter_diesel::store::Baseline;

use super::{LedgerWorld, add, apply, baseline, newer_row, row, row_of, set};
use crate::fixtures::views_of;
use crate::suite::Case;

pub(super) const CASES: &[Case<LedgerWorld>] = &[
    ("a transaction that is dropped leaves nothing", |world| {
        let ledger = &*world.ledger;
        apply(ledger, [add(&views_of(1), 5, 1)]);
        let mut transaction = ledger.begin(LockWait::Usual).unwrap();
        transaction.upsert(&[add(&views_of(1), 6, 1), add(&views_of(2), 6, 1)]).unwrap();
        transaction.update(&set(&views_of(1), 7, 9)).unwrap();
        drop(transaction);
        assert_eq!(row_of(ledger, &views_of(1)), Some(row(1, 5)));
        assert_eq!(row_of(ledger, &views_of(2)), None);
    }),
    ("several upserts of one transaction are kept together", |world| {
        let ledger = &*world.ledger;
        let mut transaction = ledger.begin(LockWait::Usual).unwrap();
        transaction.upsert(&[add(&views_of(1), 5, 1), add(&views_of(2), 5, 1)]).unwrap();
        assert_eq!(transaction.upsert(&[add(&views_of(1), 5, 1)]).unwrap(), []);
        let newer =
            transaction.upsert(&[add(&views_of(1), 4, 1), add(&views_of(3), 5, 1)]).unwrap();
        assert_eq!((newer.len(), newer[0].index), (1, 0));
        assert_eq!(baseline(ledger, &views_of(1)), Baseline::NONE);
        transaction.commit().unwrap();
        let rows = ledger.baselines(&[1, 2, 3].map(views_of)).unwrap();
        assert_eq!(rows, [row(1, 5); 3]);
    }),
    ("a transaction is over after an error and nothing of it is kept", |world| {
        let ledger = &*world.ledger;
        apply(ledger, [set(&views_of(2), 5, i64::MAX)]);
        let mut transaction = ledger.begin(LockWait::Usual).unwrap();
        transaction.upsert(&[add(&views_of(1), 5, 1)]).unwrap();
        let refused = transaction.upsert(&[add(&views_of(2), 6, 1), add(&views_of(3), 6, 1)]);
        let error = refused.unwrap_err();
        let Error::Database { step, .. } = error else { panic!("{error:?}") };
        assert_eq!(step, LedgerStep::Upsert);
        transaction.upsert(&[add(&views_of(4), 6, 1)]).unwrap_err();
        transaction.update(&add(&views_of(2), 6, -1)).unwrap_err();
        transaction.commit().unwrap_err();
        let rows = ledger.baselines(&[1, 2, 3, 4].map(views_of)).unwrap();
        let none = Baseline::NONE;
        assert_eq!(rows, [none, row(i64::MAX, 5), none, none]);
        apply(ledger, [add(&views_of(1), 5, 1)]);
        assert_eq!(row_of(ledger, &views_of(1)), Some(row(1, 5)));
    }),
    ("reads see the latest commit, also on a connection that has read before", |world| {
        let (ours, theirs) = (&*world.ledger, world.database.ledger("model_counters"));
        for seq in 1..=20 {
            apply(&*theirs, [add(&views_of(1), seq, 1)]);
            assert_eq!(baseline(ours, &views_of(1)), row(seq, seq));
            assert_eq!(ours.baselines(&[views_of(2), views_of(1)]).unwrap()[1], row(seq, seq));
            assert_eq!(row_of(ours, &views_of(1)), Some(row(seq, seq)));
        }
    }),
    (
        "a transaction distinguishes what is newer from what others have committed since it began",
        |world| {
            let (ours, theirs) = (&*world.ledger, world.database.ledger("model_counters"));
            apply(ours, [add(&views_of(1), 5, 1)]);
            let mut transaction = ours.begin(LockWait::Usual).unwrap();
            // A look before anything is locked, from which a snapshot would be kept.
            assert_eq!(transaction.upsert(&[]).unwrap(), []);
            apply(&*theirs, [add(&views_of(1), 9, 1), add(&views_of(2), 9, 1)]);
            let newer =
                transaction.upsert(&[add(&views_of(1), 6, 1), add(&views_of(2), 6, 1)]).unwrap();
            assert_eq!(newer, [newer_row(0, 9), newer_row(1, 9)]);
            transaction.commit().unwrap();
            assert_eq!(row_of(ours, &views_of(1)), Some(row(2, 9)));
        },
    ),
    ("claims of many threads for the same rows are all applied once", |world| {
        let start = Arc::new(Barrier::new(4));
        let workers = (0..4).map(|worker| {
            let (ledger, start) = (Arc::clone(&world.ledger), Arc::clone(&start));
            thread::spawn(move || {
                start.wait();
                for _ in 0..10 {
                    let claims = (0..50).map(|n| add(&views_of(n), 5 + worker, 1));
                    apply(&*ledger, claims.collect::<Vec<_>>());
                }
            })
        });
        let workers = workers.collect::<Vec<_>>();
        workers.into_iter().for_each(|worker| worker.join().unwrap());
        let ids = (0..50).map(views_of).collect::<Vec<_>>();
        for found in world.ledger.baselines(&ids).unwrap() {
            // Whichever came first, the newest was applied, and each at most once.
            assert!(found.seq.get() == 8 && (1..=4).contains(&found.count), "{found:?}");
        }
    }),
];
