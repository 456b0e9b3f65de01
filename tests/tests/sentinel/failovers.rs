//! The outcomes of increments, syncs and reads while masters and sentinels fail. Each test prints a
//! line of the table in the guide to operation.

use std::sync::Arc;
use std::time::Duration;

use counter_core::{Config, DeltaStore, RedisStore};
use counter_diesel::{Counters, SyncOptions};
use counter_tests::database::{self, Database};
use counter_tests::fixtures::{post, views_of};
use counter_tests::process::wait_for;
use counter_tests::servers::{FakeRedis, FakeReply, RedisServer, SentinelSite, built};
use counter_tests::tally::{Outcomes, Tally, Worker};

/// Enough increments to show that counting goes on.
const ENOUGH: usize = 500;

/// The longest time from the agreement of the sentinels to the first connection to their new
/// master, with much to spare: a thread asks them twice a second.
const PROMPT: Duration = Duration::from_secs(15);

/// How long a server that may be frozen is asked.
const PATIENT: Duration = Duration::from_secs(2);

/// A database, and counters that follow the master.
struct World {
    site: SentinelSite,
    counters: Counters,
    _database: Box<dyn Database>,
}

impl World {
    fn new() -> Self {
        Self::on(SentinelSite::start())
    }

    fn on(site: SentinelSite) -> Self {
        let url = site.url();
        Self::by(site, &url)
    }

    /// Counters whose store finds the master by this URL.
    fn by(site: SentinelSite, url: &str) -> Self {
        let (counters, _database) = counters_of(built(|| RedisStore::builder(url)));
        Self { site, counters, _database }
    }
}

pub fn counters_of(store: RedisStore) -> (Counters, Box<dyn Database>) {
    let database = database::sqlite();
    let ledger = database.ledger("model_counters");
    ledger.run_pending_migrations().unwrap();
    let mut config = Config::default();
    // There is only one process, so the claims that are left behind are its own.
    config.claim_timeout = Duration::ZERO;
    (Counters::from_parts(config, Arc::new(store), ledger), database)
}

/// Waits until the store has a connection to this server. What was acknowledged before may have
/// been by another one.
fn wait_for_us(server: &RedisServer) {
    let mut bare = server.bare();
    wait_for("the store to connect to the new master", || {
        let clients: String = redis::cmd("CLIENT").arg("LIST").query(&mut bare).ok()?;
        clients.contains("cmd=incrby").then_some(())
    });
}

/// Returns whether the server on this port answers, and is a master.
fn is_master(port: u16) -> bool {
    let client = redis::Client::open(("127.0.0.1", port)).unwrap();
    let role = client.get_connection_with_timeout(PATIENT).and_then(|mut bare| {
        bare.set_read_timeout(Some(PATIENT))?;
        redis::cmd("ROLE").query::<(String, redis::Value, redis::Value)>(&mut bare)
    });
    role.is_ok_and(|(role, ..)| role == "master")
}

/// Takes from the sentinels the right to make a replica of this master.
fn keep_a_master(server: &RedisServer) {
    let rules = ["SETUSER", "default", "-replicaof", "-slaveof"];
    redis::cmd("ACL").arg(&rules).exec(&mut server.bare()).unwrap();
}

/// Ends all connections of callers, so that others have to be made.
fn hang_up(server: &RedisServer) {
    let mut bare = server.bare();
    redis::cmd("CLIENT").arg("KILL").arg("TYPE").arg("normal").exec(&mut bare).unwrap();
}

/// What a test has measured of one fault.
struct Measured {
    fault: &'static str,
    /// From the fault to the first increment that was counted after it.
    back: Duration,
    /// When the sentinels agreed on another master.
    agreed: Duration,
    /// When the store had a connection to it.
    followed: Duration,
    /// Whether the old master still was one when the store had left it.
    was_old_a_master: bool,
    /// Until then something may have been lost.
    safe: Duration,
    outcomes: Outcomes,
}

impl Measured {
    /// Prints the line of the table, and asserts what must hold.
    fn check(self) -> Outcomes {
        let Self { fault, back, safe, outcomes, .. } = self;
        println!("{fault}: counts again after {:.1} s; {outcomes}", back.as_secs_f64());
        outcomes.check();
        let late = outcomes.lost.iter().filter(|lost| lost.begun > safe).count();
        assert_eq!(late, 0, "lost on the new master: {:?}", outcomes.lost);
        outcomes
    }

    /// Asserts that the old master was left although it went on, too.
    fn check_that_it_was_left(self) {
        assert!(self.was_old_a_master, "the old master was demoted");
        let took = self.followed.saturating_sub(self.agreed);
        assert!(took < PROMPT, "the store followed after {took:?}");
        self.check();
    }
}

/// Counts while a fault happens to the master, until the store has followed the sentinels to
/// another one.
fn measure(
    World { site, counters, .. }: &World,
    fault: &'static str,
    worker: Worker,
    break_master: impl FnOnce(),
    old: u16,
) -> Measured {
    let (mut back, mut agreed, mut followed, mut safe) = Default::default();
    let mut was_old_a_master = false;
    let outcomes = Tally::during(counters, worker, |tally| {
        tally.wait_for_counts(ENOUGH, Duration::ZERO);
        let broken = tally.now();
        break_master();
        back = tally.wait_for_counts(1, broken) - broken;
        let new = site.wait_for_switch(old, &[0, 1, 2]);
        agreed = tally.now();
        wait_for_us(new);
        followed = tally.now();
        was_old_a_master = is_master(old);
        safe = tally.now();
        tally.wait_for_counts(ENOUGH, safe);
    });
    Measured { fault, back, agreed, followed, was_old_a_master, safe, outcomes }
}

