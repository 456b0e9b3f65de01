//! A check-up waits only shortly for a session that has locked a table, as migrations do.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use counter_core::Config;
use counter_diesel::check::CheckUp;
use counter_diesel::check::FindingCode as Code;
use counter_tests::database::ServerConnection;
use counter_tests::faults::Faults;
use counter_tests::fixtures::{post, views_of};
use counter_tests::world::{PAIRS, World};
use diesel::{MysqlConnection, PgConnection};

use super::check_in_time;

/// The session that holds the lock, if there is one.
type Locker<C> = Arc<Mutex<Option<C>>>;

fn world(pair: &str) -> World {
    let (_, make) = PAIRS.iter().find(|(name, _)| *name == pair).unwrap();
    make()
}

/// What is found where a table is locked just before this step of a check-up, with a claim in the
/// store.
fn check_up_locked_at<C: ServerConnection>(
    world: &World,
    step: &'static str,
    table: &str,
) -> CheckUp {
    let locker = Locker::<C>::default();
    let lock = C::quoting(&C::LOCK_TABLE.replace("model_counters", table));
    let (url, holder) = (world.database.url(), Arc::clone(&locker));
    let faults = Faults::calling_once_before(step, move || {
        let mut conn = C::establish(&url).unwrap();
        conn.batch_execute(&lock).unwrap();
        *holder.lock().unwrap() = Some(conn);
    });
    let counters = world.counters_behind(&faults, Config::default());
    counters.increment(post(1), "views", 1).unwrap();
    world.store.claim(&[views_of(1)], Duration::MAX).unwrap();
    let check_up = check_in_time(counters);
    assert!(locker.lock().unwrap().take().is_some(), "it was locked");
    check_up.expect("it ends, whatever is locked")
}

fn message_of(check_up: &CheckUp, code: Code) -> &str {
    let finding = check_up.findings.iter().find(|finding| finding.code == code);
    &finding.unwrap_or_else(|| panic!("{code}: {check_up}")).message
}

fn is_not_held_up<C: ServerConnection>(pair: &str) {
    for table in ["model_counters", "model_counters_state"] {
        let check_up = check_up_locked_at::<C>(&world(pair), "inspect_ledger", table);
        let locked = format!("the table {table} cannot be read");
        assert!(message_of(&check_up, Code::SchemaUnusable).starts_with(&locked), "{check_up}");
    }
    // Locked only when it was found to be fine.
    let check_up = check_up_locked_at::<C>(&world(pair), "state", "model_counters_state");
    let message = message_of(&check_up, Code::DatabaseUnchecked);
    assert!(message.contains("the store that was synced last"), "{check_up}");
    let check_up = check_up_locked_at::<C>(&world(pair), "baselines", "model_counters");
    let message = message_of(&check_up, Code::DatabaseUnchecked);
    assert!(message.contains("checked: conflicts"), "{check_up}");
}

#[test]
fn a_table_that_is_locked_in_postgres_does_not_hold_it_up() {
    is_not_held_up::<PgConnection>("redis_x_postgres");
}

#[test]
fn a_table_that_is_locked_in_mariadb_does_not_hold_it_up() {
    is_not_held_up::<MysqlConnection>("redis_x_mariadb");
}
