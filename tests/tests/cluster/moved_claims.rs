//! Claims and sets of a slot that is on its way, where counters are in all slots, and a move that
//! is broken off.

use std::time::{Duration, Instant};

use counter_core::{Claimed, DeltaStore, Error, Prefix, RedisStore, Replacement};
use counter_tests::fixtures::views_of;
use counter_tests::process::wait_for;
use counter_tests::servers::ClusterSite;
use counter_tests::store_worlds::{new_prefix, patient};

use super::faults::slot_of;
use super::moving::movable;

const READ: Duration = Duration::from_millis(300);
/// Time for a connection to another node, on a busy machine. What never ends takes longer.
const SLACK: Duration = Duration::from_secs(20);

fn store_on(site: &ClusterSite, prefix: &Prefix) -> RedisStore {
    let builder = RedisStore::builder(site.url()).prefix(prefix.clone()).timeouts(patient());
    builder.without_index().build().unwrap()
}

/// A store that does not wait long for what is on its way.
fn hasty_store_on(site: &ClusterSite, prefix: &Prefix) -> RedisStore {
    let builder = RedisStore::builder(site.url()).prefix(prefix.clone()).read_timeout(READ);
    builder.without_index().build().unwrap()
}

fn claim(store: &RedisStore) -> Claimed {
    store.claim(&[views_of(1)], Duration::ZERO).unwrap().remove(0)
}

/// The node to which a claim is sent on confirms it to its own connections only.
#[test]
fn what_another_node_has_claimed_or_set_is_left_until_it_can_be_confirmed() {
    let (site, prefix) = (movable(), new_prefix());
    let store = store_on(site, &prefix);
    store.increment(&views_of(1), 5).unwrap();
    let Claimed::Fresh(made) = claim(&store) else { panic!("there is no claim") };
    store.increment(&views_of(1), 3).unwrap();
    let moving = site.begin_move(slot_of(&site.nodes[0], &prefix.pending_name(&views_of(1))));
    while let Some(name) = moving.next_name() {
        moving.migrate(&name);
    }
    // All names that the script takes are there, so the claim is written again.
    let claimed = claim(&store);
    assert!(matches!(claimed, Claimed::Unavailable { .. }), "{claimed:?}");
    let held = |store: &RedisStore| store.look(&[views_of(1)]).unwrap().held.remove(0).unwrap();
    assert_eq!(held(&store).claim.as_ref(), Some(&made));
    let error = store.replace(&views_of(1), Replacement::Set(7)).unwrap_err();
    assert!(matches!(error, Error::OutcomeUnknown { .. }), "{error:?}");
    let set = held(&store).claim.unwrap();
    assert!(set.seq > made.seq, "{set:?}");
    moving.end();
    // Until the nodes agree.
    let recovered = wait_for("a claim that is confirmed", || match claim(&store) {
        Claimed::Recovered(claim) => Some(claim),
        _ => None,
    });
    assert_eq!(recovered, set);
}

/// Redis 7.0 forgets that it imports a slot when the importing node fails over, and Valkey does
/// not.
#[test]
fn a_move_to_a_node_that_fails_over_ends_for_callers_at_the_bound_and_counts_nothing_twice() {
    for program in ["redis-server", "valkey-server"] {
        let site = ClusterSite::start_program(program, &[]);
        let prefix = "counter-{app}:".parse().unwrap();
        let (store, hasty) = (store_on(&site, &prefix), hasty_store_on(&site, &prefix));
        store.increment(&views_of(1), 5).unwrap();
        let moving = site.begin_move(slot_of(&site.nodes[0], "{app}"));
        site.fail_over_from(moving.importing());
        // An existing name is counted where it is, and a new name is sent on.
        store.increment(&views_of(1), 1).unwrap();
        let started = Instant::now();
        let new = hasty.increment(&views_of(2), 1);
        assert!(started.elapsed() < READ + SLACK, "{program}: {:?}", started.elapsed());
        assert!(matches!(new, Ok(()) | Err(Error::NotCounted { .. })), "{program}: {new:?}");
        let counted = i64::from(new.is_ok());
        // A read needs names that are not there, too.
        let pending = |store: &RedisStore, number| {
            let look = store.look(&[views_of(number)])?;
            Ok::<_, Error>(look.held[0].as_ref().unwrap().pending)
        };
        assert!(matches!(pending(&hasty, 1), Ok(6) | Err(Error::Store { .. })), "{program}");
        if new.is_err() {
            moving.give_up();
        }
        store.increment(&views_of(2), 1).unwrap();
        let both = [1, 2].map(|number| pending(&store, number).unwrap());
        assert_eq!(both, [6, 1 + counted], "{program}");
    }
}
