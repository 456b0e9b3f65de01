//! What workers log.

use std::time::Duration;

use counter_core::Config;
use counter_tests::faults::{Fault, Faults};
use counter_tests::log::Logged;
use counter_tests::process::wait_for;

use crate::events::only;
use crate::scenes::{
    counted, failing_at, logged_of, memory, panicking_once, slow_at, without_slow_steps,
};

pub const NEVER: Duration = Duration::from_secs(3600);
const SOON: Duration = Duration::from_millis(1);
pub const PATIENCE: Duration = Duration::from_secs(60);

pub fn show_life() -> Vec<Logged> {
    let world = memory();
    let worker = counted(&world).spawn_sync(NEVER).unwrap();
    worker.stop().unwrap();
    let logged = without_slow_steps(logged_of(&world));
    let texts = logged.iter().map(|logged| logged.text.as_str()).collect::<Vec<_>>();
    assert_eq!(texts, ["a worker started", "synced", "a worker stopped"]);
    assert_eq!(logged[0].field("interval_seconds"), "3600.0");
    assert_eq!((logged[2].field("passes"), logged[2].field("applied")), ("1", "1"));
    logged
}

pub fn show_pace() -> Vec<Logged> {
    let world = memory();
    let worker = slow_at(&world, "state", 2 * SOON).spawn_sync(SOON).unwrap();
    assert!(worker.wait_until(PATIENCE, |status| status.passes >= 3));
    worker.stop().unwrap();
    let logged = logged_of(&world);
    let slow = only(&logged, "syncs take longer than the interval");
    assert_eq!(slow.field("interval_seconds"), "0.001");
    assert!(slow.field("seconds").parse::<f64>().unwrap() > 0.001, "{slow:?}");
    logged
}

pub fn show_panic() -> Vec<Logged> {
    let world = memory();
    let worker = panicking_once(&world).spawn_sync(NEVER).unwrap();
    worker.sync_now();
    assert!(worker.wait_until(PATIENCE, |status| status.passes == 1));
    worker.stop().unwrap();
    let logged = logged_of(&world);
    assert!(only(&logged, "a sync panicked").field("error").contains("a planned panic"));
    logged
}

pub fn show_pruned() -> Vec<Logged> {
    let logged = pruned_refusing("nothing");
    let pruned = only(&logged, "old periods were pruned");
    assert_eq!((pruned.field("cleared"), pruned.field("failed")), ("1", "0"), "{pruned:?}");
    logged
}

pub fn show_not_pruned() -> Vec<Logged> {
    let logged = pruned_refusing("move_counts");
    let named = only(&logged, "some old periods could not be pruned");
    assert_eq!(named.field("counter"), "post:1:views@day:2001-02-03");
    assert_eq!(only(&logged, "old periods were pruned").field("failed"), "1");
    logged
}

pub fn show_failed_prune() -> Vec<Logged> {
    let logged = pruned_refusing("bucket_type_after");
    assert!(only(&logged, "old periods could not be pruned").field("error").contains("planned"));
    logged
}

/// What a worker with an old bucket to prune logs if the database refuses this step.
fn pruned_refusing(step: &'static str) -> Vec<Logged> {
    let world = memory();
    let bucket = "post:1:views@day:2001-02-03".parse().unwrap();
    world.store.increment(&bucket, 5).unwrap();
    let faults = Faults::deciding(move |taken| (taken == step).then_some(Fault::Refused));
    let mut config = Config::default();
    config.retention = "day=90d".parse().unwrap();
    let worker = world.counters_behind(&faults, config).spawn_sync(NEVER).unwrap();
    worker.sync_now();
    let is_logged = || {
        let logged = logged_of(&world);
        logged.iter().any(|one| one.text.starts_with("old periods")).then_some(())
    };
    wait_for("the worker to prune", is_logged);
    worker.stop().unwrap();
    logged_of(&world)
}

pub fn show_drop() -> Vec<Logged> {
    let world = memory();
    drop(counted(&world).spawn_sync(NEVER).unwrap());
    logged_of(&world)
}

pub fn show_last_failure() -> Vec<Logged> {
    let world = memory();
    drop(failing_at(&world, "state", Fault::Before).spawn_sync(NEVER).unwrap());
    let logged = logged_of(&world);
    assert!(only(&logged, "the last sync of a worker failed").field("error").contains("planned"));
    assert_eq!(only(&logged, "a sync failed").level, "ERROR");
    logged
}
