//! Proxies that answer with errors of their own.

use counter_core::{DeltaStore, Error, Replacement};
use counter_tests::fixtures::downloads_of;
use counter_tests::process::wait_for;
use counter_tests::proxy::{Kind, Proxy, Towards, Trouble};
use counter_tests::redis_pools::STORES;
use counter_tests::servers::{FakeRedis, FakeReply, RedisServer};

use super::{assert_not_counted, assert_unknown};

/// What Envoy and twemproxy answer where they have passed a command on and lost the server.
const ANSWERS: [&str; 3] =
    ["-upstream failure\r\n", "-ERR Connection timed out\r\n", "-ERR server closed connection\r\n"];

/// Answers with one of [`ANSWERS`] after each of these operations was carried out.
fn answer_instead(
    operate: fn(&dyn DeltaStore) -> Result<(), Error>,
    is_carried_out: fn(&RedisServer) -> bool,
) {
    for (pool, store) in STORES {
        for answer in ANSWERS {
            let server = RedisServer::start();
            let proxy = Proxy::to_port(server.port());
            let store = store(&proxy.redis_url());
            // On a connection that is there already, with a script that is loaded.
            store.increment(&downloads_of(1), 1).unwrap();
            store.replace(&downloads_of(2), Replacement::Set(2)).unwrap();
            let kind = Kind::Instead(answer);
            proxy.prepare(Trouble { towards: Towards::Client, after: 0, kind });
            assert_unknown(pool, operate(&*store));
            assert_eq!(proxy.calm(), 1, "{pool}: {answer}");
            wait_for("it to be carried out", || is_carried_out(&server).then_some(()));
        }
    }
}

fn text_of(server: &RedisServer, name: &str) -> String {
    redis::cmd("GET")
        .arg(name)
        .query::<Option<String>>(&mut server.bare())
        .unwrap()
        .unwrap_or_default()
}

#[test]
fn an_increment_that_a_proxy_answers_with_an_error_of_its_own_is_unknown() {
    let is_counted = |server: &RedisServer| text_of(server, "counter:user:1:downloads") == "6";
    answer_instead(|store| store.increment(&downloads_of(1), 5), is_counted);
    answer_instead(|store| store.increment_many(&[(downloads_of(1), 5)]).remove(0), is_counted);
}

#[test]
fn a_set_or_a_delete_that_a_proxy_answers_with_an_error_of_its_own_is_unknown() {
    fn claim_of(server: &RedisServer) -> String {
        text_of(server, "counter:{counter:user:2:downloads}")
    }
    answer_instead(
        |store| store.replace(&downloads_of(2), Replacement::Set(7)).map(drop),
        |server| claim_of(server).ends_with(":set:7"),
    );
    answer_instead(
        |store| store.replace(&downloads_of(2), Replacement::Delete).map(drop),
        |server| claim_of(server).ends_with(":del:0"),
    );
}

/// Redis before 7 puts it behind the place in the script. It is a new connection's first answer
/// each time.
#[test]
fn a_script_on_a_server_that_became_a_replica_is_refused_and_its_connection_not_used_again() {
    let server = FakeRedis::start(|number, _| match number {
        0 => FakeReply::Bytes(
            "-ERR Error running script (call to f_0b1c): @user_script:1: @user_script: 1: \
             -READONLY You can't write against a read only replica. \r\n",
        ),
        _ => FakeReply::Bytes(":1\r\n"),
    });
    for (pool, store) in STORES {
        let store = store(&server.url());
        for _ in 0..3 {
            let set = store.replace(&downloads_of(1), Replacement::Set(1));
            assert_not_counted(pool, set.map(drop));
        }
    }
}
