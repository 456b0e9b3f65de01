//! How Redis is set up.

use counter_diesel::check::FindingCode as Code;
use counter_diesel::check::Severity::{Error, Note, Warning};
use counter_tests::process::wait_for;
use counter_tests::servers::Port;
use counter_tests::servers::RedisServer;

use super::{CheckSite, DURABLE, found, only};

fn set(site: &CheckSite, name: &str, value: &str) {
    let () = site.redis_words(&["CONFIG", "SET", name, value]);
}

fn info(site: &CheckSite, name: &str) -> String {
    let info: String = site.redis("INFO");
    let line = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.unwrap().trim().to_owned()
}

#[test]
fn nothing_is_found_where_all_is_well() {
    let site = CheckSite::new();
    let check_up = site.check();
    assert_eq!(found(&check_up), [], "{check_up}");
    assert_eq!(check_up.worst(), None);
    let redis = check_up.store.as_ref().unwrap().to_string();
    assert_eq!(redis, format!("Redis {}", info(&site, "redis_version")));
    let shown = check_up.to_string();
    assert!(shown.starts_with(&format!("{redis}, SQLite 3.")), "{shown}");
    assert!(shown.ends_with(": nothing found\n"), "{shown}");
}

#[test]
fn the_newer_version_of_the_protocol_says_the_same() {
    let site = CheckSite::new();
    set(&site, "appendfsync", "everysec");
    let url = format!("{}?protocol=resp3", site.redis.url());
    let store = site.store_at(&url, &Default::default());
    let ledger = std::sync::Arc::clone(&site.ledger);
    let counters = counter_diesel::Counters::from_parts(Default::default(), store, ledger);
    assert_eq!(counters.check(), site.check());
    only(&counters.check(), Note, Code::StoreFsync);
}

#[test]
fn a_policy_that_evicts_counters_is_an_error() {
    let site = CheckSite::new();
    set(&site, "maxmemory-policy", "allkeys-lru");
    set(&site, "maxmemory", "1gb");
    let finding = only(&site.check(), Error, Code::StoreEvicts);
    assert!(finding.message.contains("allkeys-lru"), "{finding}");
}

#[test]
fn a_memory_that_is_nearly_full_is_a_warning() {
    let site = CheckSite::new();
    set(&site, "maxmemory-policy", "noeviction");
    // Beside which the memory of connections is little.
    let _: i64 = site.redis("SETRANGE filler 10000000 x");
    let used: u64 = info(&site, "used_memory").parse().unwrap();
    set(&site, "maxmemory", &(used + used / 20).to_string());
    only(&site.check(), Warning, Code::StoreMemoryFull);
}

#[test]
fn a_server_that_keeps_snapshots_only_is_a_warning() {
    let snapshots = CheckSite::with_redis(RedisServer::start_with(&["--save", "3600 1"]));
    let finding = only(&snapshots.check(), Warning, Code::StoreNotPersistent);
    assert!(finding.message.contains("snapshot"), "{finding}");
}

#[test]
fn an_append_only_file_that_reaches_the_disk_late_is_a_warning() {
    let site = CheckSite::new();
    set(&site, "appendfsync", "no");
    only(&site.check(), Warning, Code::StoreFsync);
}

#[test]
fn a_server_that_cannot_write_to_its_disk_is_an_error() {
    let site = CheckSite::new();
    let (_, folder): (String, String) = site.redis("CONFIG GET dir");
    // A snapshot is moved to its place, and that is taken by a folder.
    std::fs::create_dir(format!("{folder}/dump.rdb")).unwrap();
    let _: String = site.redis("BGSAVE");
    wait_for("the snapshot to fail", || {
        (info(&site, "rdb_last_bgsave_status") == "err").then_some(())
    });
    only(&site.check(), Error, Code::StorePersistenceFails);
}

#[test]
fn a_replica_is_an_error() {
    let (primary, site) = (RedisServer::start(), CheckSite::new());
    let url = primary.url();
    let port = url.trim_end_matches('/').rsplit(':').next().unwrap();
    let () = site.redis(&format!("REPLICAOF 127.0.0.1 {port}"));
    wait_for("it to follow", || (info(&site, "master_link_status") == "up").then_some(()));
    only(&site.check(), Error, Code::StoreIsReplica);
}

#[test]
fn a_node_of_a_cluster_is_an_error() {
    let port = Port::claim();
    let number = port.number().to_string();
    let options = ["--cluster-enabled", "yes", "--cluster-port", &number];
    let site = CheckSite::with_redis(RedisServer::start_with(&[&DURABLE[..], &options].concat()));
    let () = site.redis("CLUSTER ADDSLOTSRANGE 0 16383");
    wait_for("the cluster to work", || {
        let info: String = site.redis("CLUSTER INFO");
        info.contains("cluster_state:ok").then_some(())
    });
    only(&site.check(), Error, Code::StoreInCluster);
}

#[test]
fn an_old_server_is_a_warning() {
    let site = CheckSite::with_redis(RedisServer::start_program(&["redis-server-3.2"], &DURABLE));
    let check_up = site.check();
    only(&check_up, Warning, Code::StoreVersion);
    assert_eq!(check_up.store.unwrap().to_string(), "Redis 3.2.6");
}
