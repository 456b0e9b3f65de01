//! G1 and G5: processes that sync and servers are killed at random moments under load and started
//! again on what they left. Every increment that returned `Ok` is in the table once, every one of
//! unknown outcome at most once, and no read is wrong.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use counter_tests::books::Books;
use counter_tests::effort::{choices, load};
use counter_tests::process::wait_for;
use counter_tests::site::Site;
use counter_tests::suite;
use counter_tests::sync_process::SyncProcess;
use counter_tests::traffic::Traffic;
use fastrand::Rng;
use libtest_mimic::Trial;

fn main() -> ExitCode {
    suite::run_trials(vec![
        trial("redis_x_sqlite", Site::with_sqlite, &[Victim::Sync, Victim::Redis, Victim::All], 40),
        trial("redis_x_postgres", Site::with_postgres, &Victim::EACH, 40),
        trial("redis_x_mariadb", Site::with_mariadb, &Victim::EACH, 40),
        trial("cluster_x_postgres", Site::with_cluster_and_postgres, &Victim::STORE, 2),
    ])
}

fn trial(place: &str, make_site: fn() -> Site, victims: &'static [Victim], kills: i64) -> Trial {
    let name = format!("{place}::totals_are_exact_after_kills_at_random_moments");
    Trial::test(name, move || {
        survive_kills(&make_site(), victims, kills);
        Ok(())
    })
}

/// What is killed, with all of its processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Victim {
    /// One of the processes that sync.
    Sync,
    Redis,
    Database,
    /// All of these, as when a machine crashes.
    All,
}

impl Victim {
    const EACH: [Self; 4] = [Self::Sync, Self::Redis, Self::Database, Self::All];
    const STORE: [Self; 3] = [Self::Sync, Self::Redis, Self::All];

    fn is(self, victim: Self) -> bool {
        self == victim || self == Self::All
    }
}

const WRITERS: usize = 4;
const COUNTERS: usize = 50;

fn survive_kills(site: &Site, victims: &[Victim], kills: i64) {
    let mut choices = choices(&format!("kills of {victims:?}"));
    let books = Arc::new(Books::of(COUNTERS));
    let writers = (0..WRITERS).map(|_| site.counters()).collect::<Vec<_>>();
    let traffic = Traffic::start(&books, writers, [site.counters()], &mut choices);
    let mut syncs = [0, 1].map(|number| start_sync(site, number));
    let mut killed = BTreeMap::<_, u32>::new();
    for _ in 0..load(kills) {
        wait_for_progress(site);
        let victim = choices.choice(victims).copied().expect("there are some");
        // Does not wait for anything, but makes the moment random.
        thread::sleep(Duration::from_micros(choices.u64(..50_000)));
        kill_and_restart(site, &mut syncs, victim, &mut choices);
        *killed.entry(victim).or_default() += 1;
    }
    wait_for_progress(site);
    traffic.stop();
    let applied = syncs.map(SyncProcess::stop);
    let left_behind = site.last_sync();
    let totals = books.check(site);
    println!("{killed:?} killed: {totals}; {applied:?} claims applied by the last processes");
    println!("{left_behind} claims were left to the last sync");
    assert!(totals.reads > 0, "{totals}");
}

/// The first takes every claim for one that was left behind, so that claims are fought over.
fn start_sync(site: &Site, number: u64) -> SyncProcess {
    let claim_timeout = Duration::from_millis(200 * number);
    let mut sync = SyncProcess::start(env!("CARGO_BIN_EXE_sync_worker"), site, claim_timeout);
    sync.wait_until_it_has_applied_some();
    sync
}

/// The sequences of the rows grow with every claim that is committed.
fn wait_for_progress(site: &Site) {
    let applied = || site.database().texts("SELECT CONCAT(SUM(claim_seq)) FROM model_counters");
    let before = applied();
    wait_for("claims to be applied", || (applied() != before).then_some(()));
}

/// All victims are down at the same time for a moment.
fn kill_and_restart(site: &Site, syncs: &mut [SyncProcess; 2], victim: Victim, choices: &mut Rng) {
    let number = choices.u64(..2);
    if victim.is(Victim::Sync) {
        syncs[number as usize].kill();
    }
    if victim.is(Victim::Redis) {
        site.redis().kill();
    }
    if victim.is(Victim::Database) {
        site.database().kill();
    }
    // Mostly so short that writers wait for it, sometimes so long that they are refused.
    let longest = if choices.u8(..8) == 0 { 1500 } else { 50 };
    thread::sleep(Duration::from_millis(choices.u64(..longest)));
    if victim.is(Victim::Redis) {
        site.redis().start_again();
    }
    if victim.is(Victim::Database) {
        site.database().start();
    }
    if victim.is(Victim::Sync) {
        syncs[number as usize] = start_sync(site, number);
    }
}
