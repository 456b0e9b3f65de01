//! A sync claims the next batches while the database works on one: how far it goes, and what
//! becomes of what it has claimed when something happens in between.

use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use counter_core::{Config, CounterId, DeltaStore};
use counter_diesel::{Counters, SyncOptions};
use counter_tests::faults::{Fault, Faults};
use counter_tests::fixtures::{post, views_of};
use counter_tests::process::wait_for;
use counter_tests::suite::{self, Case};
use counter_tests::world::{PAIRS, World};

fn main() -> ExitCode {
    suite::run(PAIRS, CASES)
}

const CASES: &[Case<World>] = &[
    ("the next batch is claimed while the database works on the first", |world| {
        let steps = Steps::default();
        let process = world.counters_behind(
            &steps.watched(|steps, step| {
                if step == "upsert" && steps.upserts.load(SeqCst) == 1 {
                    wait_for("the second batch to be claimed", || steps.have_claimed(2));
                }
            }),
            Config::default(),
        );
        count(world, 5);
        let report = process.sync(&one_by_one()).unwrap();
        assert!(report.is_clean() && report.applied == 5, "{report:?}");
        assert_applied_once(world, 5);
    }),
    ("no more than two batches are claimed ahead", |world| {
        let most_claimed = Arc::new(AtomicUsize::new(0));
        let faults = Steps::default().watched({
            let (store, most_claimed) = (Arc::clone(&world.store), Arc::clone(&most_claimed));
            move |_, step| {
                if step == "begin" || step == "claim" {
                    let held = store.look(&ids(30)).unwrap().held;
                    let claims = held.iter().filter(|held| held.as_ref().unwrap().claim.is_some());
                    most_claimed.fetch_max(claims.count(), SeqCst);
                }
            }
        });
        count(world, 30);
        let report = world.counters_behind(&faults, Config::default()).sync(&one_by_one()).unwrap();
        assert!(report.is_clean() && report.applied == 30, "{report:?}");
        assert!(most_claimed.load(SeqCst) <= 3, "{most_claimed:?}");
    }),
    (
        "what is claimed when the database fails is finished by the next sync of the process",
        |world| {
            let steps = Steps::default();
            let faults = steps.deciding(|steps, step| {
                let is_of_database = ["upsert", "ask_writes"].contains(&step);
                if !is_of_database || steps.upserts.load(SeqCst) > 1 {
                    return None;
                }
                wait_for("the second batch to be claimed", || steps.have_claimed(2));
                Some(Fault::Before)
            });
            let process = world.counters_behind(&faults, Config::default());
            count(world, 5);
            let first = process.sync(&one_by_one());
            assert!(first.is_err() || first.is_ok_and(|report| report.stopped.is_some()));
            assert_eq!(process.get_many((0..5).map(|n| (post(n), "views"))).unwrap(), [1; 5]);
            let second = process.sync(&one_by_one()).unwrap();
            assert!(second.is_clean(), "{second:?}");
            assert_eq!((second.applied, second.busy), (5, 0), "{second:?}");
            assert!((2..=3).contains(&second.recovered), "{second:?}");
            assert_applied_once(world, 5);
        },
    ),
    ("what was claimed before the store fails is applied", |world| {
        let steps = Steps::default();
        let faults = steps.deciding(|steps, step| {
            (step == "claim" && steps.claims.load(SeqCst) == 3).then_some(Fault::Before)
        });
        count(world, 5);
        let process = world.counters_behind(&faults, Config::default());
        let report = process.sync(&one_by_one()).unwrap();
        assert!(report.stopped.is_some() && !report.interrupted, "{report:?}");
        // A server may name the first again instead of a third.
        let applied = report.applied;
        assert!((1..=2).contains(&applied) && report.scanned == applied, "{report:?}");
        let rest = world.counters().sync(&SyncOptions::default()).unwrap();
        assert_eq!((rest.applied, rest.busy), (5 - applied, 0), "{rest:?}");
        assert_applied_once(world, 5);
    }),
    ("a set beats what is claimed ahead of it", |world| {
        let steps = Steps::default();
        let (other, store) = (world.counters(), Arc::clone(&world.store));
        let faults = steps.watched(move |steps, step| {
            if step == "begin" && !steps.is_set.swap(true, SeqCst) {
                wait_for("the second batch to be claimed", || are_claimed(&*store, 2));
                (0..2).for_each(|n| other.set(post(n), "views", 100).unwrap());
            }
        });
        count(world, 2);
        let report = world.counters_behind(&faults, Config::default()).sync(&one_by_one()).unwrap();
        assert!(report.is_clean() && report.superseded == 2, "{report:?}");
        let values = world.counters().get_many((0..2).map(|n| (post(n), "views"))).unwrap();
        assert_eq!(values, [100; 2]);
    }),
    ("claims that were left behind are recovered ahead, with what was counted since", |world| {
        count(world, 4);
        world.store.claim(&ids(4), Duration::ZERO).unwrap();
        count(world, 4);
        let report = world.impatient_counters().sync(&one_by_one()).unwrap();
        assert!(report.is_clean(), "{report:?}");
        assert_eq!((report.applied, report.recovered), (8, 4), "{report:?}");
        for n in 0..4 {
            assert_eq!(world.counters().baseline(post(n), "views").unwrap(), 2);
        }
    }),
];

/// Whether the store holds a claim of each of the first counters.
fn are_claimed(store: &dyn DeltaStore, counters: i64) -> Option<()> {
    let held = store.look(&ids(counters)).unwrap().held;
    held.into_iter().all(|held| held.unwrap().claim.is_some()).then_some(())
}

/// How often each step was begun.
#[derive(Clone, Default)]
struct Steps {
    claims: Arc<AtomicUsize>,
    upserts: Arc<AtomicUsize>,
    is_set: Arc<AtomicBool>,
}

impl Steps {
    fn have_claimed(&self, batches: usize) -> Option<()> {
        (self.claims.load(SeqCst) >= batches).then_some(())
    }

    fn watched(&self, watch: impl Fn(&Self, &str) + Send + Sync + 'static) -> Arc<Faults> {
        self.deciding(move |steps, step| {
            watch(steps, step);
            None
        })
    }

    fn deciding(
        &self,
        decide: impl Fn(&Self, &str) -> Option<Fault> + Send + Sync + 'static,
    ) -> Arc<Faults> {
        let steps = self.clone();
        Faults::deciding(move |step| {
            let count = match step {
                "claim" => Some(&steps.claims),
                "upsert" => Some(&steps.upserts),
                _ => None,
            };
            if let Some(count) = count {
                count.fetch_add(1, SeqCst);
            }
            decide(&steps, step)
        })
    }
}

fn count(world: &World, posts: i64) {
    world.counters().increment_many((0..posts).map(|n| (post(n), "views", 1))).unwrap();
}

fn ids(posts: i64) -> Vec<CounterId> {
    (0..posts).map(views_of).collect()
}

fn assert_applied_once(world: &World, posts: i64) {
    let counters: Counters = world.counters();
    for n in 0..posts {
        assert_eq!(counters.baseline(post(n), "views").unwrap(), 1, "post {n}");
    }
}

fn one_by_one() -> SyncOptions {
    SyncOptions::default().batch_size(NonZeroUsize::MIN)
}
