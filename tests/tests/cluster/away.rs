//! A master that is away and has no replica, where slots without a node do not stop the others.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use counter_core::{Config, Error as StoreError, RedisStore};
use counter_diesel::check::FindingCode;
use counter_diesel::{Counters, Error, SyncOptions};
use counter_tests::database::{self, Database};
use counter_tests::faults::{Fault, Faults, FaultyLedger, FaultyStore};
use counter_tests::fixtures::{post, views_of};
use counter_tests::process::wait_for;
use counter_tests::servers::ClusterSite;

use super::faults::slot_of;

const COUNTERS: i64 = 60;

/// A cluster without replicas, and a database.
struct World {
    site: Arc<Mutex<ClusterSite>>,
    url: String,
    database: Box<dyn Database>,
    /// The node that has the name `{id}`.
    home: usize,
    /// Another one.
    other: usize,
}

impl World {
    fn new() -> Self {
        let site = ClusterSite::start_masters();
        let database = database::sqlite();
        database.ledger("model_counters").run_pending_migrations().unwrap();
        let home = ClusterSite::first_owner(slot_of(&site.nodes[0], "counter:{id}"));
        let (url, other) = (site.url(), (home + 1) % 3);
        Self { url, site: Arc::new(Mutex::new(site)), database, home, other }
    }

    fn process(&self) -> Counters {
        self.process_behind(&Faults::none())
    }

    /// The counters of a process that takes every claim for one that was left behind.
    fn process_behind(&self, faults: &Arc<Faults>) -> Counters {
        let store = RedisStore::builder(&self.url).read_timeout(Duration::from_secs(5));
        let store = FaultyStore::new(Arc::new(store.build().unwrap()), faults);
        let inner = self.database.ledger("model_counters");
        let ledger = FaultyLedger { inner, faults: Arc::clone(faults) };
        let mut config = Config::default();
        config.claim_timeout = Duration::ZERO;
        Counters::from_parts(config, Arc::new(store), Arc::new(ledger))
    }

    /// Moves the slot of a name that is on the node of the id to another node, and returns which.
    fn move_away_from_id(&self, name: &str) -> usize {
        let site = self.site.lock().unwrap();
        let slot = slot_of(&site.nodes[0], name);
        assert_eq!(ClusterSite::first_owner(slot), self.home);
        let moving = site.begin_move(slot);
        let port = moving.importing().port();
        moving.end();
        site.nodes.iter().position(|node| node.port() == port).unwrap()
    }

    /// A check-up looks at all masters.
    fn assert_is_found_away(&self, node: usize, counters: &Counters) {
        let port = self.site.lock().unwrap().nodes[node].port().to_string();
        let found = counters.check();
        let those = |code| found.findings.iter().filter(move |finding| finding.code == code);
        let away = those(FindingCode::StoreUnreachable).collect::<Vec<_>>();
        assert!(matches!(away[..], [away] if away.message.contains(&port)), "{found}");
        // A finding that all other nodes have in common names none of them.
        let lonely = those(FindingCode::StoreNotReplicated).collect::<Vec<_>>();
        assert!(matches!(lonely[..], [it] if it.message.starts_with("the master")), "{found}");
    }

    fn kill(&self, node: usize) {
        self.site.lock().unwrap().nodes[node].kill();
    }

    fn start_again(&self, node: usize) {
        let mut site = self.site.lock().unwrap();
        site.nodes[node].start_again();
        site.wait_until_it_works();
    }

    /// The counters that are on a node.
    fn on(&self, node: usize) -> Vec<i64> {
        let site = self.site.lock().unwrap();
        let name = |number: &i64| format!("counter:{}", views_of(*number));
        let slot = |number: &i64| slot_of(&site.nodes[0], &name(number));
        (1..=COUNTERS).filter(|number| ClusterSite::first_owner(slot(number)) == node).collect()
    }
}

fn increment_all(counters: &Counters) {
    for number in 1..=COUNTERS {
        counters.increment(post(number), "views", 1).unwrap();
    }
}

fn baselines(counters: &Counters, numbers: impl IntoIterator<Item = i64>) -> Vec<i64> {
    numbers.into_iter().map(|number| counters.baseline(post(number), "views").unwrap()).collect()
}

/// Everything is in the table, once.
fn assert_synced(counters: &Counters, count: i64) {
    wait_for("a sync of everything", || {
        counters.sync(&SyncOptions::default()).ok()?.is_clean().then_some(())
    });
    assert_eq!(baselines(counters, 1..=COUNTERS), vec![count; COUNTERS as usize]);
}

