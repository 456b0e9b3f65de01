//! Gauges of owners that merge, or whose type gets another name.

use chrono::{DateTime, TimeDelta, Utc};
use counter_core::{CounterId, ManualClock};
use counter_diesel::error::GaugeProblem;
use counter_diesel::query::{Grain, OwnerType, Period, Span};
use counter_diesel::sync::Merged;
use counter_diesel::{Counters, Error, HasCounters, Owner, SyncOptions};
use counter_tests::faults::{Fault, Faults};
use counter_tests::servers::redis::{bare, shared_url};
use counter_tests::suite::Case;
use counter_tests::world::{World, impatient};

use super::crash::MakingCase;

#[derive(HasCounters)]
#[counters(keys(orders), gauges(stock(every(day)), rank))]
struct Shop {
    id: i64,
}

/// The same shops by their new name.
#[derive(HasCounters)]
#[counters(keys(orders), gauges(stock(every(day)), rank))]
struct Branch {
    id: i64,
}

const NOW: &str = "2026-11-28T14:30:00Z";

/// From the oldest day to the newest.
const READINGS: [Option<i64>; 4] = [Some(5), None, Some(0), Some(0)];

pub(super) const CASES: &[Case<World>] = &[
    ("gauges are not merged, and nothing of them changes", |world| {
        let counters = at(world, NOW);
        [1, 2].into_iter().for_each(|id| record(&counters, id));
        counters.increment(Shop { id: 1 }.owner(), "orders", 3).unwrap();
        assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
        world.age_rows();
        // By the model, or by what is noted beside the buckets and in the store.
        for is_known in [true, false] {
            let merged = if is_known {
                counters.merge(&Shop { id: 1 }, &Shop { id: 2 })
            } else {
                at(world, NOW).merge(Shop { id: 1 }.owner(), Shop { id: 2 }.owner())
            };
            let merged = merged.unwrap();
            assert_eq!(not_mergeable(&merged), [id(1, "rank"), id(1, "stock")], "{merged:?}");
            assert!(!merged.is_complete() && merged.left.is_empty(), "{merged:?}");
            world.age_rows();
        }
        for shop in [1, 2] {
            assert_eq!(readings(&counters, &Shop { id: shop }), READINGS, "shop {shop}");
            assert_eq!(counters.get(&Shop { id: shop }, "rank").unwrap(), 9);
            assert_eq!(counters.get(&Shop { id: shop }, "stock").unwrap(), 0);
        }
        let orders = [1, 2].map(|id| counters.get(&Shop { id }, "orders").unwrap());
        assert_eq!(orders, [0, 3]);
        counters.delete_all(&Shop { id: 1 }).unwrap();
        let merged = counters.merge(&Shop { id: 1 }, &Shop { id: 2 }).unwrap();
        assert!(merged.is_complete(), "{merged:?}");
    }),
    ("what a model counts is merged though a reading of it was recorded once", |world| {
        let counters = world.counters();
        counters.record(Shop { id: 1 }.owner(), "orders", 5).unwrap();
        let merged = counters.merge(&Shop { id: 1 }, &Shop { id: 2 }).unwrap();
        assert!(merged.is_complete(), "{merged:?}");
        assert_eq!(counters.get(&Shop { id: 2 }, "orders").unwrap(), 5);
    }),
    ("a gauge gets another name with all readings, zeros among them", |world| {
        let counters = at(world, NOW);
        [1, 2].into_iter().for_each(|id| record(&counters, id));
        counters.increment(&Shop { id: 1 }, "orders", 3).unwrap();
        assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
        // One reading is only in the store.
        world.store.increment(&id(3, "orders"), 1).unwrap();
        let faults = Faults::deciding(|step| (step == "begin").then_some(Fault::Before));
        let without_table = world.counters_behind(&faults, impatient());
        without_table.record(&Shop { id: 3 }, ShopGauge::Rank, 7).unwrap();
        let merged = rename(&counters);
        assert!(merged.is_complete(), "{merged:?}");
        assert_eq!(merged.moved, 2 * 5 + 1 + 2, "{merged:?}");
        for id in [1, 2] {
            assert_eq!(readings(&counters, &Branch { id }), READINGS, "branch {id}");
            let latest = counters.latest(&Branch { id }, BranchGauge::Stock).unwrap();
            let today = Period::containing(Grain::Day, instant(NOW).naive_utc());
            assert_eq!(latest, Some((today, 0)), "branch {id}");
            assert_eq!(counters.get(&Branch { id }, "rank").unwrap(), 9);
            assert_eq!(readings(&counters, &Shop { id }), [None; 4], "shop {id}");
            assert_eq!(counters.get(&Shop { id }, "rank").unwrap(), 0);
        }
        assert_eq!(counters.get(&Branch { id: 3 }, "rank").unwrap(), 7);
        assert_eq!(counters.get(&Branch { id: 1 }, "orders").unwrap(), 3);
        assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
        world.age_rows();
        assert!(rename(&counters).is_complete());
        for id in 1..=3 {
            assert_eq!(world.ledger.rows_of(&Shop { id }.owner()).unwrap(), [], "shop {id}");
        }
        // The newest instant has moved, too.
        let late = counters.at(instant(NOW) - TimeDelta::hours(1));
        late.record(&Branch { id: 1 }, BranchGauge::Rank, 1).unwrap();
        assert_eq!(counters.get(&Branch { id: 1 }, "rank").unwrap(), 9);
    }),
    ("of readings by both names the last one stays, and of totals the newest", |world| {
        let counters = at(world, NOW);
        let (shop, branch) = (Shop { id: 1 }, Branch { id: 1 });
        let before = |days| counters.at(instant(NOW) - TimeDelta::days(days));
        before(1).record(&shop, ShopGauge::Stock, 4).unwrap();
        before(3).record(&branch, BranchGauge::Stock, 1).unwrap();
        before(3).record(&shop, ShopGauge::Stock, 2).unwrap();
        before(2).record(&shop, ShopGauge::Stock, 3).unwrap();
        before(2).record(&branch, BranchGauge::Stock, 8).unwrap();
        assert!(rename(&counters).is_complete());
        let expected = [Some(2), Some(8), Some(4), None];
        assert_eq!(readings(&counters, &branch), expected);
        assert_eq!(counters.get(&branch, "stock").unwrap(), 4);
        // Old processes go on for a while.
        counters.record(&branch, BranchGauge::Stock, 5).unwrap();
        before(3).record(&shop, ShopGauge::Stock, 6).unwrap();
        counters.record(&shop, ShopGauge::Stock, 0).unwrap();
        assert!(rename(&counters).is_complete());
        let expected = [Some(6), Some(8), Some(4), Some(0)];
        assert_eq!(readings(&counters, &branch), expected);
        assert_eq!(readings(&counters, &shop), [None; 4]);
        assert_eq!(counters.get(&branch, "stock").unwrap(), 0);
        assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
    }),
    ("a gauge is renamed though the store remembers a newer reading that was deleted", |world| {
        let counters = at(world, NOW);
        let yesterday = counters.at(instant(NOW) - TimeDelta::days(1));
        yesterday.record(&Shop { id: 1 }, ShopGauge::Stock, 4).unwrap();
        yesterday.record(&Shop { id: 1 }, ShopGauge::Rank, 3).unwrap();
        counters.record(&Branch { id: 1 }, BranchGauge::Stock, 5).unwrap();
        counters.record(&Branch { id: 1 }, BranchGauge::Rank, 5).unwrap();
        counters.delete_all(&Branch { id: 1 }).unwrap();
        assert!(rename(&counters).is_complete());
        assert_eq!(readings(&counters, &Branch { id: 1 }), [None, None, Some(4), None]);
        let values = counters.get_many(["stock", "rank"].map(|key| (&Branch { id: 1 }, key)));
        assert_eq!(values.unwrap(), [4, 3]);
    }),
    ("a gauge without grains is known by the instant that the store has of either name", |world| {
        if world.store.private().is_some() {
            return; // It forgets no instant.
        }
        let counters = at(world, NOW);
        counters.record(&Shop { id: 1 }, ShopGauge::Rank, 9).unwrap();
        let name = world.prefix.newest_name(&id(1, "rank"));
        let () = redis::cmd("DEL").arg(name).query(&mut bare(&shared_url())).unwrap();
        counters.record(&Branch { id: 1 }, BranchGauge::Rank, 9).unwrap();
        assert!(rename(&counters).is_complete());
        assert_eq!(counters.get(&Branch { id: 1 }, "rank").unwrap(), 9);
    }),
    ("a gauge keeps its old name until the table has it by the new one", |world| {
        let counters = at(world, NOW);
        record(&counters, 1);
        assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
        let faults = Faults::deciding(|step| (step == "begin").then_some(Fault::Before));
        drop(try_rename(&world.counters_behind(&faults, impatient())));
        let held = world.store.look(&[id(1, "rank"), id(1, "stock")]).unwrap().held;
        assert!(held.iter().all(|held| held.as_ref().unwrap().claim.is_none()), "{held:?}");
        assert_eq!(readings(&counters, &Shop { id: 1 }), READINGS);
        assert!(rename(&counters).is_complete());
        assert_eq!(readings(&counters, &Branch { id: 1 }), READINGS);
        assert_eq!(readings(&counters, &Shop { id: 1 }), [None; 4]);
    }),
    ("a reading that is recorded during a rename is not lost", |world| {
        let (shop, branch) = (Shop { id: 1 }, Branch { id: 1 });
        let mut day = instant(NOW) - TimeDelta::hours(1);
        for step in ["newest_readings", "look", "replace_unchanged", "record", "commit"] {
            for by_old_name in [true, false] {
                let counters = at(world, NOW);
                // The instants of readings that were deleted are remembered.
                day += TimeDelta::minutes(1);
                counters.at(day).record(&shop, ShopGauge::Stock, 1).unwrap();
                let other = at(world, NOW);
                let at = day + TimeDelta::seconds(30);
                let faults = Faults::calling_once_before(step, move || {
                    let recorded = if by_old_name {
                        other.at(at).record(&Shop { id: 1 }, ShopGauge::Stock, 2)
                    } else {
                        other.at(at).record(&Branch { id: 1 }, BranchGauge::Stock, 2)
                    };
                    recorded.unwrap();
                });
                let renaming = world.counters_behind(&faults, impatient());
                drop(rename(&renaming));
                assert!(rename(&counters).is_complete());
                let place = format!("before {step}, by the old name: {by_old_name}");
                assert_eq!(counters.get(&branch, "stock").unwrap(), 2, "{place}");
                assert_eq!(readings(&counters, &branch)[3], Some(2), "{place}");
                assert_eq!(readings(&counters, &shop)[3], None, "{place}");
                counters.delete_all(&branch).unwrap();
            }
        }
    }),
];

