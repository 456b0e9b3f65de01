//! A slot of which some names are on one node and some on another.

use std::num::NonZeroUsize;
use std::sync::OnceLock;
use std::time::Duration;

use counter_core::{Claimed, Cursor, DeltaStore, Error, Pattern, Prefix, RedisStore, Replacement};
use counter_tests::fixtures::views_of;
use counter_tests::process::wait_for;
use counter_tests::servers::ClusterSite;
use counter_tests::store_worlds::{PATIENCE, patient};

use super::faults::slot_of;

/// How long a store waits for names that are on their way, and do not arrive.
const SOON: Duration = Duration::from_millis(500);

/// A cluster of this process, in which slots move and nothing fails over. Each test moves a slot of
/// its own.
pub fn movable() -> &'static ClusterSite {
    static SITE: OnceLock<ClusterSite> = OnceLock::new();
    let patient = ["--cluster-node-timeout", "30000"];
    SITE.get_or_init(|| ClusterSite::start_program("redis-server", &patient))
}

/// A store whose names are all in one slot, and that slot.
fn store_of(prefix: &Prefix) -> (RedisStore, u16) {
    (waiting(prefix, PATIENCE), slot_of(&movable().nodes[0], prefix.as_str()))
}

fn waiting(prefix: &Prefix, read: Duration) -> RedisStore {
    let builder = RedisStore::builder(movable().url()).prefix(prefix.clone()).timeouts(patient());
    builder.read_timeout(read).without_index().build().unwrap()
}

fn tagged(tag: &str) -> Prefix {
    format!("counter-{{{tag}}}:").parse().unwrap()
}

/// The pending deltas and the claims of the counters 1 to 3.
fn look(store: &RedisStore) -> Vec<(i64, Option<i64>)> {
    let ids = [1, 2, 3].map(views_of);
    let held = store.look(&ids).unwrap().held.into_iter().map(Result::unwrap);
    held.map(|held| (held.pending, held.claim.map(|claim| claim.seq.get()))).collect()
}

#[test]
fn reads_and_increments_are_right_and_what_takes_several_names_says_that_they_are_on_their_way() {
    let (site, prefix) = (movable(), tagged("split"));
    let (store, slot) = store_of(&prefix);
    store.increment(&views_of(1), 5).unwrap();
    store.increment(&views_of(2), 7).unwrap();
    let claimed = store.claim(&[views_of(1)], Duration::ZERO).unwrap().remove(0);
    let Claimed::Fresh(claim) = claimed else { panic!("{claimed:?}") };
    let high_water = store.look(&[views_of(1)]).unwrap().high_water;
    let claimed = Some(claim.seq.get());

    let moving = site.begin_move(slot);
    // With nothing moved, what is there is on the old node, and what is new on the other.
    store.increment(&views_of(3), 9).unwrap();
    assert_eq!(look(&store), [(0, claimed), (7, None), (9, None)]);
    for name in [prefix.pending_name(&views_of(2)), prefix.high_water_name()] {
        moving.migrate(&name);
        store.increment(&views_of(1), 1).unwrap();
        store.increment(&views_of(2), 1).unwrap();
    }
    assert_eq!(look(&store), [(2, claimed), (9, None), (9, None)]);
    assert_eq!(store.look(&[views_of(1)]).unwrap().high_water, high_water);

    let hasty = waiting(&prefix, SOON);
    // Where the last answer is late, it is unknown whether the set was made.
    let split = wait_for("an answer in time", || {
        let split = hasty.replace(&views_of(2), Replacement::Set(1)).unwrap_err();
        (!matches!(split, Error::OutcomeUnknown { .. })).then_some(split)
    });
    assert!(matches!(split, Error::NotCounted { .. }), "{split:?}");
    let split = hasty.claim(&[views_of(2)], Duration::ZERO).unwrap_err();
    assert!(matches!(split, Error::Store { .. }), "{split:?}");
    assert_eq!(look(&store), [(2, claimed), (9, None), (9, None)]);

    for id in [1, 3].map(views_of) {
        moving.migrate(&prefix.pending_name(&id));
        moving.migrate(&prefix.claim_name(&id));
    }
    moving.migrate(&prefix.given_out_name());
    moving.end();
    assert_eq!(look(&store), [(2, claimed), (9, None), (9, None)]);
    store.replace(&views_of(2), Replacement::Set(1)).unwrap();
    store.ack(&[claim]).unwrap();
    assert_eq!(look(&store)[0], (2, None));
}

#[test]
fn a_scan_that_its_slot_leaves_begins_anew_where_that_is() {
    let (site, prefix) = (movable(), tagged("scanned"));
    let (store, slot) = store_of(&prefix);
    let counters = 600;
    for number in 0..counters {
        store.increment(&views_of(number), 1).unwrap();
    }
    let page = |from| store.scan(&Pattern::all(), from, NonZeroUsize::new(100).unwrap()).unwrap();
    let first = page(Cursor::default());
    let mut next = first.next;
    assert!(next.is_some() && first.ids.len() < 600);
    site.move_slot(slot, || {});
    let mut found = std::collections::BTreeSet::new();
    while let Some(from) = next {
        let page = page(from);
        found.extend(page.ids);
        next = page.next;
    }
    assert_eq!(found.len(), counters as usize);
}

#[test]
fn a_scan_says_that_names_are_on_two_nodes_and_ends() {
    let (site, prefix) = (movable(), tagged("two-nodes"));
    let (store, slot) = store_of(&prefix);
    let scan = || {
        let (mut found, mut next) = (0, Some(Cursor::default()));
        while let Some(from) = next {
            let page = store.scan(&Pattern::all(), from, NonZeroUsize::new(100).unwrap())?;
            (found, next) = (found + page.ids.len(), page.next);
        }
        Ok::<_, Error>(found)
    };
    // Also where the store was never synced, and has no high water.
    store.increment(&views_of(1), 1).unwrap();
    assert_eq!(scan().unwrap(), 1);
    let moving = site.begin_move(slot);
    for _ in 0..2 {
        let error = scan().unwrap_err();
        let why = std::error::Error::source(&error).unwrap().to_string();
        assert!(why.contains("on its way"), "{why}");
        moving.migrate(&prefix.pending_name(&views_of(1)));
    }
    moving.end();
    assert_eq!(scan().unwrap(), 1);
}

#[test]
fn a_slot_on_its_way_is_found_by_a_check_up() {
    let (site, prefix) = (movable(), tagged("checked"));
    let (store, slot) = store_of(&prefix);
    let is_moving = || {
        let facts = store.inspection().unwrap().inspect().unwrap();
        let cluster = facts.cluster.known().unwrap().clone();
        assert_eq!((cluster.slot, cluster.nodes >= 3), (slot, true), "{cluster:?}");
        cluster.is_moving.known().copied()
    };
    assert_eq!(is_moving(), Some(false));
    let moving = site.begin_move(slot);
    assert_eq!(is_moving(), Some(true));
    moving.end();
    assert_eq!(is_moving(), Some(false));
}
