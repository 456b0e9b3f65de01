//! The effect of a claim on a row.

use counter_diesel::CounterId;
use counter_diesel::ledger::{LockWait, UpdateOutcome};
use counter_diesel::store::{Baseline, ClaimOp, ClaimSeq};

use super::{LedgerWorld, add, apply, baseline, claim, delete, newer_row, row, row_of, set};
use crate::fixtures::views_of;
use crate::suite::Case;

pub(super) const CASES: &[Case<LedgerWorld>] = &[
    ("add makes a row and adds to it", |world| {
        let ledger = &*world.ledger;
        assert_eq!(apply(ledger, [add(&views_of(1), 5, 3)]), []);
        assert_eq!(row_of(ledger, &views_of(1)), Some(row(3, 5)));
        assert_eq!(apply(ledger, [add(&views_of(1), 6, -10)]), []);
        assert_eq!(row_of(ledger, &views_of(1)), Some(row(-7, 6)));
    }),
    ("set makes a row and replaces it", |world| {
        let ledger = &*world.ledger;
        assert_eq!(apply(ledger, [set(&views_of(1), 5, 3)]), []);
        assert_eq!(row_of(ledger, &views_of(1)), Some(row(3, 5)));
        assert_eq!(apply(ledger, [set(&views_of(1), 6, -10)]), []);
        assert_eq!(row_of(ledger, &views_of(1)), Some(row(-10, 6)));
        assert_eq!(apply(ledger, [set(&views_of(1), 7, -10)]), []);
        assert_eq!(row_of(ledger, &views_of(1)), Some(row(-10, 7)));
    }),
    ("delete leaves no row where there was one, and none where there was none", |world| {
        let ledger = &*world.ledger;
        apply(ledger, [add(&views_of(1), 5, 3)]);
        assert_eq!(apply(ledger, [delete(&views_of(1), 6), delete(&views_of(2), 7)]), []);
        assert_eq!(row_of(ledger, &views_of(1)), None);
        assert_eq!(row_of(ledger, &views_of(2)), None);
        assert_eq!(baseline(ledger, &views_of(1)), Baseline::NONE);
    }),
    ("a claim that the row has seen changes nothing and is not newer", |world| {
        let ledger = &*world.ledger;
        apply(ledger, [add(&views_of(1), 5, 3), set(&views_of(2), 5, 3)]);
        let again = [add(&views_of(1), 5, 3), set(&views_of(2), 5, 4)];
        assert_eq!(apply(ledger, again), []);
        assert_eq!(row_of(ledger, &views_of(1)), Some(row(3, 5)));
        assert_eq!(row_of(ledger, &views_of(2)), Some(row(3, 5)));
    }),
    ("a claim older than the row changes nothing, and the row's sequence is returned", |world| {
        let ledger = &*world.ledger;
        let ids = [1, 2, 3, 4].map(views_of);
        apply(ledger, ids.clone().map(|id| add(&id, 5, 3)));
        let later =
            [add(&ids[0], 4, 1), set(&ids[1], 6, 1), set(&ids[2], 3, 1), delete(&ids[3], 2)];
        let newer = |index| newer_row(index, 5);
        assert_eq!(apply(ledger, later), [newer(0), newer(2), newer(3)]);
        let rows = ids.map(|id| row_of(ledger, &id).unwrap());
        assert_eq!(rows, [row(3, 5), row(1, 6), row(3, 5), row(3, 5)]);
    }),
    ("update changes a row under the guard and never makes one", |world| {
        let ledger = &*world.ledger;
        apply(ledger, [add(&views_of(1), 5, 3), add(&views_of(2), 5, 3)]);
        let update = |claim| {
            let mut transaction = ledger.begin(LockWait::Usual).unwrap();
            let updated = transaction.update(&claim).unwrap();
            transaction.commit().unwrap();
            updated
        };
        assert_eq!(update(add(&views_of(1), 5, 3)), UpdateOutcome::AlreadyApplied);
        assert_eq!(update(set(&views_of(1), 4, 3)), UpdateOutcome::AlreadyApplied);
        assert_eq!(update(delete(&views_of(1), 4)), UpdateOutcome::AlreadyApplied);
        assert_eq!(row_of(ledger, &views_of(1)), Some(row(3, 5)));
        assert_eq!(update(add(&views_of(1), 6, 0)), UpdateOutcome::Applied);
        assert_eq!(row_of(ledger, &views_of(1)), Some(row(3, 6)));
        assert_eq!(update(add(&views_of(1), 7, 2)), UpdateOutcome::Applied);
        assert_eq!(row_of(ledger, &views_of(1)), Some(row(5, 7)));
        assert_eq!(update(set(&views_of(1), 8, 9)), UpdateOutcome::Applied);
        assert_eq!(row_of(ledger, &views_of(1)), Some(row(9, 8)));
        assert_eq!(update(delete(&views_of(1), 9)), UpdateOutcome::Applied);
        assert_eq!(row_of(ledger, &views_of(2)), Some(row(3, 5)));
        for gone in [add(&views_of(1), 10, 1), set(&views_of(1), 10, 1), delete(&views_of(1), 10)] {
            assert_eq!(update(gone), UpdateOutcome::NoRow);
        }
        assert_eq!(row_of(ledger, &views_of(1)), None);
    }),
    ("a sum that does not fit is refused, and one that just fits is not", |world| {
        let ledger = &*world.ledger;
        for (edge, step) in [(i64::MAX, 1), (i64::MIN, -1)] {
            let id = views_of(step);
            apply(ledger, [set(&id, 5, edge - step)]);
            apply(ledger, [add(&id, 6, step)]);
            assert_eq!(row_of(ledger, &id), Some(row(edge, 6)));
            let refused = ledger.begin(LockWait::Usual).unwrap().upsert(&[add(&id, 7, step)]);
            refused.unwrap_err();
            let refused = ledger.begin(LockWait::Usual).unwrap().update(&add(&id, 7, step));
            refused.unwrap_err();
            assert_eq!(row_of(ledger, &id), Some(row(edge, 6)));
            // A no-op does not overflow, however large.
            apply(ledger, [add(&id, 6, edge)]);
            assert_eq!(row_of(ledger, &id), Some(row(edge, 6)));
        }
    }),
    ("the outermost counts and sequences are kept", |world| {
        let ledger = &*world.ledger;
        let (low, high) = (views_of(i64::MIN), views_of(i64::MAX));
        apply(ledger, [add(&low, 1, i64::MIN), set(&high, i64::MAX, i64::MAX)]);
        let rows = ledger.baselines(&[high.clone(), low.clone()]).unwrap();
        assert_eq!(rows, [row(i64::MAX, i64::MAX), row(i64::MIN, 1)]);
        assert_eq!(baseline(ledger, &low), row(i64::MIN, 1));
        assert_eq!(row_of(ledger, &high), Some(row(i64::MAX, i64::MAX)));
    }),
    ("random histories end as the rule says", |world| {
        for seed in 1..=20 {
            let mut dice = Dice(seed);
            let ids = (0..6).map(|n| CounterId::new("dice", n, format!("{seed}")).unwrap());
            let ids = ids.collect::<Vec<_>>();
            let mut rows = vec![Baseline::NONE; ids.len()];
            for step in 0..20 {
                live(world, &mut dice, &ids, &mut rows);
                let found = world.ledger.baselines(&ids).unwrap();
                assert_eq!(found, rows, "seed {seed}, step {step}");
            }
        }
    }),
];

/// One random batch, in the ledger and by the rule.
fn live(world: &LedgerWorld, dice: &mut Dice, ids: &[CounterId], rows: &mut [Baseline]) {
    let (mut claims, mut newer) = (Vec::new(), Vec::new());
    for (id, row) in ids.iter().zip(rows) {
        if dice.roll(3) == 0 {
            continue;
        }
        let seq = 1 + dice.roll(40);
        // A sequence belongs to one claim, so its op is always the same.
        let op = match (seq * 7) % 5 {
            0 => ClaimOp::Delete,
            1 | 2 => ClaimOp::Set(seq * 1000),
            _ => ClaimOp::Add(seq - 20),
        };
        let index = claims.len();
        claims.push(claim(id, seq, op));
        if row.seq > ClaimSeq::new(seq) {
            newer.push(newer_row(index, row.seq.get()));
        }
        *row = row.after(ClaimSeq::new(seq), op).unwrap();
    }
    assert_eq!(apply(&*world.ledger, claims), newer);
}

/// Pseudo-random numbers that a seed repeats.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: i64) -> i64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        i64::try_from(self.0 >> 33).unwrap() % sides
    }
}
