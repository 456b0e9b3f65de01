//! The outcomes of increments, syncs and reads during faults. Each test prints a line of a table.

use std::sync::Arc;
use std::time::Duration;

use counter_core::{Config, Prefix, RedisStore, RedisTimeouts};
use counter_diesel::Counters;
use counter_tests::database::{self, Database};
use counter_tests::fixtures::views_of;
use counter_tests::servers::{ClusterSite, RedisServer};
use counter_tests::store_worlds::patient;
use counter_tests::tally::{Outcomes, Tally, Worker};

/// Enough increments to show that counting goes on.
const ENOUGH: usize = 300;

/// How often a slot is moved, there and back.
const MOVES: u32 = 6;

pub fn prefix() -> Prefix {
    "counter-{app}:".parse().unwrap()
}

/// The slot of a name.
pub fn slot_of(node: &RedisServer, name: &str) -> u16 {
    redis::cmd("CLUSTER").arg("KEYSLOT").arg(name).query(&mut node.bare()).unwrap()
}

/// The slot of the prefix: CRC16 of `app`, modulo 16384, as `CLUSTER KEYSLOT` answers.
pub fn slot_of_prefix(node: &RedisServer) -> u16 {
    slot_of(node, "{app}")
}

/// A database, and counters in a cluster.
struct World {
    site: ClusterSite,
    slot: u16,
    counters: Counters,
    _database: Box<dyn Database>,
}

impl World {
    fn new() -> Self {
        Self::on(ClusterSite::start())
    }

    fn on(site: ClusterSite) -> Self {
        Self::with(site, RedisTimeouts::default())
    }

    fn with(site: ClusterSite, timeouts: RedisTimeouts) -> Self {
        Self::behind(prefix(), site, timeouts)
    }

    /// With counters in all slots. That of the counter of post 1 is the one that faults are about.
    fn spread(timeouts: RedisTimeouts) -> Self {
        Self::behind(Prefix::default(), ClusterSite::start(), timeouts)
    }

    fn behind(prefix: Prefix, site: ClusterSite, timeouts: RedisTimeouts) -> Self {
        let slot = slot_of(&site.nodes[0], &prefix.pending_name(&views_of(1)));
        let builder = RedisStore::builder(site.url()).prefix(prefix.clone()).timeouts(timeouts);
        let store = builder.build().unwrap();
        let database = database::sqlite();
        let ledger = database.ledger("model_counters");
        ledger.run_pending_migrations().unwrap();
        let mut config = Config::default();
        config.prefix = prefix;
        // There is only one process, so the claims that are left behind are its own.
        config.claim_timeout = Duration::ZERO;
        let counters = Counters::from_parts(config, Arc::new(store), ledger);
        Self { slot, site, counters, _database: database }
    }

    /// Counts, reads and syncs while a fault happens, and until the cluster works again.
    fn measure(&self, fault: &str, happen: impl FnOnce(&Tally)) -> Outcomes {
        let mut back = Duration::ZERO;
        let outcomes = Tally::during(&self.counters, Worker::Runs, |tally| {
            tally.wait_for_counts(ENOUGH, Duration::ZERO);
            happen(tally);
            let over = tally.now();
            back = tally.wait_for_counts(ENOUGH, over) - over;
        });
        println!("{fault}: counts again after {:.1} s; {outcomes}", back.as_secs_f64());
        outcomes.check();
        outcomes
    }

    fn move_slowly(&self, fault: &str) -> Outcomes {
        self.measure(fault, |tally| {
            let mut moved = 0;
            for _ in 0..MOVES {
                self.site.move_slot(self.slot, || {
                    moved += 1;
                    // Until increments have met what is half moved.
                    tally.wait_for_attempts(20, tally.now());
                });
            }
            assert!(moved > MOVES, "{moved} names moved");
        })
    }

    fn fail_over(&self) {
        let old = self.site.wait_for_owner(self.slot, |_| true).port();
        let outcomes = self.measure("failover by command", |_| {
            self.site.fail_over(self.slot);
            self.site.wait_for_owner(self.slot, |owner| owner.port() != old);
        });
        assert_eq!(outcomes.unknown, 0, "{outcomes}");
    }

    fn kill(mut self) {
        let old = self.site.wait_for_owner(self.slot, |_| true).port();
        let index = self.site.nodes.iter().position(|node| node.port() == old).unwrap();
        let mut master = self.site.nodes.remove(index);
        self.measure("master killed", |_| {
            master.kill();
            self.site.wait_for_owner(self.slot, |owner| owner.port() != old);
        });
    }

    fn freeze(&self) {
        let old = self.site.wait_for_owner(self.slot, |_| true);
        self.measure("master frozen", |_| {
            old.freeze();
            self.site.wait_for_owner(self.slot, |owner| owner.port() != old.port());
        });
        old.thaw();
    }
}

#[test]
fn nothing_is_lost_or_unknown_while_a_slot_moves_name_by_name() {
    // Nothing is away, however busy the machine.
    let world = World::with(ClusterSite::start(), patient());
    let outcomes = world.move_slowly("slot moved slowly");
    assert_eq!((outcomes.lost.len(), outcomes.unknown), (0, 0), "{outcomes}");
}

#[test]
fn where_counters_are_in_all_slots_nothing_is_lost_while_one_moves() {
    let world = World::spread(patient());
    let outcomes = world.move_slowly("slot of many moved slowly");
    assert_eq!((outcomes.lost.len(), outcomes.unknown), (0, 0), "{outcomes}");
}

#[test]
fn where_counters_are_in_all_slots_a_failover_by_command_is_followed() {
    World::spread(patient()).fail_over();
}

#[test]
fn where_counters_are_in_all_slots_a_master_that_is_killed_is_left_for_its_replica() {
    World::spread(RedisTimeouts::default()).kill();
}

#[test]
fn where_counters_are_in_all_slots_a_master_that_is_frozen_is_left_for_its_replica() {
    World::spread(RedisTimeouts::default()).freeze();
}

#[test]
fn a_failover_by_command_is_followed() {
    World::with(ClusterSite::start(), patient()).fail_over();
}

#[test]
fn a_master_that_is_killed_is_left_for_its_replica() {
    World::new().kill();
}

#[test]
fn a_master_that_is_frozen_is_left_for_its_replica() {
    World::new().freeze();
}

#[test]
fn valkey_moves_slots_and_fails_over_as_well() {
    let world = World::with(ClusterSite::start_program("valkey-server", &[]), patient());
    let outcomes = world.move_slowly("Valkey: slot moved slowly");
    assert_eq!((outcomes.lost.len(), outcomes.unknown), (0, 0), "{outcomes}");
}
