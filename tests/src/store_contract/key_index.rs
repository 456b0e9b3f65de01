//! Stores that find counters without a scan.

use std::collections::BTreeSet;

use counter_core::DeltaStore;

use super::{contract, fresh};
use crate::fixtures::{counter_of, post, user, views_of};
use crate::store_worlds::StoreWorld;

contract![the_keys_of_an_owner_are_those_that_hold_anything];

fn keys_of(store: &dyn DeltaStore, owner: i64) -> BTreeSet<String> {
    let owner = post(owner);
    let keys = store.key_index().unwrap().keys_of(&owner).unwrap();
    keys.iter().map(ToString::to_string).collect()
}

fn the_keys_of_an_owner_are_those_that_hold_anything(world: &dyn StoreWorld) {
    let store = world.store();
    let likes = counter_of(&post(1), "likes");
    store.increment(&likes, 5).unwrap();
    let claim = fresh(&*store, &views_of(1), 5);
    store.increment(&views_of(2), 5).unwrap();
    store.increment(&counter_of(&user(1), "logins"), 5).unwrap();
    assert_eq!(keys_of(&*store, 1), ["likes", "views"].map(str::to_owned).into());
    store.ack(&[claim]).unwrap();
    assert_eq!(keys_of(&*store, 1), ["likes"].map(str::to_owned).into());
    assert_eq!(keys_of(&*store, 9), BTreeSet::new());
}
