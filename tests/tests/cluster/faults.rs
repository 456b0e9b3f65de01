//! What becomes of increments, syncs and reads meanwhile. Each test prints a line of a table.

use std::sync::Arc;
use std::time::Duration;

use counter_core::{Config, Prefix, RedisStore};
use counter_diesel::Counters;
use counter_tests::database::{self, Database};
use counter_tests::servers::{ClusterSite, RedisServer};
use counter_tests::tally::{Outcomes, Tally, Worker};

/// As many increments as show that counting goes on.
const ENOUGH: usize = 300;

/// How often a slot is moved, there and back.
const MOVES: u32 = 6;

pub fn prefix() -> Prefix {
    "counter-{app}:".parse().unwrap()
}

/// The slot of the prefix: CRC16 of `app`, modulo 16384, as `CLUSTER KEYSLOT` answers.
pub fn slot_of_prefix(node: &RedisServer) -> u16 {
    redis::cmd("CLUSTER").arg("KEYSLOT").arg("{app}").query(&mut node.bare()).unwrap()
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
        let store = RedisStore::builder(site.url()).prefix(prefix()).build().unwrap();
        let database = database::sqlite();
        let ledger = database.ledger("model_counters");
        ledger.run_pending_migrations().unwrap();
        let mut config = Config::default();
        // One process is all there is, and what it leaves behind is its own.
        config.claim_timeout = Duration::ZERO;
        let counters = Counters::from_parts(config, Arc::new(store), ledger);
        Self { slot: slot_of_prefix(&site.nodes[0]), site, counters, _database: database }
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
}

#[test]
fn nothing_is_lost_or_unknown_while_a_slot_moves_name_by_name() {
    let outcomes = World::new().move_slowly("slot moved slowly");
    assert_eq!((outcomes.lost.len(), outcomes.unknown), (0, 0), "{outcomes}");
}

#[test]
fn a_failover_by_command_is_followed() {
    let world = World::new();
    let old = world.site.wait_for_owner(world.slot, |_| true).port();
    let outcomes = world.measure("failover by command", |_| {
        world.site.fail_over(world.slot);
        world.site.wait_for_owner(world.slot, |owner| owner.port() != old);
    });
    assert_eq!(outcomes.unknown, 0, "{outcomes}");
}

#[test]
fn a_master_that_is_killed_is_left_for_its_replica() {
    let mut world = World::new();
    let old = world.site.wait_for_owner(world.slot, |_| true).port();
    let index = world.site.nodes.iter().position(|node| node.port() == old).unwrap();
    let mut master = world.site.nodes.remove(index);
    world.measure("master killed", |_| {
        master.kill();
        world.site.wait_for_owner(world.slot, |owner| owner.port() != old);
    });
}

#[test]
fn a_master_that_is_frozen_is_left_for_its_replica() {
    let world = World::new();
    let old = world.site.wait_for_owner(world.slot, |_| true);
    world.measure("master frozen", |_| {
        old.freeze();
        world.site.wait_for_owner(world.slot, |owner| owner.port() != old.port());
    });
    old.thaw();
}

#[test]
fn valkey_moves_slots_and_fails_over_as_well() {
    let world = World::on(ClusterSite::start_program("valkey-server", &[]));
    let outcomes = world.move_slowly("Valkey: slot moved slowly");
    assert_eq!((outcomes.lost.len(), outcomes.unknown), (0, 0), "{outcomes}");
}
