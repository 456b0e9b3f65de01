use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::time::Duration;

use counter_core::{
    ClaimSeq, Claimed, Cursor, DeltaStore, Pattern, Replacement, StoreGeneration as _,
};
use counter_tests::fixtures::downloads_of;

use super::{LONG, Setting};

/// How often the server carried out each command since it was asked to forget that, but for what
/// this test itself sends, and for the index, which a thread of the store writes a moment later.
fn calls(setting: &mut Setting) -> BTreeMap<String, u64> {
    let info: String = setting.run("INFO commandstats");
    let line = |line: &str| {
        let (name, rest) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
        let ours = !matches!(name, "config|resetstat" | "info" | "script|flush" | "hset");
        let calls = rest.split(',').next()?.parse().ok()?;
        ours.then(|| (name.to_owned(), calls))
    };
    info.lines().filter_map(line).collect()
}

fn forget_calls(setting: &mut Setting) {
    let () = setting.run("CONFIG RESETSTAT");
}

#[test]
fn an_increment_is_one_incrby_and_nothing_else() {
    let mut setting = Setting::new();
    setting.store.increment(&downloads_of(1), 1).unwrap();
    forget_calls(&mut setting);
    for _ in 0..10 {
        setting.store.increment(&downloads_of(1), 1).unwrap();
    }
    assert_eq!(calls(&mut setting), BTreeMap::from([("incrby".to_owned(), 10)]));
}

#[test]
fn many_increments_are_an_incrby_each_and_nothing_else() {
    let mut setting = Setting::new();
    setting.store.increment(&downloads_of(1), 1).unwrap();
    forget_calls(&mut setting);
    let increments: Vec<_> = (0..5000).map(|number| (downloads_of(number), 1)).collect();
    assert!(setting.store.increment_many(&increments).iter().all(Result::is_ok));
    assert_eq!(calls(&mut setting), BTreeMap::from([("incrby".to_owned(), 5000)]));
}

#[test]
fn a_look_is_one_mget() {
    let mut setting = Setting::new();
    setting.store.increment(&downloads_of(1), 1).unwrap();
    forget_calls(&mut setting);
    setting.store.look(&[downloads_of(1), downloads_of(2), downloads_of(3)]).unwrap();
    assert_eq!(calls(&mut setting), BTreeMap::from([("mget".to_owned(), 1)]));
}

/// Managed servers refuse scripts inside transactions, and a transaction would be two more commands
/// anyway.
#[test]
fn nothing_uses_a_transaction_or_sends_a_script_twice() {
    let mut setting = Setting::new();
    let ids: Vec<_> = (0..300).map(downloads_of).collect();
    setting.store.ensure_generation("database", ClaimSeq::ZERO).unwrap();
    for round in 0..3 {
        for id in &ids {
            setting.store.increment(id, 1).unwrap();
        }
        setting.store.scan(&Pattern::all(), Cursor::default(), NonZeroUsize::MIN).unwrap();
        let claimed = setting.store.claim(&ids, LONG).unwrap();
        let claims: Vec<_> = claimed.into_iter().filter_map(fresh).collect();
        assert_eq!(claims.len(), 300);
        setting.store.verify(&claims, LONG).unwrap();
        setting.store.ack(&claims).unwrap();
        let set = setting.store.replace(&downloads_of(round), Replacement::Delete).unwrap();
        setting.store.ack(&[set]).unwrap();
    }
    let calls = calls(&mut setting);
    for never in ["multi", "exec", "watch", "eval"] {
        assert_eq!(calls.get(never), None, "{calls:?}");
    }
    // Once for each of the four scripts.
    assert_eq!(calls.get("script|load"), Some(&4));
    let names: BTreeSet<_> = calls.keys().map(String::as_str).collect();
    let from_scripts = [
        "del",
        "exists",
        "get",
        "hget",
        "hgetall",
        "hset",
        "mset",
        "persist",
        "pttl",
        "set",
        "time",
        "type",
        "zadd",
        "zrange",
        "zremrangebyrank",
        "zscore",
    ];
    let sent = ["client|setinfo", "evalsha", "incrby", "mget", "ping", "scan", "script|load"];
    // An old server counts the naming of the client as an unknown command, if at all.
    let expected: BTreeSet<_> = from_scripts.into_iter().chain(sent).collect();
    assert!(names.difference(&expected).all(|name| *name == "client"), "{names:?}");
}

fn fresh(claimed: Claimed) -> Option<counter_core::Claim> {
    match claimed {
        Claimed::Fresh(claim) => Some(claim),
        _ => None,
    }
}

#[test]
fn a_server_that_forgets_its_scripts_makes_no_difference() {
    let mut setting = Setting::new();
    let ids: Vec<_> = (0..1000).map(downloads_of).collect();
    for round in 1..=3 {
        let increments: Vec<_> = ids.iter().map(|id| (id.clone(), round)).collect();
        assert!(setting.store.increment_many(&increments).iter().all(Result::is_ok));
        let () = setting.run("SCRIPT FLUSH");
        setting.store.ensure_generation("database", ClaimSeq::ZERO).unwrap();
        let () = setting.run("SCRIPT FLUSH");
        let claimed = setting.store.claim(&ids, LONG).unwrap();
        let claims: Vec<_> = claimed.into_iter().filter_map(fresh).collect();
        assert!(claims.iter().map(|claim| &claim.id).eq(&ids));
        let () = setting.run("SCRIPT FLUSH");
        setting.store.ack(&claims).unwrap();
        let () = setting.run("SCRIPT FLUSH");
        let set = setting.store.replace(&downloads_of(5), Replacement::Set(round)).unwrap();
        setting.store.ack(&[set]).unwrap();
        // Only the high water, the sequences given out and the generation are left.
        assert_eq!(setting.names().len(), 3);
    }
}

/// Some calls of a pipeline may find the script and others not.
#[test]
fn scripts_that_are_forgotten_all_the_time_cost_no_claim() {
    let setting = Setting::new();
    let ids: Vec<_> = (0..4000).map(downloads_of).collect();
    let increments: Vec<_> = ids.iter().map(|id| (id.clone(), 1)).collect();
    assert!(setting.store.increment_many(&increments).iter().all(Result::is_ok));
    let mut flushing = setting.server.bare();
    let mut claimed = None;
    std::thread::scope(|scope| {
        let claiming = scope.spawn(|| setting.store.claim(&ids, Duration::ZERO));
        while !claiming.is_finished() {
            let () = super::run(&mut flushing, "SCRIPT FLUSH");
        }
        claimed = claiming.join().ok();
    });
    // A client that flushes between loading and calling, again and again, can keep a claim from
    // being made, but not make it go wrong.
    let look = setting.store.look(&ids).unwrap();
    for held in look.held {
        let held = held.unwrap();
        assert_eq!(held.pending + i64::from(held.claim.is_some()), 1);
    }
    assert!(claimed.is_some());
}