/// The node goes once its counters are claimed: before their rows are written, so that it is not
/// asked what it remembers, before the claims are verified, or before they are acknowledged.
#[test]
fn a_node_that_goes_while_claims_of_it_are_in_hand_keeps_no_others_waiting() {
    let world = World::new();
    let node = world.other;
    let here = world.on(node);
    assert!(!here.is_empty() && here.len() < COUNTERS as usize);
    let others = COUNTERS - here.len() as i64;
    for (round, step) in (1..).zip(["upsert", "verify", "ack"]) {
        let site = Arc::clone(&world.site);
        let faults = Faults::calling_once_before(step, move || {
            site.lock().unwrap().nodes[node].kill();
        });
        let counters = world.process_behind(&faults);
        increment_all(&counters);
        let report = counters.sync(&SyncOptions::default()).unwrap();
        assert_eq!(report.unavailable, here.len() as u64, "{step}: {report}");
        let is_applied = step == "ack";
        let applied = if is_applied { COUNTERS } else { others };
        assert_eq!(report.applied, applied as u64, "{step}: {report}");
        // And again: it is still away.
        counters.increment(post(first_but(&here)), "views", 1).unwrap();
        let report = counters.sync(&SyncOptions::default()).unwrap();
        assert_eq!(report.applied, 1, "{step}: {report}");
        let stopped = report.stopped.as_ref().map(ToString::to_string).unwrap_or_default();
        assert!(stopped.contains("scan"), "{step}: {stopped}");
        world.start_again(node);
        counters.decrement(post(first_but(&here)), "views", 1).unwrap();
        assert_synced(&counters, round);
    }
}

/// The first counter that is not among these.
fn first_but(here: &[i64]) -> i64 {
    (1..).find(|number| !here.contains(number)).unwrap()
}

/// Nothing is acknowledged at first, so that all of it is in hand when the next pass begins.
#[test]
fn what_is_in_hand_of_the_other_nodes_is_settled_while_one_is_away() {
    let world = World::new();
    let (node, site) = (world.other, Arc::clone(&world.site));
    let here = world.on(node);
    let is_first = AtomicBool::new(true);
    let faults = Faults::deciding(move |step| {
        let is_meant = step == "ack" && is_first.swap(false, SeqCst);
        is_meant.then(|| {
            site.lock().unwrap().nodes[node].kill();
            Fault::Before
        })
    });
    let counters = world.process_behind(&faults);
    increment_all(&counters);
    let report = counters.sync(&SyncOptions::default()).unwrap();
    assert_eq!(
        (report.applied, report.unavailable),
        (COUNTERS as u64, COUNTERS as u64),
        "{report}"
    );
    let others = (1..=COUNTERS).filter(|number| !here.contains(number)).collect::<Vec<_>>();
    for number in &others {
        counters.increment(post(*number), "views", 1).unwrap();
    }
    // The first of them settles what is in hand, and the second claims what was counted since.
    for _ in 0..2 {
        assert!(counters.sync(&SyncOptions::default()).unwrap().stopped.is_some());
    }
    assert_eq!(baselines(&counters, others.iter().copied()), vec![2; others.len()]);
    world.start_again(node);
    for number in &here {
        counters.increment(post(*number), "views", 1).unwrap();
    }
    assert_synced(&counters, 2);
}

/// A worker that follows the index does not need the note of a scan.
#[test]
fn a_worker_goes_on_while_the_node_is_away_that_has_the_note_of_a_scan() {
    let world = World::new();
    let node = world.move_away_from_id("counter:{scanned}");
    let here = world.on(node);
    let counters = world.process();
    increment_all(&counters);
    assert_synced(&counters, 1);
    increment_all(&counters);
    world.kill(node);
    let report = counters.sync(&SyncOptions::default().follow_index(true)).unwrap();
    assert_eq!(report.applied, COUNTERS as u64 - here.len() as u64, "{report}");
    world.assert_is_found_away(node, &counters);
}

/// That node has what concerns the data as a whole: which data it is, and its database.
#[test]
fn while_the_node_of_the_id_is_away_increments_of_the_others_count_and_wait() {
    let world = World::new();
    let counters = world.process();
    increment_all(&counters);
    assert_synced(&counters, 1);
    let here = world.on(world.home);
    world.kill(world.home);
    let others = (1..=COUNTERS).filter(|number| !here.contains(number)).collect::<Vec<_>>();
    for number in &others {
        counters.increment(post(*number), "views", 1).unwrap();
        assert_eq!(counters.get(post(*number), "views").unwrap(), 2);
    }
    // A connection may have been lost with the node: then it is not known at first.
    wait_for("an increment that is known not to be counted", || {
        let refused = counters.increment(post(here[0]), "views", 1).unwrap_err();
        matches!(refused, Error::Core(StoreError::NotCounted { .. })).then_some(())
    });
    for _ in 0..2 {
        let error = counters.sync(&SyncOptions::default()).unwrap_err();
        assert!(matches!(error, Error::Core(StoreError::Store { .. })), "{error:?}");
    }
    assert_eq!(baselines(&counters, others.iter().copied()), vec![1; others.len()]);
    world.start_again(world.home);
    for number in &here {
        counters.increment(post(*number), "views", 1).unwrap();
    }
    assert_synced(&counters, 2);
}
