//! Every documented event, brought about.

use std::time::Duration;

use counter_core::Config;
use counter_diesel::{SyncOptions, sqlite_pool};
use counter_tests::faults::Fault;
use counter_tests::fixtures::{counter_of, post};
use counter_tests::log::{Log, Logged};
use counter_tests::process::wait_for;
use libtest_mimic::Trial;

use crate::documented::{DocumentedEvent, documented_events};
use crate::scenes::{
    FUTURE, apply_from_the_future, contradict, counted, failing_at, fill, forget_marks, let_expire,
    litter, logged_of, losing, memory, note_unknown, of_generation, redis, sync,
};
use crate::{cluster, sentinel, slow, workers};

/// Causes an event, and returns all that was logged.
type Show = fn() -> Vec<Logged>;

pub const SHOWN: &[(&str, Show)] = &[
    ("synced", || {
        let world = memory();
        let report = sync(&counted(&world));
        let logged = logged_of(&world);
        assert_eq!(logged.len(), 1, "{logged:?}");
        assert_eq!(logged[0].field("report"), report.to_string());
        logged
    }),
    ("synced, but something needs attention", || {
        let world = redis();
        contradict(&world, "contradicted");
        let report = sync(&counted(&world));
        let logged = logged_of(&world);
        assert_eq!(logged.last().unwrap().field("report"), report.to_string());
        assert!(!logged.iter().any(|logged| logged.text == "synced"), "{logged:?}");
        logged
    }),
    ("a sync failed", || {
        let world = memory();
        failing_at(&world, "state", Fault::Before).sync(&SyncOptions::default()).unwrap_err();
        let logged = logged_of(&world);
        assert_eq!(logged.len(), 1, "{logged:?}");
        assert!(logged[0].field("error").contains("planned"), "{logged:?}");
        let report = sync(&failing_at(&world, "ack", Fault::Before));
        let logged = logged_of(&world);
        assert_eq!(logged.len(), 2, "{logged:?}");
        assert_eq!(logged[1].field("report"), report.to_string());
        logged
    }),
    ("the store came back from an old copy", || {
        let world = memory();
        assert!(sync(&of_generation(&world, "same", None, 500)).is_clean());
        of_generation(&world, "same", None, 499).sync(&SyncOptions::default()).unwrap_err();
        let logged = logged_of(&world);
        let last = logged.last().unwrap();
        assert_eq!((last.field("found"), last.field("recorded")), ("499", "500"));
        assert!(!logged.iter().any(|logged| logged.text == "a sync failed"), "{logged:?}");
        logged
    }),
    ("the database is not the right one", || {
        let world = redis();
        assert!(sync(&counted(&world)).is_clean());
        note_unknown(&world);
        counted(&world).sync(&SyncOptions::default()).unwrap_err();
        let logged = logged_of(&world);
        let refused = only(&logged, "the database is not the right one");
        assert!(refused.field("error").contains("counter adopt"), "{logged:?}");
        assert!(!logged.iter().any(|logged| logged.text == "a sync failed"), "{logged:?}");
        logged
    }),
    ("the store was replaced", || {
        let world = memory();
        assert!(sync(&of_generation(&world, "old", None, 500)).is_clean());
        let report = sync(&of_generation(&world, "new", None, 100));
        let logged = logged_of(&world);
        let synced_at = report.store_replaced.unwrap().synced_at.unwrap().to_string();
        let replaced = only(&logged, "the store was replaced");
        assert_eq!(replaced.field("store_id"), "\"old\"");
        assert_eq!(replaced.field("synced_at"), synced_at);
        logged
    }),
    ("another prefix was synced before", || {
        let mut world = memory();
        let present = std::mem::replace(&mut world.prefix, "before:".parse().unwrap());
        assert!(sync(&of_generation(&world, "old", None, 1)).is_clean());
        world.prefix = present;
        let report = sync(&of_generation(&world, "new", None, 1));
        let logged = logged_of(&world);
        let changed = only(&logged, "another prefix was synced before");
        assert_eq!(changed.field("other"), "\"before:\"");
        let synced_at = report.prefix_changed.unwrap().synced_at.unwrap().to_string();
        assert_eq!(changed.field("synced_at"), synced_at);
        logged
    }),
    ("the store had lost its newest sequence", || {
        let world = memory();
        drop(sync(&of_generation(&world, "id", None, 500)));
        assert!(sync(&of_generation(&world, "id", None, 0)).high_water_lost);
        logged_of(&world)
    }),
    ("a part of the store came back from an old copy", cluster::show_old_copy),
    ("a part of the store is not available", cluster::show_away),
    ("the store had lost the database's marks", || {
        let world = redis();
        for _ in 0..3 {
            assert!(sync(&counted(&world)).is_clean());
        }
        forget_marks(&world);
        assert!(sync(&counted(&world)).marks_lost);
        logged_of(&world)
    }),
    ("the store is synced into another database too", || {
        let world = memory();
        assert!(sync(&of_generation(&world, "id", Some("another"), 1)).shared_prefix);
        logged_of(&world)
    }),
    ("claims were made that no replica has confirmed", sentinel::show_alone),
    ("no sentinel names a master", sentinel::show_silence),
    ("a row is refused", || {
        let world = memory();
        let counters = counted(&world);
        fill(&counters);
        assert_eq!(sync(&counters).failed.count(), 1);
        let logged = logged_of(&world);
        let refused = only(&logged, "a row is refused");
        assert_eq!(refused.field("counter"), "post:1:full");
        assert!(refused.field("claim").ends_with(":add:1"), "{refused:?}");
        assert!(refused.field("error").contains("refused to write counters: "), "{refused:?}");
        logged
    }),
    ("a claim is in conflict", || {
        let world = redis();
        let claim = contradict(&world, "contradicted");
        assert_eq!(sync(&counted(&world)).conflicts.count(), 1);
        let logged = logged_of(&world);
        let conflict = only(&logged, "a claim is in conflict");
        assert_eq!(conflict.field("counter"), "post:1:contradicted");
        assert_eq!(conflict.field("claim"), claim.text());
        assert_eq!(conflict.field("row"), FUTURE.to_string());
        logged
    }),
    ("a claim was lost", || {
        let world = memory();
        let counters = losing(&world);
        assert_eq!(sync(&counters).lost.count(), 1);
        let logged = logged_of(&world);
        let lost = only(&logged, "a claim was lost");
        assert_eq!((lost.field("counter"), lost.field("applied")), ("post:1:views", "false"));
        assert!(lost.field("claim").ends_with(":add:5"), "{lost:?}");
        logged
    }),
    ("a count had an expiry", || {
        let world = redis();
        let counters = counted(&world);
        let_expire(&world);
        let report = sync(&counters);
        assert_eq!((report.applied, report.expiring.count()), (1, 1), "{report}");
        assert!(!report.is_clean());
        let logged = logged_of(&world);
        assert_eq!(only(&logged, "a count had an expiry").field("counter"), "post:1:views");
        counters.increment(post(1), "views", 1).unwrap();
        assert!(sync(&counters).is_clean());
        logged
    }),
    ("a claim is left unfinished", || {
        let world = redis();
        let counters = world.counters();
        counters.increment(post(1), "views", 5).unwrap();
        let id = counter_of(&post(1), "views");
        world.store.claim(&[id], Duration::MAX).unwrap();
        let report = counters.sync(&SyncOptions::default().report_held(true)).unwrap();
        assert_eq!(report.held.count(), 1, "{report}");
        let logged = logged_of(&world);
        let left = only(&logged, "a claim is left unfinished");
        assert_eq!(left.field("counter"), "post:1:views");
        assert_eq!(left.field("cause"), report.held.iter().next().unwrap().cause.to_string());
        logged
    }),
    ("a name is not a counter's", || {
        let world = redis();
        litter(&world);
        assert_eq!(sync(&counted(&world)).foreign.count(), 1);
        let logged = logged_of(&world);
        let name = only(&logged, "a name is not a counter's");
        assert_eq!(name.field("name"), format!("\"{}nonsense\"", world.prefix));
        assert!(name.field("why").len() > 5, "{name:?}");
        logged
    }),
    ("a step was slow", slow::show),
    ("a worker started", workers::show_life),
    ("a worker stopped", workers::show_life),
    ("syncs take longer than the interval", workers::show_pace),
    ("a sync panicked", workers::show_panic),
    ("old periods were pruned", workers::show_pruned),
    ("some old periods could not be pruned", workers::show_not_pruned),
    ("old periods could not be pruned", workers::show_failed_prune),
    ("a worker is dropped before its first sync: keep it, or detach it", workers::show_drop),
    ("the last sync of a worker failed", workers::show_last_failure),
    ("a set is left to the next sync", || {
        let world = memory();
        let counters = failing_at(&world, "begin", Fault::Before);
        counters.set(post(1), "views", 1).unwrap();
        let logged = logged_of(&world);
        assert_eq!(logged.len(), 1, "{logged:?}");
        assert_eq!(logged[0].field("counter"), "post:1:views");
        assert!(logged[0].field("error").contains("planned"), "{logged:?}");
        logged
    }),
    ("a set found something that needs attention", || {
        let world = redis();
        apply_from_the_future(&world, "views");
        world.counters_with(Config::default()).set(post(1), "views", 1).unwrap();
        let logged = logged_of(&world);
        assert_eq!((logged.len(), logged[0].field("counter")), (1, "post:1:views"), "{logged:?}");
        assert!(logged[0].field("report").contains("1 in conflict"), "{logged:?}");
        logged
    }),
    ("sets are left to the next sync", || {
        let world = memory();
        let counters = failing_at(&world, "begin", Fault::Before);
        let sets = counters.set_many([1, 2].map(|id| (post(id), "views", 1))).unwrap();
        assert!(sets.iter().all(Result::is_ok), "{sets:?}");
        let logged = logged_of(&world);
        assert_eq!((logged.len(), logged[0].field("sets")), (1, "2"), "{logged:?}");
        assert!(logged[0].field("error").contains("planned"), "{logged:?}");
        logged
    }),
    ("sets found something that needs attention", || {
        let world = redis();
        apply_from_the_future(&world, "views");
        let counters = world.counters_with(Config::default());
        let sets = counters.set_many([1, 2].map(|id| (post(id), "views", 1))).unwrap();
        assert!(sets.iter().all(Result::is_ok), "{sets:?}");
        let logged = logged_of(&world);
        assert_eq!((logged.len(), logged[0].field("sets")), (1, "2"), "{logged:?}");
        assert!(logged[0].field("report").contains("1 in conflict"), "{logged:?}");
        logged
    }),
    ("a pool could not open a connection", || {
        assert!(sqlite_pool("/nowhere/at/all.sqlite", 1).is_err());
        wait_for("the pool to say so", || {
            let events = Log::of_process().events();
            let logged =
                events.into_iter().find(|logged| logged.target == "counter_diesel::pool")?;
            assert!(logged.field("error").len() > 5, "{logged:?}");
            Some(vec![logged])
        })
    }),
];

/// A test for each row of the page: that it happens, and that all its fields are documented.
pub fn trials() -> impl Iterator<Item = Trial> {
    SHOWN.iter().map(|(message, show)| {
        let name = format!("logged: {message}").replace([' ', ',', ':', '\''], "_");
        Trial::test(name, move || {
            let logged = show();
            assert!(logged.iter().any(|logged| logged.text == *message), "{message}: {logged:?}");
            logged.iter().for_each(|logged| description_of(logged).assert_describes(logged));
            Ok(())
        })
    })
}

pub fn only<'a>(logged: &'a [Logged], message: &str) -> &'a Logged {
    let found = logged.iter().filter(|logged| logged.text == message).collect::<Vec<_>>();
    let [only] = found[..] else { panic!("{message}: {logged:?}") };
    only
}

fn description_of(logged: &Logged) -> DocumentedEvent {
    let mut documented = documented_events().into_iter();
    documented.find(|event| event.message == logged.text).unwrap_or_else(|| panic!("{logged:?}"))
}
