//! Counters of one test's own, to which things happen.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use counter_core::{Claim, ClaimOp, ClaimSeq, Claimed, Config, DeltaStore, Generation};
use counter_diesel::ledger::LockWait;
use counter_diesel::{Counters, SyncOptions, SyncReport};
use counter_tests::faults::{Fault, Faults, FaultyStore};
use counter_tests::fixtures::{counter_of, post};
use counter_tests::log::{Log, Logged};
use counter_tests::process::wait_for;
use counter_tests::store_worlds::new_prefix;
use counter_tests::world::{PAIRS, World, impatient, memory_x_sqlite};

/// A sequence that no store gives out while these tests run.
pub const FUTURE: ClaimSeq = ClaimSeq::new(i64::MAX / 2);

/// What is logged of a step that took longer than an operator would like.
pub const SLOW: &str = "a step was slow";

/// A store in memory and a file, under a prefix of its own.
pub fn memory() -> World {
    let mut world = memory_x_sqlite();
    world.prefix = new_prefix();
    world
}

/// Redis and PostgreSQL.
pub fn redis() -> World {
    let (_, make) = PAIRS.iter().find(|(name, _)| *name == "redis_x_postgres").unwrap();
    make()
}

/// What was logged of the counters of this world.
pub fn logged_of(world: &World) -> Vec<Logged> {
    of_prefix(world, Log::of_process().events())
}

/// Leaves out steps that were slow: on a busy machine any step may be.
pub fn without_slow_steps(logged: Vec<Logged>) -> Vec<Logged> {
    logged.into_iter().filter(|logged| !was_slow(logged)).collect()
}

/// Whether this is a step that took as long as an operator hears of.
pub fn was_slow(logged: &Logged) -> bool {
    let number = |field| logged.field(field).parse::<f64>().unwrap();
    logged.text == SLOW && number("seconds") >= number("limit_seconds").max(0.25)
}

pub fn of_prefix(world: &World, all: Vec<Logged>) -> Vec<Logged> {
    let is_of_world = |logged: &Logged| logged.field("prefix") == world.prefix.as_str();
    all.into_iter().filter(is_of_world).collect()
}

/// Counters of which one waits to be synced.
pub fn counted(world: &World) -> Counters {
    let counters = world.counters_with(impatient());
    counters.increment(post(1), "views", 5).unwrap();
    counters
}

pub fn sync(counters: &Counters) -> SyncReport {
    counters.sync(&SyncOptions::default()).unwrap()
}

/// One whose row takes no more.
pub fn fill(counters: &Counters) {
    counters.set(post(1), "full", i64::MAX).unwrap();
    counters.increment(post(1), "full", 1).unwrap();
}

/// A claim whose row has seen a newer one, and which may have been applied.
pub fn contradict(world: &World, key: &str) -> Claim {
    world.counters().increment(post(1), key, 7).unwrap();
    let claim =
        match world.store.claim(&[counter_of(&post(1), key)], Duration::MAX).unwrap().remove(0) {
            Claimed::Fresh(claim) => claim,
            other => panic!("{other:?}"),
        };
    apply_from_the_future(world, key);
    claim
}

pub fn apply_from_the_future(world: &World, key: &str) {
    let claim = Claim { id: counter_of(&post(1), key), seq: FUTURE, op: ClaimOp::Set(100) };
    let mut transaction = world.ledger.begin(LockWait::Usual).unwrap();
    transaction.upsert(&[claim]).unwrap();
    transaction.commit().unwrap();
}

/// Counters whose claims vanish from the store while they are applied, as by an eviction.
pub fn losing(world: &World) -> Counters {
    let store = Arc::clone(&world.store);
    let faults = Faults::calling_once_before("verify", move || {
        let held = store.look(&[counter_of(&post(1), "views")]).unwrap().held.remove(0).unwrap();
        store.ack(&[held.claim.unwrap()]).unwrap();
    });
    let counters = world.counters_behind(&faults, Config::default());
    counters.increment(post(1), "views", 5).unwrap();
    counters
}

/// Counters of which one waits, and which meet this at each step of this name.
pub fn failing_at(world: &World, step: &'static str, fault: Fault) -> Counters {
    let faults = Faults::deciding(move |name| (name == step).then_some(fault));
    let counters = world.counters_behind(&faults, Config::default());
    counters.increment(post(1), "views", 5).unwrap();
    counters
}

/// Waits until the clock has come to the newest sequence that a store has given out: one in memory
/// leaves out most, and so is a moment ahead.
pub fn wait_for_clock(store: &dyn DeltaStore) {
    let newest = store.look(&[]).unwrap().high_water.get();
    wait_for("the clock to go on", || {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros();
        (now > newest.try_into().unwrap()).then_some(())
    });
}

/// Counters whose first sync panics.
pub fn panicking_once(world: &World) -> Counters {
    let is_first = AtomicBool::new(true);
    let faults = Faults::calling(move |step| {
        assert!(step != "state" || !is_first.swap(false, SeqCst), "a planned panic");
    });
    world.counters_behind(&faults, Config::default())
}

/// Counters of which one waits, and which are slow at each step of this name.
pub fn slow_at(world: &World, step: &'static str, delay: Duration) -> Counters {
    let faults = Faults::calling(move |name| {
        if name == step {
            std::thread::sleep(delay);
        }
    });
    let counters = world.counters_behind(&faults, Config::default());
    counters.increment(post(1), "views", 5).unwrap();
    counters
}

/// The counters of a process whose store claims to be of this generation.
pub fn of_generation(world: &World, store_id: &str, database: Option<&str>, seq: i64) -> Counters {
    let mut store = FaultyStore::new(Arc::clone(&world.store), &Faults::none());
    let own = || world.ledger.state(&world.prefix).unwrap().database;
    let database = database.map_or_else(own, str::to_owned);
    store.generation = Some(Generation::new(store_id.to_owned(), database, ClaimSeq::new(seq)));
    let mut config = Config::default();
    config.prefix = world.prefix.clone();
    Counters::from_parts(config, Arc::new(store), Arc::clone(&world.ledger))
}

/// Makes the store note a transaction that the database does not know.
pub fn note_unknown(world: &World) {
    let (store, state) = (generation(world), world.ledger.state(&world.prefix).unwrap());
    let row = state.stores.into_iter().find(|row| row.writer > 0).unwrap();
    let marks = row.marks.after(row.marks.newest(), 7);
    let noted = counter_core::NotedRow { writer: row.writer, seq: row.seq, marks, decision: None };
    assert!(store.note(&row.store_id, &noted, &[]).unwrap().is_proven());
}

/// Makes the store forget what it has noted of the database.
pub fn forget_marks(world: &World) {
    let present = generation(world).present_generation().unwrap().unwrap();
    assert!(generation(world).adopt(&present.store_id, &present.database, &[]).unwrap());
}

fn generation(world: &World) -> &dyn counter_core::StoreGeneration {
    world.store.generation().unwrap()
}

/// Gives the one counter an expiry, as another program could.
pub fn let_expire(world: &World) {
    let mut bare =
        counter_tests::servers::redis::bare(&counter_tests::servers::redis::shared_url());
    let name = format!("{}post:1:views", world.prefix);
    redis::cmd("PEXPIRE").arg(name).arg(3_600_000).exec(&mut bare).unwrap();
}

/// Sets a name under the prefix that is not a counter's.
pub fn litter(world: &World) {
    let mut bare =
        counter_tests::servers::redis::bare(&counter_tests::servers::redis::shared_url());
    let name = format!("{}nonsense", world.prefix);
    redis::cmd("SET").arg(name).arg(1).exec(&mut bare).unwrap();
}
