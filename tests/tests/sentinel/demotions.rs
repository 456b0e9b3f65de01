//! A master that is demoted by hand, which no sentinel says.

use std::thread;

use counter_core::{DeltaStore, RedisStore};
use counter_tests::fixtures::views_of;
use counter_tests::process::wait_for;
use counter_tests::said::everything_said;
use counter_tests::servers::{RedisServer, Watch, built, start_sentinels, url_of};

fn connections_that_count(server: &RedisServer) -> usize {
    let clients: String = redis::cmd("CLIENT").arg("LIST").query(&mut server.bare()).unwrap();
    clients.matches("cmd=incrby").count()
}

#[test]
fn one_refusal_ends_all_connections_to_a_demoted_master() {
    let master = RedisServer::start();
    let sentinels = start_sentinels(std::slice::from_ref(&master), 1, &Watch::default());
    let store = built(|| RedisStore::builder(url_of(&sentinels)));
    wait_for("several connections", || {
        thread::scope(|scope| {
            (0..4).for_each(|_| drop(scope.spawn(|| store.increment(&views_of(1), 1).unwrap())));
        });
        (connections_that_count(&master) > 2).then_some(())
    });
    // A sentinel would make this server a master again.
    sentinels[0].freeze();
    let another = RedisServer::start();
    let to = ["127.0.0.1", &another.port().to_string()];
    redis::cmd("REPLICAOF").arg(&to).exec(&mut master.bare()).unwrap();
    let said = [(); 3].map(|()| everything_said(&store.increment(&views_of(1), 1).unwrap_err()));
    assert!(said[0].contains("READONLY"), "{said:?}");
    let is_refused =
        |said: &String| said.contains("its role is slave") && !said.contains("READONLY");
    assert!(said[1..].iter().all(is_refused), "{said:?}");
}