pub(super) const AT_EVERY_STEP: &[MakingCase] =
    &[("a_rename_of_gauges_may_stop_at_any_step", |make_world| {
        for fault in Fault::ALL {
            let world = make_world();
            let steps = (0..).take_while(|step| stops_at(*step, fault, &world));
            assert!(steps.count() >= 20, "{fault:?}");
        }
    })];

/// Returns whether there was such a step.
fn stops_at(step: usize, fault: Fault, world: &World) -> bool {
    let counters = at(world, NOW);
    record(&counters, 1);
    let faults = Faults::at(step, fault);
    let process = world.counters_behind(&faults, impatient());
    let survived = Faults::survive(|| drop(try_rename(&process))).is_some();
    let was_reached = faults.steps() > step;
    let place = format!("{fault:?} at step {step}");
    let next = if survived && was_reached { process } else { world.impatient_counters() };
    let next = next.with_clock(clock(NOW));
    // By one of the names each reading is there.
    let [old, new] = [readings(&next, &Shop { id: 1 }), readings(&next, &Branch { id: 1 })];
    let both = old.into_iter().zip(new).map(|(old, new)| old.or(new)).collect::<Vec<_>>();
    assert_eq!(both, READINGS, "after {place}");
    assert!(rename(&next).is_complete(), "after {place}");
    assert_eq!(readings(&next, &Branch { id: 1 }), READINGS, "after {place}");
    assert_eq!(readings(&next, &Shop { id: 1 }), [None; 4], "after {place}");
    assert_eq!(next.get(&Branch { id: 1 }, "rank").unwrap(), 9, "after {place}");
    assert!(next.sync(&SyncOptions::default()).unwrap().is_clean(), "after {place}");
    next.delete_all(&Branch { id: 1 }).unwrap();
    was_reached
}

