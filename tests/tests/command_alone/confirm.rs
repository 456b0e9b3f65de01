//! Claims that wait for replicas, as the environment or a flag says.

use std::process::Command;

use counter_tests::fixtures::user;
use counter_tests::process::wait_for;
use counter_tests::program::{Program, ProgramEnd};
use counter_tests::site::Site;

/// A sync that waits for a replica, as a flag says and as the environment does.
const WAYS: [fn(&mut Command) -> &mut Command; 2] = [
    |command| command.args(["sync", "--confirm-claims", "replicas=1"]),
    |command| command.env("COUNTER_CONFIRM_CLAIMS", "replicas=1").arg("sync"),
];

fn run(command: &mut Command) -> ProgramEnd {
    Program::start(command).finish()
}

#[test]
fn a_sync_that_waits_for_a_replica_applies_nothing_without_one() {
    let site = Site::with_sqlite();
    let counters = site.counters();
    counters.run_pending_migrations().unwrap();
    for (id, sync) in (1..).zip(WAYS) {
        counters.increment(user(id), "views", 5).unwrap();
        let ended = run(sync(&mut site.command()));
        assert_eq!(ended.code(), 3, "{ended:?}");
        assert!(ended.errors.contains("only 0 of 1 have confirmed"), "{ended:?}");
        assert_eq!(counters.baseline(user(id), "views").unwrap(), 0);
    }
    let replica = site.redis().start_replica(&[]);
    let mut bare = site.redis().bare();
    wait_for("the replica to confirm something", || {
        redis::cmd("SET").arg("anything").arg(1).exec(&mut bare).ok()?;
        let confirmed: u64 = redis::cmd("WAIT").arg(1).arg(1000).query(&mut bare).ok()?;
        (confirmed == 1).then_some(())
    });
    for (id, sync) in (11..).zip(WAYS) {
        counters.increment(user(id), "views", 5).unwrap();
        let ended = run(sync(&mut site.command()));
        assert!(!ended.errors.contains("confirmed"), "{ended:?}");
        assert_eq!(counters.baseline(user(id), "views").unwrap(), 5);
    }
    drop(replica);
}

#[test]
fn what_claims_cannot_wait_for_is_refused() {
    let site = Site::with_sqlite();
    let flag = run(site.command().args(["sync", "--confirm-claims", "replicas=0"]));
    let variable = run(site.command().env("COUNTER_CONFIRM_CLAIMS", "everything").arg("sync"));
    for ended in [flag, variable] {
        assert_eq!(ended.code(), 2, "{ended:?}");
        assert!(ended.errors.contains("replicas=N"), "{ended:?}");
    }
}
