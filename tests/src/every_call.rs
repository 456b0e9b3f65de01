//! Calls of the library that use a database, of every kind, for tests of what is sent.

use std::time::Duration;

use counter_diesel::check::{Finding, FindingCode, Severity};
use counter_diesel::ledger::CounterConnection;
use counter_diesel::query::{Grain, OwnerType, Period, Span};
use counter_diesel::sync::PruneOptions;
use counter_diesel::{CounterKey, Counters, HasCounters, Owner, SyncOptions};
use diesel::r2d2::{ConnectionManager, Pool};

use crate::fixtures::post;

diesel::table! {
    /// The pages of an application.
    pages (id) {
        /// Which one.
        id -> BigInt,
    }
}

#[derive(HasCounters)]
#[diesel(table_name = pages)]
#[counters(keys(views(every(day))), gauges(size(every(day))))]
struct Page {
    id: i64,
}

/// Makes the tables and then the calls.
pub fn make_every_call<C: CounterConnection>(pool: &Pool<ConnectionManager<C>>) {
    let counters = Counters::builder(pool.clone()).memory().build().unwrap();
    counters.run_pending_migrations().unwrap();
    make_calls(&counters, pool);
}

/// Makes each call twice, so that what is kept is used again, where the tables are there and empty.
pub fn make_calls<C: CounterConnection>(counters: &Counters, pool: &Pool<ConnectionManager<C>>) {
    for _ in 0..2 {
        make_calls_for_totals(counters);
        make_calls_for_owners(counters);
        make_calls_for_periods(counters);
        make_calls_for_gauges(counters);
        make_calls_of_operators(counters);
        let mut conn = pool.get().unwrap();
        counters.on(&mut conn).get(post(1), "views").unwrap();
        counters.transaction(&mut conn, |_, after| after.increment(post(1), "views", 1)).unwrap();
    }
}

fn make_calls_for_totals(counters: &Counters) {
    for id in 0..3 {
        counters.increment(post(id), "views", 1).unwrap();
    }
    assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
    counters.get(post(1), "views").unwrap();
    counters.baseline(post(1), "views").unwrap();
    counters.get_many([(post(1), "views"), (post(2), "views")]).unwrap();
    counters.all(post(1)).unwrap();
    counters.top_of(&OwnerType::new("post").unwrap(), "views", 3).unwrap();
    counters.set(post(1), "views", 4).unwrap();
    let set = counters.set_many([(post(1), "views", 5), (post(2), "views", 6)]).unwrap();
    assert!(set.iter().all(Result::is_ok), "{set:?}");
    counters.reset(post(1), "views").unwrap();
    counters.delete(post(1), "views").unwrap();
}

fn make_calls_for_owners(counters: &Counters) {
    assert!(counters.merge(post(0), post(2)).unwrap().is_complete());
    let (old, new) = (OwnerType::new("post").unwrap(), OwnerType::new("article").unwrap());
    assert!(counters.rename_owner_type(&old, &new).unwrap().is_complete());
    // The table of an application would do, too.
    let table = "model_counters".parse().unwrap();
    let orphans = || counters.orphans_of(&new);
    assert_eq!(orphans().find_in(&table, "owner_id").unwrap().orphans.count(), 0);
    assert_eq!(orphans().delete_in(&table, "owner_id").unwrap().orphans.count(), 0);
    assert_eq!(counters.delete_all(Owner::new("article", 2).unwrap()).unwrap(), 1);
}

fn make_calls_for_periods(counters: &Counters) {
    let (page, week) = (Page { id: 7 }, Span::last(7, Grain::Day));
    let (page_type, views) = (OwnerType::new("page").unwrap(), CounterKey::new("views").unwrap());
    counters.increment(&page, PageCounter::Views, 1).unwrap();
    assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
    assert!(!counters.kept().unwrap().is_empty());
    let during = counters.during(week);
    assert_eq!(during.get(&page, PageCounter::Views).unwrap(), 1);
    assert_eq!(counters.series(&page, PageCounter::Views, week).unwrap().len(), 7);
    assert!(!during.stored_by([Grain::Day]).top_of(&page_type, "views", 3).unwrap().is_empty());
    counters.set_kept(&page_type, &views, Grain::Day, None).unwrap();
    let old = "day:2020-01-31".parse::<Period>().unwrap();
    counters.during(old).set(&page, PageCounter::Views, 5).unwrap();
    let long_ago = PruneOptions::new(Grain::Day, Duration::from_secs(90 * 24 * 60 * 60));
    assert_eq!(counters.prune(&long_ago).unwrap().cleared, 1);
    let set = counters.set_periods([(&page, PageCounter::Views, old, 6)]).unwrap();
    assert!(set.iter().all(Result::is_ok), "{set:?}");
    counters.during(week).reset(&page, PageCounter::Views).unwrap();
    assert!(counters.delete_all(&page).unwrap() > 0);
}

fn make_calls_for_gauges(counters: &Counters) {
    let page = Page { id: 8 };
    counters.record(&page, PageGauge::Size, 9).unwrap();
    assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
    let (_, latest) = counters.latest(&page, PageGauge::Size).unwrap().unwrap();
    assert_eq!(latest, 9);
    let week = Span::last(7, Grain::Day);
    let readings = counters.readings(&page, PageGauge::Size, week).unwrap();
    assert_eq!(readings.carried().len(), 7);
}

fn make_calls_of_operators(counters: &Counters) {
    let check = counters.check();
    assert!(check.table.is_some(), "{check:?}");
    // Servers of tests write nothing to the disk.
    let is_error = |it: &&Finding| {
        it.severity == Severity::Error && it.code != FindingCode::DatabaseDurability
    };
    let errors = check.findings.iter().filter(is_error);
    assert_eq!(errors.collect::<Vec<_>>(), Vec::<&Finding>::new());
    counters.conflicts().unwrap();
    counters.database_adoption().unwrap();
}