/// Records the readings of a stock, the last of which are 0, and a rank.
fn record(counters: &Counters, id: i64) {
    let shop = Shop { id };
    for (days, reading) in (0..).zip(READINGS.into_iter().rev()) {
        if let Some(reading) = reading {
            let at = instant(NOW) - TimeDelta::days(days);
            counters.at(at).record(&shop, ShopGauge::Stock, reading).unwrap();
        }
    }
    counters.record(&shop, ShopGauge::Rank, 9).unwrap();
}

fn readings<O: HasCounters>(counters: &Counters, owner: &O) -> Vec<Option<i64>>
where
    for<'a> &'a O: counter_diesel::CounterOwner<Model = O>,
{
    let days = counters.readings(owner, "stock", Span::last(4, Grain::Day)).unwrap();
    days.into_iter().map(|(_, stock)| stock).collect()
}

fn not_mergeable(merged: &Merged) -> Vec<CounterId> {
    let mut gauges = merged
        .failed
        .iter()
        .map(|failed| match &failed.error {
            Error::Gauge(GaugeProblem::NotMergeable { counter, .. }) => counter.clone(),
            error => panic!("{error:?}"),
        })
        .collect::<Vec<_>>();
    gauges.sort();
    gauges
}

fn rename(counters: &Counters) -> Merged {
    try_rename(counters).unwrap()
}

fn try_rename(counters: &Counters) -> Result<Merged, Error> {
    let [old, new] = ["shop", "branch"].map(|name| OwnerType::new(name).unwrap());
    counters.rename_owner_type(&old, &new)
}

impl Shop {
    /// This shop, of which the model is not known.
    fn owner(&self) -> Owner {
        Owner::new("shop", self.id).unwrap()
    }
}

fn id(shop: i64, key: &str) -> CounterId {
    CounterId::new("shop", shop, key).unwrap()
}

fn at(world: &World, now: &str) -> Counters {
    world.impatient_counters().with_clock(clock(now))
}

fn clock(now: &str) -> ManualClock {
    ManualClock::at_micros(instant(now).timestamp_micros())
}

fn instant(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}
