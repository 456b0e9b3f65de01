use std::collections::HashMap;
use std::time::Duration;

use counter_core::{
    Claim, ClaimSeq, Claimed, CounterId, Cursor, DeltaStore, Pattern, StoreGeneration as _, Verdict,
};
use counter_tests::fixtures::downloads_of;

use super::{LONG, Setting};

/// In each run; more than 100,000 in all. Where more processes run than there are processors, one
/// command in six is interrupted: so many runs that the same one is not interrupted in all.
const COUNTERS: i64 = 10_000;
const RUNS: usize = 12;
/// The default of `slowlog-log-slower-than` is 10,000; careful people set this.
const SLOW_MICROS: i64 = 1000;

/// An entry of the log: its number, when it was made, how many microseconds the command took, the
/// first words of the command, and from where and whom it came.
type Entry = (i64, i64, i64, Vec<String>, String, String);

/// The step of a pass and the first words of a command of it, which no other command of that step
/// has, because they name the first counters.
type StepCommand = (&'static str, Vec<String>);

/// By command the least time that it took in any run, in microseconds.
type Fastest = HashMap<StepCommand, i64>;

/// While a command runs, every other client of that server waits.
///
/// On a busy machine any command may be interrupted for milliseconds, and then counts as slow. But
/// that is another one each time: what is slow in every run is slow by itself.
#[test]
fn no_command_that_moves_100_000_counters_is_slow() {
    let mut setting = Setting::new();
    let () = setting.run("CONFIG SET slowlog-max-len 1000000");
    let () = setting.run("CONFIG SET slowlog-log-slower-than 0");
    // After this the server has the scripts, and every run sends the same commands.
    let first = setting.fresh(&downloads_of(1), 5);
    setting.store.ack(&[first]).unwrap();
    let mut fastest = Fastest::new();
    for _ in 0..RUNS {
        run_pass(&mut setting, &mut fastest);
    }
    assert!(fastest.len() > 500, "{} commands", fastest.len());
    fastest.retain(|_, micros| *micros > SLOW_MICROS);
    assert_eq!(fastest, Fastest::new(), "these are slow");
}

#[test]
fn a_scan_goes_through_few_names_at_a_time_however_many_are_asked_for() {
    let mut setting = Setting::new();
    let () = setting.run("CONFIG SET slowlog-log-slower-than 0");
    let asked = 100_000.try_into().unwrap();
    setting.store.scan(&Pattern::all(), Cursor::default(), asked).unwrap();
    let logged: Vec<Entry> = setting.run("SLOWLOG GET 1");
    assert_eq!(logged[0].3, ["SCAN", "0", "MATCH", "counter:*", "COUNT", "250"]);
}

/// Moves the counters, and notes how long each command took.
fn run_pass(setting: &mut Setting, fastest: &mut Fastest) {
    let increments: Vec<_> =
        (0..COUNTERS).map(|number| (downloads_of(number), i64::MAX - number)).collect();
    setting.server.flush();
    setting.store.ensure_generation("database", ClaimSeq::ZERO).unwrap();
    assert!(setting.store.increment_many(&increments).iter().all(Result::is_ok));
    let ids: Vec<_> = increments.into_iter().map(|(id, _)| id).collect();
    let () = setting.run("SLOWLOG RESET");
    setting.store.look(&ids).unwrap();
    note_durations(setting, "look", fastest);
    let claims = claims(&setting.store.claim(&ids, LONG).unwrap(), &ids);
    note_durations(setting, "claim", fastest);
    let recovered = setting.store.claim(&ids, Duration::ZERO).unwrap();
    assert!(matches!(&recovered[7], Claimed::Recovered(claim) if *claim == claims[7]));
    note_durations(setting, "recover", fastest);
    let verdicts = setting.store.verify(&claims, LONG).unwrap();
    assert!(verdicts.iter().all(|verdict| *verdict == Verdict::Current));
    note_durations(setting, "verify", fastest);
    setting.store.ack(&claims).unwrap();
    note_durations(setting, "ack", fastest);
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

/// Notes how long each script and each MGET of a step took, those in scripts included, and begins
/// the log anew.
///
/// Redis takes these times from the clock of the machine, and logs no command during which that was
/// set back. So commands are known by their words and not by their number in the log.
fn note_durations(setting: &mut Setting, step: &'static str, fastest: &mut Fastest) {
    let logged: Vec<Entry> = setting.run("SLOWLOG GET -1");
    for (_, _, micros, words, ..) in logged {
        if words[0] == "EVALSHA" || words[0] == "MGET" {
            let least = fastest.entry((step, words)).or_insert(micros);
            *least = micros.min(*least);
        }
    }
    let () = setting.run("SLOWLOG RESET");
}