#[test]
fn a_failover_by_command_is_followed_while_the_old_master_still_answers() {
    let world = World::new();
    let old = world.site.servers[0].port();
    measure(&world, "failover by command", Worker::Runs, || world.site.fail_over(), old).check();
}

/// Nothing makes connections here, and nothing hangs up: only the thread that watches can notice.
#[test]
fn a_process_that_only_counts_follows_though_the_old_master_goes_on() {
    let world = World::new();
    let old = &world.site.servers[0];
    keep_a_master(old);
    let fault = "failover by command, no worker";
    let measured = measure(&world, fault, Worker::Rests, || world.site.fail_over(), old.port());
    let last_lost = measured.outcomes.lost.iter().map(|lost| lost.ended).max().unwrap_or_default();
    println!(
        "{fault}: the last is lost {:.2} s after the sentinels agree",
        last_lost.as_secs_f64() - measured.agreed.as_secs_f64()
    );
    measured.check_that_it_was_left();
}

/// The first one names the old master for ever, and nothing but the thread that watches asks
/// another.
#[test]
fn a_process_that_only_counts_follows_where_its_first_sentinel_is_cut_off() {
    let site = SentinelSite::start();
    let cut_off = sentinel_that_names(site.servers[0].port());
    let url = site.url().replace("://", &format!("://{},", host_of(&cut_off)));
    let world = World::by(site, &url);
    keep_a_master(&world.site.servers[0]);
    let old = world.site.servers[0].port();
    let fault = "failover by command, no worker, first sentinel cut off";
    measure(&world, fault, Worker::Rests, || world.site.fail_over(), old).check_that_it_was_left();
}

#[test]
fn a_master_that_is_killed_is_left_for_its_successor() {
    let mut world = World::new();
    let mut master = world.site.servers.remove(0);
    let port = master.port();
    measure(&world, "master killed", Worker::Runs, || master.kill(), port).check();
}

#[test]
fn a_master_that_is_frozen_is_left_for_its_successor() {
    let world = World::new();
    let master = &world.site.servers[0];
    measure(&world, "master frozen", Worker::Runs, || master.freeze(), master.port()).check();
}

/// Ends all connections when something has happened to the sentinels, and returns what was counted.
fn measure_reconnection(
    counters: &Counters,
    master: &RedisServer,
    fault: &str,
    break_sentinels: impl FnOnce(),
) {
    let mut back = Duration::ZERO;
    let outcomes = Tally::during(counters, Worker::Runs, |tally| {
        tally.wait_for_counts(ENOUGH, Duration::ZERO);
        let broken = tally.now();
        break_sentinels();
        hang_up(master);
        back = tally.wait_for_counts(ENOUGH, broken) - broken;
    });
    println!("{fault}: counts again after {:.1} s; {outcomes}", back.as_secs_f64());
    outcomes.check();
    assert!(outcomes.lost.is_empty(), "{outcomes}");
}

#[test]
fn a_frozen_sentinel_keeps_nothing_from_being_counted() {
    let World { site, counters, _database } = World::on(SentinelSite::without_failovers());
    let freeze = || site.sentinels[0].freeze();
    measure_reconnection(&counters, &site.servers[0], "first sentinel frozen", freeze);
}

#[test]
fn without_sentinels_counting_goes_on_with_the_master_that_was_named_last() {
    let World { mut site, counters, _database } = World::on(SentinelSite::without_failovers());
    let sentinels = std::mem::take(&mut site.sentinels);
    let away = || drop(sentinels);
    measure_reconnection(&counters, &site.servers[0], "all sentinels away", away);
    wait_for("a sync to report that no sentinel answers", || {
        let report = counters.sync(&SyncOptions::default()).unwrap();
        assert!(report.is_clean(), "{report:?}");
        report.sentinels_silent
    });
}

/// A sentinel that names this master of the first epoch for ever.
fn sentinel_that_names(port: u16) -> FakeRedis {
    let port = port.to_string();
    let address = format!("*2\r\n$9\r\n127.0.0.1\r\n${}\r\n{port}\r\n", port.len());
    let address: &str = address.leak();
    FakeRedis::start(move |_, words: &[String]| match words[1].as_str() {
        "MASTER" => FakeReply::Bytes("*2\r\n$12\r\nconfig-epoch\r\n$1\r\n0\r\n"),
        _ => FakeReply::Bytes(address),
    })
}

fn host_of(fake: &FakeRedis) -> String {
    fake.url().replace("redis://", "").replace('/', "")
}

/// This sentinel is asked first, and always names the old master.
#[test]
fn a_sentinel_that_is_cut_off_from_the_others_does_not_lead_back_to_a_dead_master() {
    let mut site = SentinelSite::start();
    let mut master = site.servers.remove(0);
    let cut_off = sentinel_that_names(master.port());
    let url = site.url().replace("://", &format!("://{},", host_of(&cut_off)));
    let store = built(|| RedisStore::builder(&url));
    store.increment(&views_of(1), 1).unwrap();
    master.kill();
    wait_for("an increment to be counted by the new master", || {
        store.increment(&views_of(2), 1).ok()
    });
    // More, if the answer to one that was counted came too late.
    let pending = store.look(&[views_of(2)]).unwrap().held.remove(0).unwrap().pending;
    assert!(pending >= 1);
    let (counters, _database) = counters_of(store);
    wait_for("a sync that the sentinel that is cut off does not stop", || {
        let report = counters.sync(&SyncOptions::default()).ok()?;
        report.is_clean().then_some(())
    });
    assert!(counters.baseline(post(2), "views").unwrap() >= pending);
}
