use counter_core::{
    Claim, ClaimOp, Claimed, CounterId, DeltaStore, Holding, RedisStore, Replacement,
    StoreGeneration as _,
};
use counter_tests::fixtures::downloads_of;
use counter_tests::servers::redis::RIGHTS;

use super::{LONG, Setting};

/// A store whose user may do what the documentation says, but for `missing`.
fn store_of_limited_user(setting: &mut Setting, missing: &str) -> RedisStore {
    let mut command = redis::cmd("ACL");
    command.arg("SETUSER").arg("app").arg("reset").arg("on").arg(">secret").arg("~counter:*");
    let allowed = RIGHTS.iter().filter(|allowed| allowed.trim_start_matches('+') != missing);
    command.arg(allowed.collect::<Vec<_>>()).exec(&mut setting.bare).unwrap();
    let url = setting.server.url().replace("redis://", "redis://app:secret@");
    RedisStore::builder(url).build().unwrap()
}

#[test]
fn the_documented_permissions_suffice() {
    let mut setting = Setting::new();
    let store = store_of_limited_user(&mut setting, "nothing");
    store.increment(&downloads_of(1), 5).unwrap();
    let claimed = store.claim(&[downloads_of(1)], LONG).unwrap();
    let [Claimed::Fresh(claim)] = claimed.as_slice() else {
        panic!("{claimed:?}");
    };
    store.ack(std::slice::from_ref(claim)).unwrap();
    store.replace(&downloads_of(1), Replacement::Set(5)).unwrap();
    store.ensure_generation("database", claim.seq).unwrap();
    let count = std::num::NonZeroUsize::MIN;
    store.scan(&"user:*".parse().unwrap(), Default::default(), count).unwrap();
}

/// The right to ask whether anything expires is not among those that are documented.
#[test]
fn a_user_who_may_not_ask_for_facts_is_told_what_would_have_expired() {
    let mut setting = Setting::new();
    let store = store_of_limited_user(&mut setting, "nothing");
    store.increment_many(&[1, 2].map(|id| (downloads_of(id), 5)));
    let () = setting.run("PEXPIRE counter:user:1:downloads 3600000");
    let claimed = store.claim(&[downloads_of(1), downloads_of(2)], LONG).unwrap();
    assert!(matches!(claimed[..], [Claimed::Expiring(_), Claimed::Fresh(_)]), "{claimed:?}");
}

/// A script is not undone when one of its commands is refused.
#[test]
fn whatever_permission_is_missing_nothing_is_lost_or_doubled() {
    let mut setting = Setting::new();
    for missing in [
        "set",
        "mset",
        "del",
        "persist",
        "pttl",
        "exists",
        "mget",
        "time",
        "get",
        "type",
        "zadd",
        "zrange",
        "zremrangebyrank",
        "zscore",
    ] {
        let () = setting.run("FLUSHALL");
        setting.store.ensure_generation("database", counter_core::ClaimSeq::ZERO).unwrap();
        let old = setting.fresh(&downloads_of(2), 7);
        setting.store.increment(&downloads_of(1), 5).unwrap();
        let store = store_of_limited_user(&mut setting, missing);
        let _ = store.claim(&[downloads_of(1), downloads_of(2)], std::time::Duration::ZERO);
        let _ = store.claim(&[downloads_of(1)], LONG);
        assert_eq!(in_all(&setting.store, &downloads_of(1)), 5, "without {missing}");
        assert_eq!(held(&setting.store, &downloads_of(2)).claim, Some(old), "without {missing}");
        if let Err(error) = store.replace(&downloads_of(1), Replacement::Set(100)) {
            assert!(!error.is_outcome_unknown(), "{error:?}");
            assert_eq!(in_all(&setting.store, &downloads_of(1)), 5, "without {missing}");
        }
    }
}

fn in_all(store: &RedisStore, id: &CounterId) -> i64 {
    let held = held(store, id);
    let claimed = held.claim.map_or(0, |claim: Claim| match claim.op {
        ClaimOp::Add(by) => by,
        other => panic!("{other}"),
    });
    held.pending + claimed
}

fn held(store: &RedisStore, id: &CounterId) -> Holding {
    store.look(std::slice::from_ref(id)).unwrap().held.remove(0).unwrap()
}
