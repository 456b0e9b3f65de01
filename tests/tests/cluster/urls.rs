use counter_core::{DeltaStore, Error, RedisStore};
use counter_tests::fixtures::views_of;
use counter_tests::servers::{ClusterSite, RedisServer};

use super::faults::{prefix, slot_of_prefix};

#[test]
fn one_node_is_enough_to_find_the_others_and_a_replica_too() {
    let site = ClusterSite::start();
    for node in &site.nodes {
        let url = node.url().replace("redis://", "redis+cluster://");
        let store = RedisStore::builder(&url).prefix(prefix()).build().unwrap();
        store.increment(&views_of(1), 1).unwrap();
    }
    let url = site.url().replace("://", "://127.0.0.1:1,");
    let store = RedisStore::builder(&url).prefix(prefix()).build().unwrap();
    let look = store.look(&[views_of(1)]).unwrap();
    assert_eq!(look.held[0].as_ref().unwrap().pending, site.nodes.len() as i64);
}

#[test]
fn a_plain_url_of_a_node_is_followed_to_the_owner_of_the_slot() {
    let site = ClusterSite::start();
    for node in &site.nodes {
        let store = RedisStore::builder(node.url()).prefix(prefix()).build().unwrap();
        store.increment(&views_of(1), 1).unwrap();
    }
    let slot = slot_of_prefix(&site.nodes[0]);
    let old = site.wait_for_owner(slot, |_| true);
    let store = RedisStore::builder(old.url()).prefix(prefix()).build().unwrap();
    site.fail_over(slot);
    site.wait_for_owner(slot, |owner| owner.port() != old.port());
    store.increment(&views_of(1), 1).unwrap();
    let look = store.look(&[views_of(1)]).unwrap();
    assert_eq!(look.held[0].as_ref().unwrap().pending, site.nodes.len() as i64 + 1);
}

#[test]
fn a_cluster_whose_nodes_are_all_away_is_an_error_that_names_them() {
    let builder = || RedisStore::builder("redis+cluster://u:s3cret@127.0.0.1:1").prefix(prefix());
    let error = builder().build().err().unwrap();
    let text = format!("{error:?}");
    assert!(text.contains("127.0.0.1:1") && !text.contains("s3cret"), "{text}");
    let store = builder().connect_lazily().build().unwrap();
    let error = store.increment(&views_of(1), 1).unwrap_err();
    assert!(matches!(error, Error::NotCounted { .. }), "{error:?}");
}

#[test]
fn a_server_that_is_no_node_of_a_cluster_is_an_error_that_says_what_to_write() {
    let server = RedisServer::start();
    let url = server.url().replace("redis://", "redis+cluster://");
    let store = RedisStore::builder(url).prefix(prefix()).connect_lazily().build().unwrap();
    let error = format!("{:?}", store.look(&[views_of(1)]).unwrap_err());
    assert!(error.contains("it is no node of a cluster: write redis:// in the URL"), "{error}");
}
