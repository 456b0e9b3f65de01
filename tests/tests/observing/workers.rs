//! What workers tell.

use std::time::Duration;

use counter_tests::faults::Fault;
use counter_tests::log::Told;

use crate::events::only;
use crate::scenes::{counted, failing_at, memory, panicking_once, slow_at, told_of};

pub const NEVER: Duration = Duration::from_secs(3600);
const SOON: Duration = Duration::from_millis(1);
pub const PATIENCE: Duration = Duration::from_secs(60);

pub fn show_life() -> Vec<Told> {
    let world = memory();
    let worker = counted(&world).spawn_sync(NEVER).unwrap();
    worker.stop().unwrap();
    let told = told_of(&world);
    let texts = told.iter().map(|told| told.text.as_str()).collect::<Vec<_>>();
    assert_eq!(texts, ["a worker started", "synced", "a worker stopped"]);
    assert_eq!(told[0].field("interval_seconds"), "3600.0");
    assert_eq!((told[2].field("passes"), told[2].field("applied")), ("1", "1"));
    told
}

pub fn show_pace() -> Vec<Told> {
    let world = memory();
    let worker = slow_at(&world, "state", 2 * SOON).spawn_sync(SOON).unwrap();
    assert!(worker.wait_until(PATIENCE, |status| status.passes >= 3));
    worker.stop().unwrap();
    let told = told_of(&world);
    let slow = only(&told, "syncs take longer than the interval");
    assert_eq!(slow.field("interval_seconds"), "0.001");
    assert!(slow.field("seconds").parse::<f64>().unwrap() > 0.001, "{slow:?}");
    told
}

pub fn show_panic() -> Vec<Told> {
    let world = memory();
    let worker = panicking_once(&world).spawn_sync(NEVER).unwrap();
    worker.sync_now();
    assert!(worker.wait_until(PATIENCE, |status| status.passes == 1));
    worker.stop().unwrap();
    let told = told_of(&world);
    assert!(only(&told, "a sync panicked").field("error").contains("a planned panic"));
    told
}

pub fn show_drop() -> Vec<Told> {
    let world = memory();
    drop(counted(&world).spawn_sync(NEVER).unwrap());
    told_of(&world)
}

pub fn show_last_failure() -> Vec<Told> {
    let world = memory();
    drop(failing_at(&world, "state", Fault::Before).spawn_sync(NEVER).unwrap());
    let told = told_of(&world);
    assert!(only(&told, "the last sync of a worker failed").field("error").contains("planned"));
    assert_eq!(only(&told, "a sync failed").level, "ERROR");
    told
}
