use std::time::Duration;

use counter_core::{
    Claim, ClaimSeq, Claimed, DeltaStore, Error, RedisStore, Replacement, StoreGeneration as _,
};
use counter_tests::fixtures::downloads_of;
use counter_tests::servers::RedisServer;

use super::assert_not_counted;

const LONG: Duration = Duration::from_secs(3600);

/// Leaves the server without memory for anything.
fn fill(server: &RedisServer) {
    let mut limit = redis::cmd("CONFIG");
    limit.arg("SET").arg("maxmemory").arg("1kb");
    limit.exec(&mut server.bare()).unwrap();
}

fn fresh(claimed: Vec<Claimed>) -> Vec<Claim> {
    let fresh = claimed.into_iter().map(|claimed| match claimed {
        Claimed::Fresh(claim) => claim,
        other => panic!("{other:?}"),
    });
    fresh.collect()
}

/// A sync is what makes room, so it has to work without any.
#[test]
fn a_full_server_counts_nothing_but_can_still_be_synced() {
    let server = RedisServer::start_with(&["--maxmemory-policy", "noeviction"]);
    let store = RedisStore::builder(server.url()).build().unwrap();
    let ids: Vec<_> = (1..=50).map(downloads_of).collect();
    for id in &ids {
        store.increment(id, 5).unwrap();
    }
    fill(&server);
    assert_not_counted("full", store.increment(&downloads_of(1), 1));
    assert_not_counted("full", store.increment(&downloads_of(1000), 1));
    store.ensure_generation("database", ClaimSeq::new(7)).unwrap();
    let claims = fresh(store.claim(&ids, LONG).unwrap());
    assert_eq!(claims.len(), 50);
    let recovered = store.claim(&ids, Duration::ZERO).unwrap();
    assert!(recovered.iter().all(|claimed| matches!(claimed, Claimed::Recovered(_))));
    store.replace(&downloads_of(1), Replacement::Set(5)).unwrap();
    store.ack(&claims).unwrap();
}

#[test]
fn a_read_only_replica_counts_nothing_and_hands_out_no_claims() {
    let server = RedisServer::start();
    let store = RedisStore::builder(server.url()).build().unwrap();
    store.increment(&downloads_of(1), 5).unwrap();
    let mut bare = server.bare();
    let () = redis::cmd("REPLICAOF").arg("127.0.0.1").arg(1).query(&mut bare).unwrap();
    assert_not_counted("replica", store.increment(&downloads_of(1), 1));
    assert_not_counted("replica", store.replace(&downloads_of(1), Replacement::Delete).map(drop));
    let claimed = store.claim(&[downloads_of(1)], LONG);
    assert!(matches!(claimed, Err(Error::Store { .. })), "{claimed:?}");
    let () = redis::cmd("REPLICAOF").arg("NO").arg("ONE").query(&mut bare).unwrap();
    assert_eq!(store.look(&[downloads_of(1)]).unwrap().held[0].as_ref().unwrap().pending, 5);
}
