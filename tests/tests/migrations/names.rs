//! Tables of any name.

use counter_diesel::ledger::Ledger;
use counter_diesel::query::OwnerType;
use counter_diesel::store::{Baseline, Claim, ClaimOp, ClaimSeq, Generation, Prefix};
use counter_diesel::{CounterId, Owner, ToOwnerId};
use counter_tests::fixtures::bucket_of;

use super::DATABASES;

const STRANGE: [&str; 18] = [
    "model_counters; DROP TABLE users",
    "a b",
    "a-b",
    "a`b",
    "a'b",
    "\"a\"\"b\"",
    "\"a.b\"",
    "a--",
    "a/*",
    "ä",
    "*",
    "(SELECT 1)",
    "a\\",
    "%",
    "$1",
    "?",
    "1a",
    "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn",
];

#[test]
fn a_table_s_name_is_only_a_name_in_sqlite_postgres_and_mariadb() {
    for (kind, make) in DATABASES {
        let database = make();
        for name in STRANGE {
            let ledger = database.ledger(name);
            assert_eq!(ledger.run_pending_migrations().unwrap().len(), 4, "{kind}: {name}");
            assert_eq!(ledger.run_pending_migrations().unwrap().len(), 0, "{kind}: {name}");
            use_all_statements(&*ledger, &format!("{kind}: {name}"));
        }
        for (n, name) in (0..).zip(STRANGE) {
            let rows = database.ledger(name).baselines(&[id(0)]).unwrap();
            assert_eq!(rows, [row(1, 5)], "{kind}: {n}: {name}");
        }
    }
}

fn id(n: i64) -> CounterId {
    CounterId::new("post", n, "views").unwrap()
}

fn row(count: i64, seq: i64) -> Baseline {
    Baseline { count, seq: ClaimSeq::new(seq) }
}

fn claim(n: i64, op: ClaimOp) -> Claim {
    Claim { id: id(n), seq: ClaimSeq::new(5), op }
}

fn use_all_statements(ledger: &dyn Ledger, name: &str) {
    let mut transaction = ledger.begin(counter_diesel::ledger::LockWait::Usual).unwrap();
    let claims = [ClaimOp::Add(1), ClaimOp::Set(2), ClaimOp::Delete];
    let claims = (0..).zip(claims).map(|(n, op)| claim(n, op)).collect::<Vec<_>>();
    assert_eq!(transaction.upsert(&claims).unwrap(), [], "{name}");
    let day = |n| bucket_of(&id(n), "day:2026-11-28");
    let buckets = claims.iter().zip(0..).map(|(of, n)| Claim { id: day(n), ..of.clone() });
    assert_eq!(transaction.upsert(&buckets.collect::<Vec<_>>()).unwrap(), [], "{name}");
    transaction.update(&claim(7, ClaimOp::Add(1))).unwrap();
    transaction.commit().unwrap();
    let rows = ledger.baselines(&[day(0), id(0), day(1), day(2)]).unwrap();
    assert_eq!(rows, [row(1, 5), row(1, 5), row(2, 5), Baseline::NONE], "{name}");
    let post = OwnerType::from_static("post");
    let most = std::num::NonZeroUsize::new(9).unwrap();
    assert_eq!(ledger.buckets_after(&post, None, most).unwrap().rows.len(), 2, "{name}");
    let rows = ledger.baselines(&[id(0), id(1), id(2)]).unwrap();
    assert_eq!(rows, [row(1, 5), row(2, 5), Baseline::NONE], "{name}");
    assert_eq!(ledger.baselines(&[id(1)]).unwrap(), [row(2, 5)], "{name}");
    assert_eq!(ledger.rows_of(&Owner::new("post", 1).unwrap()).unwrap().len(), 1, "{name}");
    let top =
        ledger.top(&OwnerType::from_static("post"), &"views".parse().unwrap(), None, 5).unwrap();
    assert_eq!(top, [1, 0].map(|id| id.to_owner_id().unwrap()), "{name}");
    let prefix = Prefix::default();
    let database = ledger.state(&prefix).unwrap().database;
    for seq in [7, 8] {
        let generation = Generation::new("a".to_owned(), database.clone(), ClaimSeq::new(seq));
        ledger.record(&prefix, &generation).unwrap();
    }
    let recorded = ledger.state(&prefix).unwrap().recorded.unwrap();
    assert_eq!(recorded.seq, ClaimSeq::new(8), "{name}");
    let facts = ledger.inspect().unwrap();
    assert_eq!(facts.writes.known(), Some(&Ok(())), "{name}: {facts:?}");
    assert!(facts.migrations.known().unwrap().has_table, "{name}: {facts:?}");
}
