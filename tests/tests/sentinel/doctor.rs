//! What a check-up says of sentinels and of the master that they name.

use std::sync::Arc;

use counter_core::{Config, RedisStore};
use counter_diesel::Counters;
use counter_diesel::check::FindingCode as Code;
use counter_diesel::check::Severity::{Note, Warning};
use counter_diesel::check::{CheckUp, Severity};
use counter_tests::database::{self, Database};
use counter_tests::process::wait_for;
use counter_tests::servers::{
    MASTER_NAME, RedisServer, SentinelSite, Watch, built, start_sentinels, url_of,
};

/// Makes a check-up that finds this.
fn check(url: &str, database: &dyn Database, expected: &[(Severity, Code)]) -> CheckUp {
    let ledger = database.ledger("model_counters");
    ledger.run_pending_migrations().unwrap();
    let store = built(|| RedisStore::builder(url));
    let counters = Counters::from_parts(Config::default(), Arc::new(store), ledger);
    // A sentinel on a busy machine may need longer than it has.
    wait_for("the findings", || {
        let check_up = counters.check();
        let found = check_up.findings.iter().map(|finding| (finding.severity, finding.code));
        // These servers keep nothing on disk.
        let found = found.filter(|(_, code)| *code != Code::StoreNotPersistent);
        found.eq(expected.iter().copied()).then_some(check_up)
    })
}

#[test]
fn the_master_is_named_and_so_are_the_sentinels_that_do_not_answer() {
    let mut site = SentinelSite::without_failovers();
    let (url, database) = (site.url(), database::sqlite());
    let check_up = check(&url, &*database, &[(Note, Code::StoreMinReplicas)]);
    let master = format!("{MASTER_NAME} at 127.0.0.1:{}", site.servers[0].port());
    assert_eq!(check_up.master.as_deref(), Some(master.as_str()));
    assert!(check_up.to_string().contains(&format!(" ({master}), SQLite")), "{check_up}");

    let set = ["SET", "min-replicas-to-write", "1"];
    redis::cmd("CONFIG").arg(&set).exec(&mut site.servers[0].bare()).unwrap();
    let killed = site.sentinels[2].host();
    site.sentinels[2].kill();
    let check_up = check(&url, &*database, &[(Warning, Code::SentinelSilent)]);
    let finding = check_up.findings.iter().find(|finding| finding.code == Code::SentinelSilent);
    assert!(finding.unwrap().message.contains(&killed), "{check_up}");
}

#[test]
fn a_sentinel_that_the_url_does_not_name_is_missed() {
    let site = SentinelSite::without_failovers();
    let url = url_of(&site.sentinels[..2]);
    let expected = [(Warning, Code::SentinelsUnnamed), (Note, Code::StoreMinReplicas)];
    let check_up = check(&url, &*database::sqlite(), &expected);
    let finding = check_up.findings.iter().find(|it| it.code == Code::SentinelsUnnamed).unwrap();
    assert!(finding.message.starts_with("the URL names 2 of 3 sentinels"), "{check_up}");
}

#[test]
fn a_lonely_master_with_one_sentinel_is_found() {
    let master = RedisServer::start();
    let sentinels = start_sentinels(std::slice::from_ref(&master), 1, &Watch::default());
    let expected = [
        (Warning, Code::StoreNotReplicated),
        (Note, Code::SentinelsFew),
        (Note, Code::StoreMinReplicas),
    ];
    let _ = check(&url_of(&sentinels), &*database::sqlite(), &expected);
}
