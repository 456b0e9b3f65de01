use std::time::Duration;

use counter_core::{
    Claim, ClaimSeq, Claimed, CounterId, Cursor, DeltaStore, Pattern, StoreGeneration as _, Verdict,
};
use counter_tests::fixtures::downloads_of;
use redis::Value;

use super::{LONG, Setting};

/// In each run; more than 100,000 in all. Where more processes run than there are processors, one
/// command in six is interrupted: so many runs that the same one is not interrupted in all.
const COUNTERS: i64 = 10_000;
const RUNS: usize = 12;
/// The default of `slowlog-log-slower-than` is 10,000; careful people set this.
const SLOW_MICROS: i64 = 1000;

/// While a command runs, every other client of that server waits.
///
/// On a busy machine any command may be interrupted for milliseconds, and then counts as slow. But that
/// is another one each time: what is slow in every run is slow by itself.
#[test]
fn no_command_that_moves_100_000_counters_is_slow() {
    let mut setting = Setting::new();
    let () = setting.run("CONFIG SET slowlog-max-len 1000000");
    let () = setting.run("CONFIG SET slowlog-log-slower-than 0");
    // After this the server has the scripts, and every run sends the same commands.
    let first = setting.fresh(&downloads_of(1), 5);
    setting.store.ack(&[first]).unwrap();
    let runs: Vec<_> = (0..RUNS).map(|_| durations_of_a_pass(&mut setting)).collect();
    let commands = runs[0].len();
    assert!(commands > 500 && runs.iter().all(|run| run.len() == commands));
    let fastest = |command: usize| runs.iter().map(|run| run[command]).min();
    let slow = (0..commands).filter_map(fastest).filter(|micros| *micros > SLOW_MICROS);
    assert_eq!(slow.collect::<Vec<_>>(), [0_i64; 0], "microseconds, of {commands} commands");
}

#[test]
fn a_scan_goes_through_few_names_at_a_time_however_many_are_asked_for() {
    let mut setting = Setting::new();
    let () = setting.run("CONFIG SET slowlog-log-slower-than 0");
    let asked = 100_000.try_into().unwrap();
    setting.store.scan(&Pattern::all(), Cursor::default(), asked).unwrap();
    let logged: Vec<(i64, i64, i64, Vec<String>, String, String)> = setting.run("SLOWLOG GET 1");
    assert_eq!(logged[0].3, ["SCAN", "0", "MATCH", "counter:*", "COUNT", "250"]);
}

/// How long each command took that moves this many counters, in microseconds, in the order in which
/// they ended.
fn durations_of_a_pass(setting: &mut Setting) -> Vec<i64> {
    setting.server.flush();
    let store = &setting.store;
    store.ensure_generation("database", ClaimSeq::ZERO).unwrap();
    let increments: Vec<_> =
        (0..COUNTERS).map(|number| (downloads_of(number), i64::MAX - number)).collect();
    assert!(store.increment_many(&increments).iter().all(Result::is_ok));
    let ids: Vec<_> = increments.into_iter().map(|(id, _)| id).collect();
    let () = super::run(&mut setting.bare, "SLOWLOG RESET");
    store.look(&ids).unwrap();
    let claims = claims(&store.claim(&ids, LONG).unwrap(), &ids);
    let recovered = store.claim(&ids, Duration::ZERO).unwrap();
    assert!(matches!(&recovered[7], Claimed::Recovered(claim) if *claim == claims[7]));
    let verdicts = store.verify(&claims, LONG).unwrap();
    assert!(verdicts.iter().all(|verdict| *verdict == Verdict::Current));
    store.ack(&claims).unwrap();
    logged_durations(setting)
}

fn claims(claimed: &[Claimed], ids: &[CounterId]) -> Vec<Claim> {
    let fresh = claimed.iter().map(|claimed| match claimed {
        Claimed::Fresh(claim) => claim.clone(),
        other => panic!("{other:?}"),
    });
    let claims: Vec<_> = fresh.collect();
    assert!(claims.iter().map(|claim| &claim.id).eq(ids));
    claims
}

/// Of the scripts, and of every MGET, in a script or not.
fn logged_durations(setting: &mut Setting) -> Vec<i64> {
    let logged: Vec<Vec<Value>> = setting.run("SLOWLOG GET -1");
    let moving = logged.iter().rev().filter_map(|entry| match (&entry[2], &entry[3]) {
        (Value::Int(micros), Value::Array(command)) => match command.first() {
            Some(Value::BulkString(name)) if name == b"EVALSHA" || name == b"MGET" => Some(*micros),
            _ => None,
        },
        _ => None,
    });
    moving.collect()
}
